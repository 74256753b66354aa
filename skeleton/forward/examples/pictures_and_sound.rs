//! A tour of the decoders: `pictures_and_sound FOLDER` decodes and encodes a picture and makes a second of sound, with times.
use forward::Precision;
use forward::latent::{MELS, PictureDecoder, PictureEncoder, Vocoder, log_mel};
use foundation::pool::Pool;
use foundation::{Cancel, Fault, Outcome};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use weights::Weights;

/// The best of some rounds, in milliseconds.
fn best_ms<T>(mut work: impl FnMut() -> Outcome<T>) -> Outcome<(f64, T)> {
    let mut best = (f64::INFINITY, work()?);
    for _ in 0..10 {
        let begin = Instant::now();
        let made = work()?;
        let spent = begin.elapsed().as_secs_f64() * 1e3;
        if spent < best.0 {
            best = (spent, made);
        }
    }
    Ok(best)
}

/// Signal over the mean squared difference, in decibels, for numbers of which 1 is the largest.
fn decibels(a: &[f32], b: &[f32]) -> f64 {
    let squares: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a.clamp(0.0, 1.0) - b.clamp(0.0, 1.0)).powi(2)).sum();
    -10.0 * (squares / a.len() as f64).log10()
}

fn main() -> Outcome<()> {
    let folder =
        PathBuf::from(std::env::args().nth(1).ok_or_else(|| Fault::not_found("an argument: a model's folder"))?);
    let json = std::fs::read_to_string(folder.join("score.json")).map_err(|e| Fault::io(&folder, e))?;
    let weights = Arc::new(Weights::open(folder.join("weights.arrow"))?);
    let (pool, never) = (Pool::new(2)?, Cancel::never());

    // Latents as noise would be: any numbers of mean 0 and deviation 1 give some picture.
    let decoder = PictureDecoder::open(Arc::clone(&weights), &json, pool.clone())?;
    let latents: Vec<f32> = (0..decoder.spec().latent_numbers()).map(|i| (i as f32 * 0.7).sin() * 1.4).collect();
    let (exact_ms, exact) = best_ms(|| decoder.decode_numbers(&latents, Precision::F32, &never))?;
    let (int8_ms, int8) = best_ms(|| decoder.decode_numbers(&latents, Precision::Int8, &never))?;
    let (bytes_ms, picture) = best_ms(|| decoder.decode(&latents, Precision::Int8, &never))?;
    println!(
        "decode: f32 {exact_ms:.1} ms, INT8 {int8_ms:.1} ms ({bytes_ms:.1} as bytes), {:.1} dB",
        decibels(&exact, &int8)
    );

    let encoder = PictureEncoder::open(Arc::new(Weights::open(folder.join("encoder.arrow"))?), &json, pool.clone())?;
    let (exact_ms, exact) = best_ms(|| encoder.encode(&picture, Precision::F32, &never))?;
    let (int8_ms, int8) = best_ms(|| encoder.encode(&picture, Precision::Int8, &never))?;
    let apart = exact.iter().zip(&int8).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("encode: f32 {exact_ms:.1} ms, INT8 {int8_ms:.1} ms, at most {apart:.3} apart");

    let wave: Vec<f32> = (0..48_000).map(|i| (i as f32 * 0.05).sin() * 0.3).collect();
    let (mel_ms, mels) = best_ms(|| log_mel(&wave))?;
    let vocoder = Vocoder::open(weights, pool)?;
    let (wave_ms, sound) = best_ms(|| vocoder.wave(&mels, &never))?;
    println!(
        "3 s of sound: log-mel {mel_ms:.1} ms, {} frames; vocoder {wave_ms:.1} ms, {} samples",
        mels.len() / MELS,
        sound.len()
    );
    Ok(())
}
