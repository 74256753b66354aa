//! The truth of the depthwise correlation: taps are added in order, fused, the bias first.

#[inline(always)]
pub(super) fn correlate(out: &mut [f32], x: &[f32], first: usize, taps: &[f32], bias: &[f32]) {
    let width = bias.len();
    let (frames, half) = (x.len() / width, taps.len() / width / 2);
    for (t, out) in (first..).zip(out.chunks_exact_mut(width)) {
        out.copy_from_slice(bias);
        for (k, taps) in taps.chunks_exact(width).enumerate() {
            // Frame t + k - half, where x has it.
            let Some(at) = (t + k).checked_sub(half).filter(|&at| at < frames) else { continue };
            let frame = &x[at * width..][..width];
            for ((out, x), tap) in out.iter_mut().zip(frame).zip(taps) {
                *out = x.mul_add(*tap, *out);
            }
        }
    }
}
