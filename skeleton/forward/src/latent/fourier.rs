//! The short-time Fourier transform and its inverse, of the one window that the speech parts use. No mels, no network.
use foundation::{Fault, Outcome};
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::f64::consts::TAU;
use std::sync::Arc;

/// Samples a second.
pub const SAMPLE_RATE_HZ: usize = 16_000;
/// Samples in a frame, under a periodic Hann window.
pub const FRAME: usize = 1024;
/// Samples from one frame to the next.
pub const HOP: usize = 256;
/// Frequencies of a frame.
pub(crate) const BINS: usize = FRAME / 2 + 1;
/// Samples that are cut off, or added, at each end.
pub(crate) const HALF: usize = FRAME / 2;
/// Frames that reach a sample.
const REACH: usize = FRAME / HOP;

/// The periodic Hann window `[FRAME]`.
fn window() -> Vec<f32> {
    (0..FRAME).map(|i| (0.5 - 0.5 * (TAU * i as f64 / FRAME as f64).cos()) as f32).collect()
}

/// Frames of samples to frequencies.
pub(crate) struct Forward {
    plan: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
}

impl Forward {
    /// A plan for frames.
    pub fn new() -> Self {
        Self { plan: RealFftPlanner::new().plan_fft_forward(FRAME), window: window() }
    }

    /// The magnitudes `[BINS]` of each frame of `padded`, HOP apart; out is `[frames, BINS]`.
    pub fn magnitudes(&self, out: &mut [f32], padded: &[f32]) -> Outcome<()> {
        let (mut samples, mut bins) = (self.plan.make_input_vec(), self.plan.make_output_vec());
        let mut scratch = self.plan.make_scratch_vec();
        for (t, out) in out.chunks_exact_mut(BINS).enumerate() {
            let frame = &padded[t * HOP..][..FRAME];
            samples.iter_mut().zip(frame).zip(&self.window).for_each(|((s, x), w)| *s = x * w);
            self.plan.process_with_scratch(&mut samples, &mut bins, &mut scratch).map_err(broken)?;
            out.iter_mut().zip(&bins).for_each(|(out, bin)| *out = bin.norm_sqr().sqrt());
        }
        Ok(())
    }
}

/// Frequencies to samples.
pub(crate) struct Inverse {
    plan: Arc<dyn ComplexToReal<f32>>,
    window: Vec<f32>,
    /// The squared window, `[FRAME]`.
    squares: Vec<f32>,
}

impl Inverse {
    /// A plan for frames.
    pub fn new() -> Self {
        let window = window();
        let squares = window.iter().map(|w| w * w).collect();
        Self { plan: RealFftPlanner::new().plan_fft_inverse(FRAME), window, squares }
    }

    /// The windowed samples `[FRAME]` of each spectrum `[BINS]` that `spectrum` writes for a frame; out is `[frames, FRAME]`.
    pub fn frames(&self, out: &mut [f32], mut spectrum: impl FnMut(usize, &mut [Complex<f32>])) -> Outcome<()> {
        let (mut bins, mut scratch) = (self.plan.make_input_vec(), self.plan.make_scratch_vec());
        for (t, out) in out.chunks_exact_mut(FRAME).enumerate() {
            spectrum(t, &mut bins);
            // A real signal has no phase at either end.
            (bins[0].im, bins[BINS - 1].im) = (0.0, 0.0);
            self.plan.process_with_scratch(&mut bins, out, &mut scratch).map_err(broken)?;
            out.iter_mut().zip(&self.window).for_each(|(x, w)| *x *= w / FRAME as f32);
        }
        Ok(())
    }

    /// Frames `[n, FRAME]` laid over each other HOP apart, divided by the sum of squared windows, cut by HALF at each end and held
    /// to -1 ..= 1: `[(n - 1) HOP]` samples. The frames of a sample are added in their order.
    pub fn overlap(&self, frames: &[f32]) -> Vec<f32> {
        let count = frames.len() / FRAME;
        let mut wave = Vec::with_capacity((count - 1) * HOP);
        for hop in HALF / HOP..HALF / HOP + count - 1 {
            let reaching = hop.saturating_sub(REACH - 1)..(hop + 1).min(count);
            for i in 0..HOP {
                let (mut sum, mut squares) = (0.0, 0.0);
                for t in reaching.clone() {
                    let at = (hop - t) * HOP + i;
                    sum += frames[t * FRAME + at];
                    squares += self.squares[at];
                }
                wave.push((sum / squares).clamp(-1.0, 1.0));
            }
        }
        wave
    }
}

fn broken(error: realfft::FftError) -> Fault {
    Fault::bug(format!("the transform's buffers have its sizes ({error})"))
}
