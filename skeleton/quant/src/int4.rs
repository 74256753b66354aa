//! INT4 in groups of 64: levels (code - 8) scale, low halves hold inputs 0 ..= 31 of the group, high halves the rest.
use crate::door::{Packed, no_rule, stored};
use crate::scheme::{GROUP, Rule, Scheme};
use foundation::Outcome;
use half::f16;

const HALF: usize = GROUP / 2;
/// Where least squares starts from, as parts of the range rule's scale, and how often it alternates.
const STARTS: [f32; 5] = [0.7, 0.8, 0.875, 0.94, 1.0];
const ROUNDS: usize = 3;

type Group = [f32; GROUP];

fn levels(w: &Group, scale: f32) -> [f32; GROUP] {
    let inverse = 1.0 / scale;
    w.map(|v| (v * inverse).round_ties_even().clamp(-8.0, 7.0))
}

/// The best scale for levels, and the squared error that it leaves.
fn refit(w: &Group, levels: &Group) -> (f32, f32) {
    let sums = w.iter().zip(levels).fold((0.0f32, 0.0f32, 0.0f32), |(along, length, square), (w, l)| {
        (along + w * l, length + l * l, square + w * w)
    });
    (sums.0 / sums.1, sums.2 - sums.0 * sums.0 / sums.1)
}

fn least_squares(w: &Group, range: f32) -> f32 {
    let (mut best, mut least) = (range, f32::INFINITY);
    for part in STARTS {
        let mut scale = range * part;
        for _ in 0..ROUNDS {
            if !scale.is_normal() {
                break;
            }
            let (next, error) = refit(w, &levels(w, scale));
            if error < least {
                (best, least) = (next, error);
            }
            scale = next;
        }
    }
    best
}

fn scale(w: &Group, rule: Rule) -> Outcome<f32> {
    let range = w.iter().fold(0.0f32, |top, v| top.max(v.abs())) / 7.0;
    match rule {
        Rule::Range => Ok(range),
        Rule::LeastSquares => Ok(least_squares(w, range)),
        Rule::MeanAbs | Rule::Deviation => Err(no_rule(Scheme::Int4G64, rule, "use Range or LeastSquares")),
    }
}

pub(crate) fn quantise(x: &[f32], _columns: usize, rule: Rule, packed: &mut Packed) -> Outcome<()> {
    let groups = x.as_chunks::<GROUP>().0.iter();
    for ((w, bytes), bits) in groups.zip(packed.bytes.chunks_exact_mut(HALF)).zip(&mut packed.scales) {
        let (stored_bits, scale) = stored(scale(w, rule)?)?;
        *bits = stored_bits;
        let codes = levels(w, scale).map(|level| (level + 8.0) as u8);
        for (b, byte) in bytes.iter_mut().enumerate() {
            *byte = codes[b] | codes[b + HALF] << 4;
        }
    }
    Ok(())
}

pub(crate) fn free(bytes: &[u8], scales: &[u16], _columns: usize, out: &mut [f32]) {
    for ((out, bytes), &bits) in out.chunks_exact_mut(GROUP).zip(bytes.chunks_exact(HALF)).zip(scales) {
        let scale = f16::from_bits(bits).to_f32();
        let (low, high) = out.split_at_mut(HALF);
        for ((low, high), byte) in low.iter_mut().zip(high).zip(bytes) {
            *low = (f32::from(byte & 15) - 8.0) * scale;
            *high = (f32::from(byte >> 4) - 8.0) * scale;
        }
    }
}
