//! The vocoder: log-mel frames to a wave, by magnitude and phase of each frame. No noise, no steps: one pass.
use super::fourier::{BINS, FRAME, Inverse};
use super::{MELS, VOCODER, check_numbers, without};
use foundation::pool::Pool;
use foundation::{Cancel, Fault, Outcome};
use half::f16;
use kernels::aligned::Floats;
use kernels::{exp, gelu, layer_norm, matmul_f32, on_this_thread, taps};
use rayon::prelude::*;
use realfft::num_complex::Complex;
use std::sync::Arc;
use weights::Weights;

/// The most frames that are taken at once: over four minutes.
pub const MOST_FRAMES: usize = 1 << 14;
/// Frames that enter together: two before, two after.
const AROUND: usize = 5;
/// Taps of the depthwise correlation.
const TAPS: usize = 7;
/// Epsilon of the layer norms.
const EPSILON: f32 = 1e-5;
/// The largest log magnitude.
const LOUDEST: f32 = 6.0;
/// The largest log-mel that is taken, in size.
const MOST: f32 = 100.0;
/// Frames that go to a thread at a time.
const PART: usize = 32;
/// The most blocks that a file may have.
const MOST_BLOCKS: usize = 64;

/// Log-mel to wave, over a mapped weight file.
pub struct Vocoder {
    weights: Arc<Weights>,
    width: usize,
    inner: usize,
    enter_bias: Vec<f32>,
    blocks: Vec<Block>,
    last: Norm,
    leave_bias: Vec<f32>,
    inverse: Inverse,
    pool: Pool,
}

/// The small numbers of a block, as f32.
struct Block {
    taps: Vec<f32>,
    taps_bias: Vec<f32>,
    norm: Norm,
    up_bias: Vec<f32>,
    down_bias: Vec<f32>,
}

struct Norm {
    gain: Vec<f32>,
    bias: Vec<f32>,
}

/// A matrix of f16 in the file.
#[derive(Clone, Copy)]
struct Half<'w> {
    rows: usize,
    columns: usize,
    bits: &'w [u16],
}

impl Half<'_> {
    fn apply(&self, out: &mut [f32], x: &[f32]) -> Outcome<()> {
        matmul_f32::matmul_f16(out, x, self.bits, self.rows, self.columns)
    }
}

impl Vocoder {
    /// Check the vocoder's tensors; their sizes follow from their shapes.
    ///
    /// Errors: `Unsupported` for weights without a vocoder; `NotFound`, `Shape`, `Dtype`, `OutOfRange` (more than 64 blocks).
    pub fn open(weights: Arc<Weights>, pool: Pool) -> Outcome<Self> {
        if !weights.names().any(|name| name.starts_with(VOCODER)) {
            return Err(without("sound", "vocoder.safetensors"));
        }
        let depth = (0..=MOST_BLOCKS).take_while(|i| weights.get(&format!("{VOCODER}blocks.{i}.up")).is_ok()).count();
        if !(1..=MOST_BLOCKS).contains(&depth) {
            return Err(Fault::out_of_range("blocks of the vocoder", format!("1 ..= {MOST_BLOCKS}"), depth));
        }
        let (width, _) = weights.get(&format!("{VOCODER}in"))?.matrix()?;
        let (inner, _) = weights.get(&format!("{VOCODER}blocks.0.up"))?.matrix()?;
        let blocks = (0..depth).map(|i| Block::read(&weights, i, width, inner)).collect::<Outcome<_>>()?;
        let enter_bias = numbers(&weights, "in.bias", &[width])?;
        let last = Norm::read(&weights, "norm", width)?;
        let leave_bias = numbers(&weights, "out.bias", &[3 * BINS])?;
        let inverse = Inverse::new();
        let vocoder = Self { weights, width, inner, enter_bias, blocks, last, leave_bias, inverse, pool };
        vocoder.ends()?;
        (0..depth).try_for_each(|i| vocoder.unit(i).map(|_| ()))?;
        Ok(vocoder)
    }

