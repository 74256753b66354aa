//! What `score.json` says of the picture autoencoder, checked whole. It reads no tensors.
use crate::spec::{HEAD_SIZE, MAX_JSON_BYTES};
use foundation::{Fault, Outcome};
use serde::Deserialize;
use std::path::Path;

/// Channels of a pixel: red, green, blue, alpha.
pub(crate) const CHANNELS: usize = 4;

/// The sizes of the autoencoder, and the mean and deviation that the score network's latents were divided by.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureSpec {
    /// Pixels on a side of a picture.
    pub side: usize,
    /// Pixels on a side of a patch.
    pub patch: usize,
    /// Numbers in a latent.
    pub latent: usize,
    /// Width, blocks and inner width of the decoder, and the inner width of its output.
    pub decoder: Sizes,
    /// Width, blocks and inner width of the encoder.
    pub encoder: Sizes,
    /// Base of the rotation's frequencies.
    pub rope_base: f64,
    /// Epsilon of the norms.
    pub epsilon: f32,
    /// Mean of each number of a latent, `[latent]`.
    pub mean: Vec<f32>,
    /// Deviation of each number of a latent, `[latent]`.
    pub deviation: Vec<f32>,
}

/// The sizes of one tower of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Width of the residual stream, a multiple of 64.
    pub width: usize,
    /// How many blocks.
    pub depth: usize,
    /// Inner width of the gated units.
    pub inner: usize,
    /// Inner width of the gated output, where there is one.
    pub head: usize,
}

#[derive(Deserialize)]
struct Document {
    image: Option<Image>,
}

#[derive(Deserialize)]
struct Image {
    config: Option<Config>,
    latent_mean: Vec<f32>,
    latent_std: Vec<f32>,
}

#[derive(Deserialize)]
struct Config {
    res: usize,
    patch: usize,
    chan: usize,
    latent: usize,
    enc_dim: usize,
    enc_depth: usize,
    enc_ffn: usize,
    dec_dim: usize,
    dec_depth: usize,
    dec_ffn: usize,
    head: String,
    head_ffn: usize,
    head_size: usize,
    rope_base: f64,
    eps: f32,
    bottleneck: String,
}

impl PictureSpec {
    /// Read the part `image` of a `score.json`.
    ///
    /// Bounds: side up to 2,048 and a multiple of patch, at most 64 patches on a side, patch up to 64, latent up to 256, widths
    /// multiples of 64 up to 2,048, inner widths up to 16,384, at most 64 blocks. Errors: `Corrupt`, `OutOfRange`, `Shape`;
    /// `Unsupported` where there is no such part, or one of another construction.
    pub fn parse(json: &str) -> Outcome<Self> {
        if json.len() > MAX_JSON_BYTES {
            return Err(Fault::out_of_range("score.json in bytes", format!("0 ..= {MAX_JSON_BYTES}"), json.len()));
        }
        let document: Document =
            serde_json::from_str(json).map_err(|e| Fault::corrupt(Path::new("score.json"), 0, e.to_string()))?;
        let Some(image) = document.image else { return Err(other("a score.json without `image`")) };
        let Some(config) = image.config else { return Err(other("a score.json without `image.config`")) };
        config.refuse_other_constructions()?;
        let spec = Self {
            side: config.res,
            patch: config.patch,
            latent: config.latent,
            decoder: Sizes {
                width: config.dec_dim,
                depth: config.dec_depth,
                inner: config.dec_ffn,
                head: config.head_ffn,
            },
            encoder: Sizes { width: config.enc_dim, depth: config.enc_depth, inner: config.enc_ffn, head: 0 },
            rope_base: config.rope_base,
            epsilon: config.eps,
            mean: image.latent_mean,
            deviation: image.latent_std,
        };
        spec.check()?;
        Ok(spec)
    }

    /// Patches on a side.
    pub fn grid(&self) -> usize {
        self.side / self.patch
    }

    /// Latents of a picture.
    pub fn tokens(&self) -> usize {
        self.grid() * self.grid()
    }

    /// Numbers in the latents of a picture.
    pub fn latent_numbers(&self) -> usize {
        self.tokens() * self.latent
    }

    /// Numbers in the pixels of a patch.
    pub fn patch_numbers(&self) -> usize {
        self.patch * self.patch * CHANNELS
    }

    /// Numbers in the pixels of a picture.
    pub fn pixel_numbers(&self) -> usize {
        self.side * self.side * CHANNELS
    }

    fn check(&self) -> Outcome<()> {
        within("image.config.patch", self.patch, 1, 64)?;
        within("image.config.res", self.side, self.patch, 2048)?;
        within("image.config.latent", self.latent, 1, 256)?;
        if !self.side.is_multiple_of(self.patch) {
            return Err(Fault::out_of_range("image.config.res", format!("multiples of {}", self.patch), self.side));
        }
        within("image.config.res / patch", self.grid(), 1, 64)?;
        for (sizes, least_head) in [(&self.decoder, 1), (&self.encoder, 0)] {
            within("the width of a tower", sizes.width, HEAD_SIZE, 2048)?;
            within("the depth of a tower", sizes.depth, 1, 64)?;
            within("the inner width of a tower", sizes.inner, 1, 16_384)?;
            within("the inner width of the output", sizes.head, least_head, 16_384)?;
            if !sizes.width.is_multiple_of(HEAD_SIZE) {
                return Err(Fault::out_of_range("the width of a tower", "multiples of 64", sizes.width));
            }
        }
        if !(self.rope_base > 1.0 && self.rope_base <= 1e12 && self.epsilon > 0.0 && self.epsilon <= 1.0) {
            let got = format!("{} and {}", self.rope_base, self.epsilon);
            return Err(Fault::out_of_range("image.config.rope_base and eps", "(1, 1e12] and (0, 1]", got));
        }
        for (what, numbers) in [("image.latent_mean", &self.mean), ("image.latent_std", &self.deviation)] {
            if numbers.len() != self.latent {
                return Err(Fault::shape(what, format!("[{}]", self.latent), format!("[{}]", numbers.len())));
            }
            super::check_numbers(what, numbers, 1e4)?;
        }
        match self.deviation.iter().find(|&&d| d < 1e-6) {
            Some(d) => Err(Fault::out_of_range("image.latent_std", "1e-6 and more", d)),
            None => Ok(()),
        }
    }
}

impl Config {
    fn refuse_other_constructions(&self) -> Outcome<()> {
        if self.head != "swiglu" || self.bottleneck != "rms" {
            return Err(other(&format!("head {:?} and bottleneck {:?}", self.head, self.bottleneck)));
        }
        if self.chan != CHANNELS || self.head_size != HEAD_SIZE {
            return Err(other(&format!("{} channels and heads of {}", self.chan, self.head_size)));
        }
        Ok(())
    }
}

fn other(what: &str) -> Fault {
    let instead = "the picture autoencoder has 4 channels, heads of 64, head \"swiglu\" and bottleneck \"rms\"";
    Fault::Unsupported { what: format!("pictures with {what}"), instead: instead.into() }
}

fn within(what: &str, value: usize, low: usize, high: usize) -> Outcome<()> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Fault::out_of_range(what, format!("{low} ..= {high}"), value))
}
