//! The decoders of the continuous kinds: latents to pictures and back, log-mel to sound and back. They know no trunk and no noise.
//!
//! Their tensors lie in the file of the score network under prefixes of their own (`picture.decoder.`, `vocoder.`); the picture
//! encoder, which only inpainting needs, lies in a file beside it. Everything is used in place.
mod autoencoder;
mod fourier;
pub(crate) mod import;
mod mel;
mod pixels;
mod spec;
mod tower;
mod vocoder;

pub use autoencoder::{PictureDecoder, PictureEncoder};
pub use fourier::{FRAME, HOP, SAMPLE_RATE_HZ};
pub use mel::{LEAST_SAMPLES, MELS, MOST_SAMPLES, log_mel};
pub use spec::PictureSpec;
pub use vocoder::{MOST_FRAMES, Vocoder};

use foundation::{Fault, Outcome};

/// What the names of the decoder's tensors begin with.
pub const DECODER: &str = "picture.decoder.";
/// What the names of the encoder's tensors begin with.
pub const ENCODER: &str = "picture.encoder.";
/// What the names of the vocoder's tensors begin with.
pub const VOCODER: &str = "vocoder.";

/// Whether a tensor of a network's file belongs to a decoder rather than to the network.
pub fn is_part(name: &str) -> bool {
    [DECODER, ENCODER, VOCODER].iter().any(|prefix| name.starts_with(prefix))
}

/// `OutOfRange` unless all numbers are finite and at most `most` in size.
fn check_numbers(what: &str, numbers: &[f32], most: f32) -> Outcome<()> {
    match numbers.iter().position(|x| x.is_nan() || x.abs() > most) {
        None => Ok(()),
        Some(i) => Err(Fault::out_of_range(format!("number {i} of {what}"), format!("-{most} ..= {most}"), numbers[i])),
    }
}

/// The fault of a file without a part.
fn without(what: &str, source: &str) -> Fault {
    let instead = format!("import the model from a folder that holds {source}");
    Fault::Unsupported { what: format!("{what} by these weights, which hold no such part,"), instead }
}
