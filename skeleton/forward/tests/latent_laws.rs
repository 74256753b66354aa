//! Laws of the decoders: nothing depends on company or threads, calls can be withdrawn, and what is wrong is refused by name.
#![allow(clippy::unwrap_used)]
mod common;
use common::{bits, from_root, numbers};
use forward::Precision;
use forward::latent::{MELS, PictureDecoder, PictureEncoder, Vocoder, log_mel};
use foundation::pool::Pool;
use foundation::{Cancel, Fault};
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;
use weights::{PLAIN, Part, Weights, Writer};

const NUMBERS: usize = 256 * 32;

fn json() -> String {
    std::fs::read_to_string(from_root("brain/pretrained/base/score.json")).unwrap()
}

fn file(name: &str) -> Arc<Weights> {
    Arc::new(Weights::open(from_root("brain/pretrained/base").join(name)).unwrap())
}

fn pool(threads: usize) -> Pool {
    Pool::new(threads).unwrap()
}

fn decoder(threads: usize) -> PictureDecoder {
    PictureDecoder::open(file("weights.arrow"), &json(), pool(threads)).unwrap()
}

fn encoder(threads: usize) -> PictureEncoder {
    PictureEncoder::open(file("encoder.arrow"), &json(), pool(threads)).unwrap()
}

fn vocoder(threads: usize) -> Vocoder {
    Vocoder::open(file("weights.arrow"), pool(threads)).unwrap()
}

/// The shipped file's tensors but for those that `keep` refuses, shapes as `shape` gives them.
fn altered(out: &Path, keep: impl Fn(&str) -> bool, rename: impl Fn(&str) -> String) -> Arc<Weights> {
    let (source, mut writer) = (file("weights.arrow"), Writer::new());
    for name in source.names().filter(|name| keep(name)) {
        let t = source.get(name).unwrap();
        let part = Part {
            name: &rename(name),
            shape: t.shape,
            dtype: t.dtype,
            scheme: t.scheme,
            packed: t.packed,
            scales: t.scales,
        };
        writer.add(part).unwrap();
    }
    writer.write(out).unwrap();
    Arc::new(Weights::open(out).unwrap())
}

#[test]
fn a_picture_does_not_depend_on_company_or_threads() {
    let (latents, never) = (numbers(1, 2 * NUMBERS), Cancel::never());
    let (one, three) = (decoder(1), decoder(3));
    for precision in [Precision::F32, Precision::Int8] {
        let both = one.decode_numbers(&latents, precision, &never).unwrap();
        let second = three.decode_numbers(&latents[NUMBERS..], precision, &never).unwrap();
        assert!(bits(&second) == bits(&both[both.len() / 2..]));
        let pictures = three.decode(&latents, precision, &never).unwrap();
        let alone = encoder(1).encode(&pictures[..pictures.len() / 2], precision, &never).unwrap();
        assert!(bits(&alone) == bits(&encoder(2).encode(&pictures, precision, &never).unwrap()[..NUMBERS]));
    }
}

#[test]
fn a_wave_does_not_depend_on_threads() {
    for frames in [2, 31, 33, 70] {
        let mels: Vec<f32> = numbers(2, frames * MELS).iter().map(|x| 3.0 * x - 5.0).collect();
        let wave = vocoder(1).wave(&mels, &Cancel::never()).unwrap();
        assert_eq!(wave.len(), (frames - 1) * 256);
        assert!(wave.iter().all(|x| x.abs() <= 1.0));
        assert!(bits(&vocoder(3).wave(&mels, &Cancel::never()).unwrap()) == bits(&wave));
    }
}

#[test]
fn withdrawn_calls_end() {
    let cancel = Cancel::never();
    cancel.cancel();
    let latents = vec![0.0; NUMBERS];
    assert!(matches!(decoder(1).decode(&latents, Precision::F32, &cancel), Err(Fault::Cancelled)));
    let picture = vec![0; 512 * 512 * 4];
    assert!(matches!(encoder(1).encode(&picture, Precision::F32, &cancel), Err(Fault::Cancelled)));
    assert!(matches!(vocoder(1).wave(&[0.0; 2 * MELS], &cancel), Err(Fault::Cancelled)));
}