    /// The wave `[(frames - 1) 256]` at 16 kHz in -1 ..= 1 of natural log-mel `[frames, 80]`, as `log_mel` makes it.
    ///
    /// Bits do not depend on the number of threads. Cost: about 2.1 million multiply-adds a frame.
    /// Errors: `Shape`, `OutOfRange` (2 to 2^14 frames; numbers in -100 ..= 100), `Cancelled`, `Deadline` (read between blocks).
    /// Source: MODEL.md §6; the form is that of Siuzdak 2023, arXiv:2306.00814 (magnitude and phase, inverse transform).
    pub fn wave(&self, log_mel: &[f32], cancel: &Cancel) -> Outcome<Vec<f32>> {
        if !log_mel.len().is_multiple_of(MELS) {
            return Err(Fault::shape("log_mel", format!("[frames, {MELS}]"), format!("[{}]", log_mel.len())));
        }
        let frames = log_mel.len() / MELS;
        if !(2..=MOST_FRAMES).contains(&frames) {
            return Err(Fault::out_of_range("frames of log_mel", format!("2 ..= {MOST_FRAMES}"), frames));
        }
        check_numbers("log_mel", log_mel, MOST)?;
        self.pool.run(|| {
            let mut x = self.enter(log_mel)?;
            let mut next = Floats::zeros(x.len());
            for i in 0..self.blocks.len() {
                cancel.check()?;
                self.block(i, &x, &mut next)?;
                std::mem::swap(&mut x, &mut next);
            }
            cancel.check()?;
            Ok(self.inverse.overlap(&self.leave(&x)?))
        })
    }

    /// Five frames around each, edges repeated, into the residual stream.
    fn enter(&self, log_mel: &[f32]) -> Outcome<Floats> {
        let (enter, _) = self.ends()?;
        let frames = log_mel.len() / MELS;
        let mut x = Floats::zeros(frames * self.width);
        x.par_chunks_mut(PART * self.width).enumerate().try_for_each(|(part, x)| {
            let mut around = Floats::default();
            for t in (part * PART..).take(x.len() / self.width) {
                for k in 0..AROUND {
                    let at = (t + k).saturating_sub(AROUND / 2).min(frames - 1);
                    let joined: [f32; MELS] = std::array::from_fn(|i| (log_mel[at * MELS + i] + 5.0) / 2.0);
                    around.extend_from_slice(&joined);
                }
            }
            on_this_thread(|| enter.apply(x, &around))?;
            add_rows(x, &self.enter_bias);
            Ok(())
        })?;
        Ok(x)
    }

    fn block(&self, index: usize, x: &[f32], next: &mut [f32]) -> Outcome<()> {
        let (block, (up, down), width) = (&self.blocks[index], self.unit(index)?, self.width);
        let parts = next.par_chunks_mut(PART * width).zip(x.par_chunks(PART * width));
        parts.enumerate().try_for_each(|(part, (next, old))| {
            on_this_thread(|| {
                let mut normed = Floats::zeros(next.len());
                taps::correlate(next, x, part * PART, &block.taps, &block.taps_bias)?;
                layer_norm::layer_norm(&mut normed, next, &block.norm.gain, &block.norm.bias, EPSILON)?;
                let mut wide = Floats::zeros(next.len() / width * self.inner);
                up.apply(&mut wide, &normed)?;
                gelu::gelu_tanh(&mut wide, &block.up_bias)?;
                down.apply(next, &wide)?;
                add_rows(next, &block.down_bias);
                next.iter_mut().zip(old).for_each(|(next, old)| *next += old);
                Ok(())
            })
        })
    }

