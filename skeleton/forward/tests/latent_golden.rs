//! The decoders give the golden vectors of the code that trained them, and the shipped file is the training form to the bit.
#![allow(clippy::unwrap_used)]
mod common;
use common::{apart, from_root};
use forward::Precision;
use forward::latent::{PictureDecoder, PictureEncoder, Vocoder, log_mel};
use foundation::Cancel;
use foundation::pool::Pool;
use std::sync::Arc;
use weights::Weights;
use weights::safetensors::Archive;

/// Largest difference that float rounding may make.
const TOLERANCE: f32 = 2e-5;
/// What INT8 activations may cost a picture of which 1 is the brightest: 40 dB.
const MOST_SQUARED: f64 = 1e-4;

fn golden(name: &str) -> Vec<f32> {
    let archive = Archive::open(from_root("tests/parity/golden/latent.safetensors")).unwrap();
    let bytes = archive.get(name).unwrap().bytes;
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

fn json() -> String {
    std::fs::read_to_string(from_root("brain/pretrained/base/score.json")).unwrap()
}

fn file(name: &str) -> Arc<Weights> {
    Arc::new(Weights::open(from_root("brain/pretrained/base").join(name)).unwrap())
}

fn decoder() -> PictureDecoder {
    PictureDecoder::open(file("weights.arrow"), &json(), Pool::new(2).unwrap()).unwrap()
}

#[test]
fn a_latent_becomes_the_golden_picture() {
    let numbers = decoder().decode_numbers(&golden("image.latent"), Precision::F32, &Cancel::never()).unwrap();
    let rows = golden("image.decoded_rows_0_8");
    let difference = apart(&numbers[..rows.len()], &rows);
    assert!(difference < TOLERANCE, "{difference}");
}

#[test]
fn bytes_are_the_clamped_numbers_with_colours_below_alpha() {
    let (decoder, latents, never) = (decoder(), golden("image.latent"), Cancel::never());
    let numbers = decoder.decode_numbers(&latents, Precision::F32, &never).unwrap();
    let bytes = decoder.decode(&latents, Precision::F32, &never).unwrap();
    for (o, pixel) in numbers.chunks_exact(4).zip(bytes.chunks_exact(4)) {
        let alpha = o[3].clamp(0.0, 1.0);
        for c in 0..4 {
            let want = o[c].clamp(0.0, 1.0).min(alpha) * 255.0;
            assert!((f32::from(pixel[c]) - want).abs() <= 0.5 && pixel[c] <= pixel[3], "{o:?} gave {pixel:?}");
        }
    }
}

#[test]
fn int8_activations_cost_a_picture_less_than_40_decibels_show() {
    let (decoder, latents, never) = (decoder(), golden("image.latent"), Cancel::never());
    let exact = decoder.decode(&latents, Precision::F32, &never).unwrap();
    let int8 = decoder.decode(&latents, Precision::Int8, &never).unwrap();
    let squares: f64 = exact.iter().zip(&int8).map(|(&a, &b)| ((f64::from(a) - f64::from(b)) / 255.0).powi(2)).sum();
    let mean = squares / exact.len() as f64;
    assert!(mean > 0.0 && mean < MOST_SQUARED, "{mean}");
}

#[test]
fn a_picture_becomes_the_golden_latent() {
    let encoder = PictureEncoder::open(file("encoder.arrow"), &json(), Pool::new(2).unwrap()).unwrap();
    let ramp: Vec<u8> = (0..512 * 512 * 4).map(|i| (i % 251) as u8).collect();
    let (never, want) = (Cancel::never(), golden("image.encoded_of_ramp"));
    let z = encoder.encode_unit(&ramp, Precision::F32, &never).unwrap();
    assert!(apart(&z, &want) < TOLERANCE, "{}", apart(&z, &want));
    let zn = encoder.encode(&ramp, Precision::F32, &never).unwrap();
    let spec = encoder.spec();
    for (i, (zn, z)) in zn.iter().zip(&z).enumerate() {
        assert!((zn * spec.deviation[i % 32] + spec.mean[i % 32] - z).abs() < 1e-5);
    }
}

#[test]
fn log_mel_becomes_the_golden_wave() {
    let vocoder = Vocoder::open(file("weights.arrow"), Pool::new(2).unwrap()).unwrap();
    let wave = vocoder.wave(&golden("vocoder.log_mel"), &Cancel::never()).unwrap();
    let difference = apart(&wave, &golden("vocoder.wave"));
    assert!(difference < TOLERANCE, "{difference}");
}

#[test]
fn sound_that_is_heard_and_said_again_is_heard_the_same() {
    let vocoder = Vocoder::open(file("weights.arrow"), Pool::new(2).unwrap()).unwrap();
    let heard = log_mel(&golden("vocoder.wave")).unwrap();
    let again = log_mel(&vocoder.wave(&heard, &Cancel::never()).unwrap()).unwrap();
    let mut off: Vec<f32> = heard.iter().zip(&again).map(|(a, b)| (a - b).abs()).collect();
    off.sort_by(f32::total_cmp);
    assert!(off[off.len() / 2] < 1.0, "half of the bands are off by {}", off[off.len() / 2]);
}