#[test]
fn wrong_shapes_and_numbers_are_refused() {
    let (decoder, encoder, vocoder, never) = (decoder(1), encoder(1), vocoder(1), Cancel::never());
    for length in [0, 1, NUMBERS - 1, NUMBERS + 1] {
        let found = decoder.decode(&vec![0.0; length], Precision::F32, &never);
        assert!(matches!(found, Err(Fault::Shape { .. })), "{length}");
    }
    for bad in [f32::NAN, f32::INFINITY, 2e4, -2e4] {
        let mut latents = vec![0.0; NUMBERS];
        latents[77] = bad;
        assert!(matches!(decoder.decode(&latents, Precision::F32, &never), Err(Fault::OutOfRange { .. })), "{bad}");
        let mut mels = vec![0.0; 4 * MELS];
        mels[5] = bad;
        assert!(matches!(vocoder.wave(&mels, &never), Err(Fault::OutOfRange { .. })), "{bad}");
    }
    assert!(matches!(encoder.encode(&[0; 512 * 512], Precision::F32, &never), Err(Fault::Shape { .. })));
    assert!(matches!(vocoder.wave(&[0.0; 81], &never), Err(Fault::Shape { .. })));
    for frames in [0, 1, (1 << 14) + 1] {
        assert!(matches!(vocoder.wave(&vec![0.0; frames * MELS], &never), Err(Fault::OutOfRange { .. })), "{frames}");
    }
    for wave in [vec![], vec![0.0; 512], vec![0.0; (1 << 22) + 1], vec![f32::NAN; 600], vec![1e9; 600]] {
        assert!(matches!(log_mel(&wave), Err(Fault::OutOfRange { .. })), "{}", wave.len());
    }
}

#[test]
fn silence_has_the_floor_and_a_tone_its_band() {
    let silent = log_mel(&[0.0; 1024]).unwrap();
    assert_eq!(silent.len(), 5 * MELS);
    assert!(silent.iter().all(|&mel| mel == 1e-5f32.ln()));
    let tone: Vec<f32> = (0..16_000).map(|i| (std::f32::consts::TAU * 1000.0 * i as f32 / 16_000.0).sin()).collect();
    let mels = log_mel(&tone).unwrap();
    let frame = &mels[30 * MELS..31 * MELS];
    let loudest = (0..MELS).max_by(|&a, &b| frame[a].total_cmp(&frame[b])).unwrap();
    // 1,000 Hz are 15 mel; the bands' centres lie 45.2 / 81 mel apart.
    assert!((25..=27).contains(&loudest), "{loudest}");
}

#[test]
fn a_file_without_a_part_says_how_to_get_it() {
    let home = tempfile::tempdir().unwrap();
    let alone = altered(&home.path().join("a.arrow"), |name| !forward::latent::is_part(name), str::to_owned);
    let refused = PictureDecoder::open(Arc::clone(&alone), &json(), pool(1)).err().unwrap();
    assert!(matches!(refused, Fault::Unsupported { .. }) && refused.hint().contains("image.decoder"), "{refused:?}");
    assert!(matches!(PictureEncoder::open(Arc::clone(&alone), &json(), pool(1)), Err(Fault::Unsupported { .. })));
    assert!(matches!(Vocoder::open(Arc::clone(&alone), pool(1)), Err(Fault::Unsupported { .. })));
    assert!(forward::Network::open(alone, &json(), pool(1)).is_ok(), "a network goes on without decoders");
}

