//! The picture decoder and encoder over a mapped weight file: latents of the score network to pixels and back. They keep nothing
//! between calls.
use super::spec::{CHANNELS, PictureSpec};
use super::tower::{Angles, Finder, Gated, Rows, Tower};
use super::{DECODER, ENCODER, check_numbers, pixels, without};
use crate::operand::Precision;
use foundation::pool::Pool;
use foundation::{Cancel, Fault, Outcome};
use kernels::aligned::Floats;
use kernels::on_this_thread;
use rayon::prelude::*;
use std::sync::Arc;
use weights::Weights;

/// The largest number in a latent that is taken; the score network's have deviation 1.
const MOST: f32 = 1e4;
/// Rows of patches that go to a thread at a time.
const BANDS: usize = 2;

/// Latents to pictures.
pub struct PictureDecoder {
    weights: Arc<Weights>,
    spec: PictureSpec,
    angles: Angles,
    pool: Pool,
}

/// Pictures to latents.
pub struct PictureEncoder {
    weights: Arc<Weights>,
    spec: PictureSpec,
    angles: Angles,
    pool: Pool,
}

impl PictureDecoder {
    /// Check the part `image` of `score_json` and the decoder's tensors.
    ///
    /// Errors: those of `PictureSpec::parse`; `Unsupported` for weights without a decoder; `NotFound`, `Shape`, `Dtype`.
    pub fn open(weights: Arc<Weights>, score_json: &str, pool: Pool) -> Outcome<Self> {
        let spec = PictureSpec::parse(score_json)?;
        if !weights.names().any(|name| name.starts_with(DECODER)) {
            return Err(without("pictures", "image.decoder.safetensors"));
        }
        let angles = Angles::of_grid(spec.grid(), spec.rope_base);
        let decoder = Self { weights, spec, angles, pool };
        decoder.parts()?;
        Ok(decoder)
    }

    /// The autoencoder's sizes.
    pub fn spec(&self) -> &PictureSpec {
        &self.spec
    }

    /// Premultiplied RGBA bytes `[n, side, side, 4]` of latents `[n, tokens, latent]`.
    ///
    /// A latent is that of the score network, mean 0 and deviation 1. Pixel = clamp(o, 0, 1), colours at most alpha.
    /// A picture's bytes depend on its own latents alone, not on the others or on the number of threads.
    /// Errors: `Shape`, `OutOfRange` for what is not finite or above 10,000; `Cancelled`, `Deadline` (read between blocks).
    /// Source: MODEL.md §2 and §6; Dosovitskiy et al. 2020, arXiv:2010.11929 (a Transformer over patches).
    pub fn decode(&self, latents: &[f32], precision: Precision, cancel: &Cancel) -> Outcome<Vec<u8>> {
        self.each(latents, precision, cancel, pixels::as_bytes)
    }

    /// As `decode`, the numbers o before the clamps: for parity and for what bytes cost.
    pub fn decode_numbers(&self, latents: &[f32], precision: Precision, cancel: &Cancel) -> Outcome<Vec<f32>> {
        self.each(latents, precision, cancel, pixels::as_numbers)
    }

    fn each<T: Copy + Default + Send>(
        &self,
        latents: &[f32],
        precision: Precision,
        cancel: &Cancel,
        place: impl Fn(&PictureSpec, &[f32], &mut [T]) + Sync,
    ) -> Outcome<Vec<T>> {
        let spec = &self.spec;
        let count = pictures("latents", latents.len(), spec.latent_numbers())?;
        check_numbers("latents", latents, MOST)?;
        let (enter, tower, out) = self.parts()?;
        let mut all = vec![T::default(); count * spec.pixel_numbers()];
        self.pool.run(|| {
            let each = latents.chunks_exact(spec.latent_numbers()).zip(all.chunks_exact_mut(spec.pixel_numbers()));
            for (latents, pixels) in each {
                let z = self.unnormalised(latents);
                let mut x = Floats::zeros(spec.tokens() * spec.decoder.width);
                // So few inputs gain nothing from INT8.
                Rows::new(&z, spec.latent, Precision::F32)?.times(&enter, &mut x)?;
                let part = BANDS * spec.grid();
                tower.run(&mut x, &self.angles, part, precision, cancel)?;
                let bands = pixels.par_chunks_mut(BANDS * spec.patch * spec.side * CHANNELS);
                x.par_chunks(part * spec.decoder.width).zip(bands).try_for_each(|(x, pixels)| {
                    on_this_thread(|| {
                        let x = tower.finish(x)?;
                        let mut o = Floats::zeros(x.len() / spec.decoder.width * spec.patch_numbers());
                        out.apply(&mut o, &x, precision)?;
                        place(spec, &o, pixels);
                        Ok(())
                    })
                })?;
            }
            Ok(())
        })?;
        Ok(all)
    }

    /// z = zn deviation + mean, each latent then brought to length sqrt(latent).
    fn unnormalised(&self, latents: &[f32]) -> Vec<f32> {
        let numbers = self.spec.deviation.iter().zip(&self.spec.mean).cycle();
        let mut z: Vec<f32> = latents.iter().zip(numbers).map(|(zn, (d, m))| zn * d + m).collect();
        z.chunks_exact_mut(self.spec.latent).for_each(to_unit);
        z
    }

