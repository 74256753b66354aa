//! Log-mel of a wave: what the speech vectors are made of. No network, no inverse.
use super::check_numbers;
use super::fourier::{BINS, FRAME, Forward, HALF, HOP, SAMPLE_RATE_HZ};
use foundation::{Fault, Outcome};
use kernels::matmul_f32;
use std::sync::OnceLock;

/// Mel bands of a frame, 0 to 8,000 Hz.
pub const MELS: usize = 80;
/// The shortest wave that can be mirrored at its ends, in samples.
pub const LEAST_SAMPLES: usize = HALF + 1;
/// The longest wave that is taken at once, in samples: some four minutes.
pub const MOST_SAMPLES: usize = 1 << 22;
/// The smallest magnitude that the logarithm sees.
const FLOOR: f32 = 1e-5;
/// The largest sample that is taken: waves not yet divided by 32,768 are.
const MOST: f32 = 32_768.0;

/// The natural log-mel `[1 + samples / 256, 80]` of a wave at 16 kHz, whose samples lie in -1 ..= 1.
///
/// Mirrored by 512 at each end; frames of 1,024 under a periodic Hann window, 256 apart; magnitudes (not powers) through 80
/// bands of Slaney's scale and area norm, 0 to 8,000 Hz; ln(max(., 1e-5)). Cost: about .01 ms a frame.
/// Errors: `OutOfRange` for fewer than 513 or more than 2^22 samples, and for samples that are not finite or above 32,768.
/// Source: Slaney 1998, Auditory Toolbox, version 2; MODEL.md §6.
pub fn log_mel(wave: &[f32]) -> Outcome<Vec<f32>> {
    if !(LEAST_SAMPLES..=MOST_SAMPLES).contains(&wave.len()) {
        let range = format!("{LEAST_SAMPLES} ..= {MOST_SAMPLES}");
        return Err(Fault::out_of_range("samples of a wave", range, wave.len()));
    }
    check_numbers("the wave", wave, MOST)?;
    let padded = mirrored(wave);
    let frames = 1 + (padded.len() - FRAME) / HOP;
    let mut magnitudes = vec![0.0; frames * BINS];
    Forward::new().magnitudes(&mut magnitudes, &padded)?;
    let mut mels = vec![0.0; frames * MELS];
    static FILTERS: OnceLock<Vec<f32>> = OnceLock::new();
    matmul_f32::matmul(&mut mels, &magnitudes, FILTERS.get_or_init(filters), MELS, BINS)?;
    mels.iter_mut().for_each(|mel| *mel = mel.max(FLOOR).ln());
    Ok(mels)
}

/// The wave between its own mirror images; the sample at an end stands once.
fn mirrored(wave: &[f32]) -> Vec<f32> {
    let before = wave[1..=HALF].iter().rev();
    let after = wave[wave.len() - 1 - HALF..wave.len() - 1].iter().rev();
    before.chain(wave).chain(after).copied().collect()
}

/// The bands `[MELS, BINS]`: triangles on the mel scale, each of area one.
fn filters() -> Vec<f32> {
    let (top, last) = (mel(SAMPLE_RATE_HZ as f64 / 2.0), (MELS + 1) as f64);
    let edges: Vec<f64> = (0..MELS + 2).map(|i| hertz(top * i as f64 / last)).collect();
    let mut table = Vec::with_capacity(MELS * BINS);
    for edge in edges.windows(3) {
        let area = 2.0 / (edge[2] - edge[0]);
        for bin in 0..BINS {
            let at = bin as f64 * SAMPLE_RATE_HZ as f64 / FRAME as f64;
            let (up, down) = ((at - edge[0]) / (edge[1] - edge[0]), (edge[2] - at) / (edge[2] - edge[1]));
            table.push((up.min(down).max(0.0) * area) as f32);
        }
    }
    table
}

/// Slaney's scale: 3 mel for 200 Hz up to 1,000 Hz, then 27 for a factor of 6.4.
fn mel(hertz: f64) -> f64 {
    if hertz < 1000.0 { hertz * 3.0 / 200.0 } else { 15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4f64.ln() }
}

/// The inverse of `mel`.
fn hertz(mel: f64) -> f64 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * ((mel - 15.0) * 6.4f64.ln() / 27.0).exp() }
}
