//! Decoders of the training kit's form into the product's: names and order change, numbers keep their bits. Trains and guesses nothing.
use super::fourier::BINS;
use super::spec::{PictureSpec, Sizes};
use super::{DECODER, ENCODER, MELS, VOCODER};
use crate::import::{check, finite_f16, finite_f32, little};
use foundation::{Fault, Outcome};
use std::collections::BTreeSet;
use std::path::Path;
use weights::safetensors::{Archive, Dtype as Source};
use weights::{Dtype, PLAIN, Part, Writer};

/// The most blocks that a vocoder may have.
const MOST_BLOCKS: usize = 64;

/// One archive on its way into a writer; notes what it has taken.
struct Mover<'a> {
    archive: &'a Archive,
    path: &'a Path,
    writer: &'a mut Writer,
    taken: BTreeSet<String>,
}

/// Add the picture decoder of `image.decoder.safetensors`.
pub(crate) fn add_decoder(writer: &mut Writer, path: &Path, spec: &PictureSpec) -> Outcome<()> {
    let archive = Archive::open(path)?;
    let mut mover = Mover { archive: &archive, path, writer, taken: BTreeSet::new() };
    let sizes = spec.decoder;
    mover.int8("dec_in", &format!("{DECODER}in"), sizes.width, spec.latent)?;
    mover.tower("dec", DECODER, sizes)?;
    mover.gated("dec_out", &format!("{DECODER}out."), sizes.width, sizes.head, spec.patch_numbers())?;
    mover.finish()
}

/// Add the picture encoder of `image.encoder.safetensors`.
pub(crate) fn add_encoder(writer: &mut Writer, path: &Path, spec: &PictureSpec) -> Outcome<()> {
    let archive = Archive::open(path)?;
    let mut mover = Mover { archive: &archive, path, writer, taken: BTreeSet::new() };
    let sizes = spec.encoder;
    mover.int8("enc_in", &format!("{ENCODER}in"), sizes.width, spec.patch_numbers())?;
    mover.tower("enc", ENCODER, sizes)?;
    mover.int8("enc_out", &format!("{ENCODER}out"), spec.latent, sizes.width)?;
    mover.finish()
}

/// Add the vocoder of `vocoder.safetensors`; its matrices `[in, out]` are turned to `[out, in]`.
pub(crate) fn add_vocoder(writer: &mut Writer, path: &Path) -> Outcome<()> {
    let archive = Archive::open(path)?;
    let mut mover = Mover { archive: &archive, path, writer, taken: BTreeSet::new() };
    let depth = (0..=MOST_BLOCKS).take_while(|i| archive.get(&format!("{i}.aw")).is_ok()).count();
    let [_, width] = mover.shape("i.w")?;
    let [_, inner] = mover.shape("0.aw")?;
    let product = |name: &str| format!("{VOCODER}{name}");
    mover.turned("i.w", &product("in"), width, 5 * MELS)?;
    mover.half("i.b", &product("in.bias"), &[width])?;
    for i in 0..depth {
        let (source, product) =
            (|part: &str| format!("{i}.{part}"), |part: &str| product(&format!("blocks.{i}.{part}")));
        mover.half(&source("dw"), &product("taps"), &[7, width])?;
        mover.half(&source("db"), &product("taps.bias"), &[width])?;
        mover.half(&source("nw"), &product("norm.gain"), &[width])?;
        mover.half(&source("nb"), &product("norm.bias"), &[width])?;
        mover.turned(&source("aw"), &product("up"), inner, width)?;
        mover.half(&source("ab"), &product("up.bias"), &[inner])?;
        mover.turned(&source("bw"), &product("down"), width, inner)?;
        mover.half(&source("bb"), &product("down.bias"), &[width])?;
    }
    mover.half("o.nw", &product("norm.gain"), &[width])?;
    mover.half("o.nb", &product("norm.bias"), &[width])?;
    mover.turned("o.w", &product("out"), 3 * BINS, width)?;
    mover.half("o.b", &product("out.bias"), &[3 * BINS])?;
    mover.finish()
}

