//! Patches to pixels and back: a band of patches is a band of whole rows of the picture. No arithmetic but the clamps.
use super::spec::{CHANNELS, PictureSpec};

/// Where the numbers of a row of patches lie in its band of pixel rows: calls `each(patch number, pixel number)` of runs of
/// `patch x 4` numbers, patch after patch.
fn runs(spec: &PictureSpec, bands: usize, mut each: impl FnMut(usize, usize)) {
    let (run, row) = (spec.patch * CHANNELS, spec.side * CHANNELS);
    for token in 0..bands * spec.grid() {
        let (down, right) = (token / spec.grid(), token % spec.grid());
        for y in 0..spec.patch {
            each(token * spec.patch_numbers() + y * run, (down * spec.patch + y) * row + right * run);
        }
    }
}

/// The decoder's numbers as they are, in the order of pixels.
pub(crate) fn as_numbers(spec: &PictureSpec, patches: &[f32], pixels: &mut [f32]) {
    let run = spec.patch * CHANNELS;
    runs(spec, bands(spec, patches.len()), |from, to| {
        pixels[to..to + run].copy_from_slice(&patches[from..from + run]);
    });
}

/// The decoder's numbers as premultiplied RGBA: held to 0 ..= 1, colours at most alpha, 255 steps, half to even.
pub(crate) fn as_bytes(spec: &PictureSpec, patches: &[f32], pixels: &mut [u8]) {
    let run = spec.patch * CHANNELS;
    runs(spec, bands(spec, patches.len()), |from, to| {
        let (from, _) = patches[from..from + run].as_chunks::<CHANNELS>();
        let (to, _) = pixels[to..to + run].as_chunks_mut::<CHANNELS>();
        for (pixel, o) in to.iter_mut().zip(from) {
            let alpha = o[3].clamp(0.0, 1.0);
            for c in 0..CHANNELS {
                pixel[c] = (o[c].clamp(0.0, alpha) * 255.0).round_ties_even() as u8;
            }
        }
    });
}

/// Pixels as the encoder wants them: patch by patch, 2 pixel - 1.
pub(crate) fn to_patches(spec: &PictureSpec, pixels: &[u8], patches: &mut [f32]) {
    let run = spec.patch * CHANNELS;
    runs(spec, bands(spec, patches.len()), |to, from| {
        for (number, &byte) in patches[to..to + run].iter_mut().zip(&pixels[from..from + run]) {
            *number = f32::from(byte) / 255.0 * 2.0 - 1.0;
        }
    });
}

fn bands(spec: &PictureSpec, numbers: usize) -> usize {
    numbers / (spec.patch_numbers() * spec.grid())
}