#[test]
fn a_file_with_a_part_missing_or_of_another_shape_is_refused() {
    let home = tempfile::tempdir().unwrap();
    for (i, gone) in
        ["picture.decoder.blocks.4.wo", "picture.decoder.out.down", "picture.decoder.norm"].iter().enumerate()
    {
        let file = altered(&home.path().join(format!("{i}.arrow")), |name| name != *gone, str::to_owned);
        assert!(matches!(PictureDecoder::open(file, &json(), pool(1)), Err(Fault::NotFound { .. })), "{gone}");
    }
    for (i, gone) in ["vocoder.in", "vocoder.norm.bias", "vocoder.blocks.2.down"].iter().enumerate() {
        let file = altered(&home.path().join(format!("v{i}.arrow")), |name| name != *gone, str::to_owned);
        assert!(matches!(Vocoder::open(file, pool(1)), Err(Fault::NotFound { .. })), "{gone}");
    }
    let swapped = |name: &str| match name {
        "picture.decoder.in" => "picture.decoder.norm".to_owned(),
        "picture.decoder.norm" => "picture.decoder.in".to_owned(),
        "vocoder.in.bias" => "vocoder.out.bias".to_owned(),
        "vocoder.out.bias" => "vocoder.in.bias".to_owned(),
        other => other.to_owned(),
    };
    let file = altered(&home.path().join("s.arrow"), |_| true, swapped);
    assert!(matches!(PictureDecoder::open(Arc::clone(&file), &json(), pool(1)), Err(Fault::Shape { .. })));
    assert!(matches!(Vocoder::open(file, pool(1)), Err(Fault::Shape { .. })));
    let mut writer = Writer::new();
    let tensor =
        Part { name: "vocoder.x", shape: &[4], dtype: weights::Dtype::I8, scheme: PLAIN, packed: &[0; 4], scales: &[] };
    writer.add(tensor).unwrap();
    let path = home.path().join("w.arrow");
    writer.write(&path).unwrap();
    let file = Arc::new(Weights::open(&path).unwrap());
    assert!(matches!(Vocoder::open(file, pool(1)), Err(Fault::OutOfRange { .. })));
}

#[test]
fn a_description_of_another_autoencoder_is_refused() {
    let open = |from: &str, to: &str| {
        let text = json();
        assert!(text.contains(from), "{from}");
        PictureDecoder::open(file("weights.arrow"), &text.replace(from, to), pool(1)).err()
    };
    assert!(matches!(open("\"head\": \"swiglu\"", "\"head\": \"linear\""), Some(Fault::Unsupported { .. })));
    assert!(matches!(open("\"chan\": 4", "\"chan\": 3"), Some(Fault::Unsupported { .. })));
    assert!(matches!(open("\"patch\": 32", "\"patch\": 0"), Some(Fault::OutOfRange { .. })));
    assert!(matches!(open("\"patch\": 32", "\"patch\": 33"), Some(Fault::OutOfRange { .. })));
    assert!(matches!(open("\"res\": 512", "\"res\": 999999999999"), Some(Fault::OutOfRange { .. })));
    assert!(matches!(open("\"dec_dim\": 384", "\"dec_dim\": 65"), Some(Fault::OutOfRange { .. })));
    assert!(matches!(open("\"dec_depth\": 5", "\"dec_depth\": 6"), Some(Fault::NotFound { .. })));
    assert!(matches!(open("\"dec_ffn\": 1024", "\"dec_ffn\": 512"), Some(Fault::Shape { .. })));
    assert!(matches!(open("\"latent\": 32,\n   \"enc", "\"latent\": 31,\n   \"enc"), Some(Fault::Shape { .. })));
    assert!(matches!(open("\"rope_base\": 100.0", "\"rope_base\": 0.5"), Some(Fault::OutOfRange { .. })));
    assert!(matches!(open("\"latent_std\": [", "\"latent_std\": [0.0,"), Some(Fault::Shape { .. })));
    assert!(matches!(open("\"image\"", "\"picture\""), Some(Fault::Unsupported { .. } | Fault::Corrupt { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_wave_has_a_frame_for_each_hop(samples in 513usize..6000, seed in 0u64..100) {
        let mels = log_mel(&numbers(seed, samples)).unwrap();
        prop_assert_eq!(mels.len(), (1 + samples / 256) * MELS);
        prop_assert!(mels.iter().all(|mel| mel.is_finite() && *mel >= 1e-5f32.ln()));
    }
}