impl Mover<'_> {
    fn tower(&mut self, from: &str, prefix: &str, sizes: Sizes) -> Outcome<()> {
        for i in 0..sizes.depth {
            let (source, product) = (format!("{from}.blocks.{i}."), format!("{prefix}blocks.{i}."));
            self.gain(&format!("{source}n1"), &format!("{product}n1"), sizes.width)?;
            for part in ["wq", "wk", "wv", "wo"] {
                self.int8(&format!("{source}{part}"), &format!("{product}{part}"), sizes.width, sizes.width)?;
            }
            self.gain(&format!("{source}n2"), &format!("{product}n2"), sizes.width)?;
            self.gated(&format!("{source}ffn"), &product, sizes.width, sizes.inner, sizes.width)?;
        }
        self.gain(&format!("{from}.norm"), &format!("{prefix}norm"), sizes.width)
    }

    fn gated(&mut self, from: &str, to: &str, width: usize, inner: usize, out: usize) -> Outcome<()> {
        self.int8(&format!("{from}.w1"), &format!("{to}gate"), inner, width)?;
        self.int8(&format!("{from}.w3"), &format!("{to}up"), inner, width)?;
        self.int8(&format!("{from}.w2"), &format!("{to}down"), out, inner)
    }

    /// A matrix of codes with a scale a row.
    fn int8(&mut self, from: &str, to: &str, rows: usize, columns: usize) -> Outcome<()> {
        let (codes, scales) = (format!("{from}.weight.q8"), format!("{from}.weight.s"));
        let found = self.archive.get(&codes)?;
        check(&found, Source::I8, &[rows, columns])?;
        let factors = self.archive.get(&scales)?;
        check(&factors, Source::F16, &[rows, 1])?;
        let bits = little(&finite_f16(self.path, &factors)?);
        let shape = [rows as u64, columns as u64];
        let part =
            Part { name: to, shape: &shape, dtype: Dtype::I8, scheme: "int8.row", packed: found.bytes, scales: &bits };
        self.writer.add(part)?;
        self.taken.extend([codes, scales]);
        Ok(())
    }

    /// The gain of a norm, f32.
    fn gain(&mut self, from: &str, to: &str, width: usize) -> Outcome<()> {
        let name = format!("{from}.weight");
        let found = self.archive.get(&name)?;
        check(&found, Source::F32, &[width])?;
        finite_f32(self.path, &found)?;
        self.plain(to, &[width], Dtype::F32, found.bytes)?;
        self.taken.insert(name);
        Ok(())
    }

    /// A small f16 tensor as it is.
    fn half(&mut self, from: &str, to: &str, shape: &[usize]) -> Outcome<()> {
        let found = self.archive.get(from)?;
        check(&found, Source::F16, shape)?;
        finite_f16(self.path, &found)?;
        self.plain(to, shape, Dtype::F16, found.bytes)?;
        self.taken.insert(from.to_owned());
        Ok(())
    }

    /// An f16 matrix `[columns, rows]`, turned to `[rows, columns]`.
    fn turned(&mut self, from: &str, to: &str, rows: usize, columns: usize) -> Outcome<()> {
        let found = self.archive.get(from)?;
        check(&found, Source::F16, &[columns, rows])?;
        let bits = finite_f16(self.path, &found)?;
        let turned: Vec<u16> = (0..rows).flat_map(|r| bits[r..].iter().step_by(rows).copied()).collect();
        self.plain(to, &[rows, columns], Dtype::F16, &little(&turned))?;
        self.taken.insert(from.to_owned());
        Ok(())
    }

    fn plain(&mut self, name: &str, shape: &[usize], dtype: Dtype, packed: &[u8]) -> Outcome<()> {
        let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        self.writer.add(Part { name, shape: &shape, dtype, scheme: PLAIN, packed, scales: &[] })
    }

    /// The sizes of a matrix.
    fn shape(&self, name: &str) -> Outcome<[usize; 2]> {
        let shape = self.archive.get(name)?.shape;
        shape.try_into().map_err(|_| Fault::shape(format!("tensor {name:?}"), "[in, out]", format!("{shape:?}")))
    }

    /// Nothing may be left over.
    fn finish(self) -> Outcome<()> {
        match self.archive.names().find(|name| !self.taken.contains(*name)) {
            None => Ok(()),
            Some(extra) => Err(Fault::conflict(
                format!("{} holds a tensor {extra:?} that its part does not have", self.path.display()),
                "use the score.json that belongs to these weights",
            )),
        }
    }
}