    #[allow(clippy::type_complexity)]
    fn parts(&self) -> Outcome<(kernels::matmul_int8::Int8<'_>, Tower<'_>, Gated<'_>)> {
        let finder = Finder { weights: &self.weights, prefix: DECODER };
        let (spec, sizes) = (&self.spec, self.spec.decoder);
        let enter = finder.matrix("in", sizes.width, spec.latent)?;
        let tower = Tower::find(finder, sizes, spec.epsilon)?;
        Ok((enter, tower, Gated::find(finder, "out.", sizes.width, sizes.head, spec.patch_numbers())?))
    }
}

impl PictureEncoder {
    /// Check the part `image` of `score_json` and the encoder's tensors. Errors as `PictureDecoder::open`.
    pub fn open(weights: Arc<Weights>, score_json: &str, pool: Pool) -> Outcome<Self> {
        let spec = PictureSpec::parse(score_json)?;
        if !weights.names().any(|name| name.starts_with(ENCODER)) {
            return Err(without("latents of pictures", "image.encoder.safetensors"));
        }
        let angles = Angles::of_grid(spec.grid(), spec.rope_base);
        let encoder = Self { weights, spec, angles, pool };
        encoder.parts()?;
        Ok(encoder)
    }

    /// The autoencoder's sizes.
    pub fn spec(&self) -> &PictureSpec {
        &self.spec
    }

    /// Latents zn `[n, tokens, latent]` as the score network knows them, of premultiplied RGBA bytes `[n, side, side, 4]`.
    ///
    /// Pixels are used as they are: that colours are at most alpha is the caller's affair. Errors: `Shape`, `Cancelled`, `Deadline`.
    pub fn encode(&self, pictures: &[u8], precision: Precision, cancel: &Cancel) -> Outcome<Vec<f32>> {
        let mut z = self.encode_unit(pictures, precision, cancel)?;
        let numbers = self.spec.deviation.iter().zip(&self.spec.mean).cycle();
        z.iter_mut().zip(numbers).for_each(|(z, (deviation, mean))| *z = (*z - mean) / deviation);
        Ok(z)
    }

    /// As `encode`, before mean and deviation: latents z of length sqrt(latent), for parity.
    pub fn encode_unit(&self, bytes: &[u8], precision: Precision, cancel: &Cancel) -> Outcome<Vec<f32>> {
        let spec = &self.spec;
        let count = pictures("pictures", bytes.len(), spec.pixel_numbers())?;
        let (enter, tower, leave) = self.parts()?;
        let mut all = vec![0.0; count * spec.latent_numbers()];
        let (part, width) = (BANDS * spec.grid(), spec.encoder.width);
        self.pool.run(|| {
            let each = bytes.chunks_exact(spec.pixel_numbers()).zip(all.chunks_exact_mut(spec.latent_numbers()));
            for (bytes, latents) in each {
                let mut x = Floats::zeros(spec.tokens() * width);
                let bands = bytes.par_chunks(BANDS * spec.patch * spec.side * CHANNELS);
                x.par_chunks_mut(part * width).zip(bands).try_for_each(|(x, bytes)| {
                    let mut patches = Floats::zeros(bytes.len());
                    pixels::to_patches(spec, bytes, &mut patches);
                    on_this_thread(|| Rows::new(&patches, spec.patch_numbers(), precision)?.times(&enter, x))
                })?;
                tower.run(&mut x, &self.angles, part, precision, cancel)?;
                Rows::new(&tower.finish(&x)?, width, Precision::F32)?.times(&leave, latents)?;
                latents.chunks_exact_mut(spec.latent).for_each(to_unit);
            }
            Ok(())
        })?;
        Ok(all)
    }

    #[allow(clippy::type_complexity)]
    fn parts(&self) -> Outcome<(kernels::matmul_int8::Int8<'_>, Tower<'_>, kernels::matmul_int8::Int8<'_>)> {
        let finder = Finder { weights: &self.weights, prefix: ENCODER };
        let (spec, sizes) = (&self.spec, self.spec.encoder);
        let enter = finder.matrix("in", sizes.width, spec.patch_numbers())?;
        let tower = Tower::find(finder, sizes, spec.epsilon)?;
        Ok((enter, tower, finder.matrix("out", spec.latent, sizes.width)?))
    }
}

/// z / sqrt(mean(z²) + 1e-6).
fn to_unit(z: &mut [f32]) {
    let mean = z.iter().map(|z| f64::from(*z) * f64::from(*z)).sum::<f64>() / z.len() as f64;
    let inverse = (1.0 / (mean + 1e-6).sqrt()) as f32;
    z.iter_mut().for_each(|z| *z *= inverse);
}

/// How many pictures there are; none, or a part of one, is refused.
fn pictures(what: &str, numbers: usize, each: usize) -> Outcome<usize> {
    if numbers == 0 || !numbers.is_multiple_of(each) {
        return Err(Fault::shape(what, format!("[n, {each}] in all, n 1 and more"), format!("[{numbers}]")));
    }
    Ok(numbers / each)
}