    /// The windowed samples `[frames, 1024]` of the residual stream.
    fn leave(&self, x: &[f32]) -> Outcome<Floats> {
        let (_, leave) = self.ends()?;
        let mut samples = Floats::zeros(x.len() / self.width * FRAME);
        let parts = samples.par_chunks_mut(PART * FRAME).zip(x.par_chunks(PART * self.width));
        parts.try_for_each(|(samples, x)| {
            on_this_thread(|| {
                let mut normed = Floats::zeros(x.len());
                layer_norm::layer_norm(&mut normed, x, &self.last.gain, &self.last.bias, EPSILON)?;
                let mut out = Floats::zeros(x.len() / self.width * 3 * BINS);
                leave.apply(&mut out, &normed)?;
                add_rows(&mut out, &self.leave_bias);
                for frame in out.chunks_exact_mut(3 * BINS) {
                    let loudness = &mut frame[..BINS];
                    loudness.iter_mut().for_each(|log| *log = log.min(LOUDEST));
                    exp::exp(loudness, 0.0)?;
                }
                self.inverse.frames(samples, |t, bins| spectrum(&out[t * 3 * BINS..][..3 * BINS], bins))
            })
        })?;
        Ok(samples)
    }

    fn ends(&self) -> Outcome<(Half<'_>, Half<'_>)> {
        let enter = half(&self.weights, "in", self.width, AROUND * MELS)?;
        Ok((enter, half(&self.weights, "out", 3 * BINS, self.width)?))
    }

    fn unit(&self, index: usize) -> Outcome<(Half<'_>, Half<'_>)> {
        let up = half(&self.weights, &format!("blocks.{index}.up"), self.inner, self.width)?;
        Ok((up, half(&self.weights, &format!("blocks.{index}.down"), self.width, self.inner)?))
    }
}

impl Block {
    fn read(weights: &Weights, index: usize, width: usize, inner: usize) -> Outcome<Self> {
        let name = |part: &str| format!("blocks.{index}.{part}");
        Ok(Self {
            taps: numbers(weights, &name("taps"), &[TAPS, width])?,
            taps_bias: numbers(weights, &name("taps.bias"), &[width])?,
            norm: Norm::read(weights, &name("norm"), width)?,
            up_bias: numbers(weights, &name("up.bias"), &[inner])?,
            down_bias: numbers(weights, &name("down.bias"), &[width])?,
        })
    }
}

impl Norm {
    fn read(weights: &Weights, name: &str, width: usize) -> Outcome<Self> {
        Ok(Self {
            gain: numbers(weights, &format!("{name}.gain"), &[width])?,
            bias: numbers(weights, &format!("{name}.bias"), &[width])?,
        })
    }
}

/// Magnitude and the direction (p, q) as complex numbers; a direction without length gives silence.
fn spectrum(frame: &[f32], bins: &mut [Complex<f32>]) {
    let (magnitudes, phases) = frame.split_at(BINS);
    let (cosines, sines) = phases.split_at(BINS);
    for (((bin, magnitude), p), q) in bins.iter_mut().zip(magnitudes).zip(cosines).zip(sines) {
        let scale = magnitude / (p * p + q * q).sqrt().max(1e-6);
        *bin = Complex::new(p * scale, q * scale);
    }
}

fn add_rows(x: &mut [f32], bias: &[f32]) {
    for row in x.chunks_exact_mut(bias.len()) {
        row.iter_mut().zip(bias).for_each(|(x, bias)| *x += bias);
    }
}

/// The bits of an f16 tensor of the vocoder, in place.
fn bits<'w>(weights: &'w Weights, name: &str, shape: &[usize]) -> Outcome<&'w [u16]> {
    let name = format!("{VOCODER}{name}");
    let tensor = weights.get(&name)?;
    if !tensor.shape.iter().copied().eq(shape.iter().map(|&n| n as u64)) {
        let got = format!("{:?}", tensor.shape);
        return Err(Fault::shape(format!("tensor {name:?}"), format!("{shape:?}"), got));
    }
    tensor.f16_bits()
}

fn half<'w>(weights: &'w Weights, name: &str, rows: usize, columns: usize) -> Outcome<Half<'w>> {
    Ok(Half { rows, columns, bits: bits(weights, name, &[rows, columns])? })
}

/// A small tensor, freed to f32.
fn numbers(weights: &Weights, name: &str, shape: &[usize]) -> Outcome<Vec<f32>> {
    Ok(bits(weights, name, shape)?.iter().map(|&b| f16::from_bits(b).to_f32()).collect())
}
