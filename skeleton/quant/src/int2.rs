//! INT2 with four levels and no zero: scales by rule, codes, and the tiles of "int2.g64.r16".
use crate::door::{Packed, length, no_rule, stored};
use crate::scheme::{GROUP, Rule, Scheme, TILE, packed_len, scales_len};
use foundation::{Fault, Outcome};
use half::f16;

/// Bytes of a row tile for one group.
const TILE_BYTES: usize = TILE * GROUP / 4;
/// Least squared error of levels ±.5 s, ±1.5 s for a normal law: s = 1.248 mean |w| = .9957 root mean square (Max 1960).
const OF_MEAN: f32 = 1.248;
const OF_DEVIATION: f32 = 0.9957;
/// Where least squares starts from, as parts of the mean rule's scale, and how often it alternates.
const STARTS: [f32; 5] = [0.6, 0.8, 1.0, 1.2, 1.5];
const ROUNDS: usize = 6;

type Group = [f32; GROUP];
type Codes = [u8; GROUP];

fn mean(w: &Group) -> f32 {
    w.iter().map(|v| v.abs()).sum::<f32>() / GROUP as f32
}

fn codes(w: &Group, scale: f32) -> Codes {
    let inverse = 1.0 / scale;
    w.map(|v| ((v * inverse).clamp(-2.0, 1.5) + 2.0) as u8)
}

/// The best scale for codes, and the squared error that it leaves: Σ w² - (Σ w l)² / Σ l².
fn refit(w: &Group, codes: &Codes) -> (f32, f32) {
    let (mut along, mut length, mut square) = (0.0f32, 0.0f32, 0.0f32);
    for (w, &code) in w.iter().zip(codes) {
        let level = f32::from(code) - 1.5;
        along += w * level;
        length += level * level;
        square += w * w;
    }
    (along / length, square - along * along / length)
}

fn least_squares(w: &Group) -> f32 {
    let start = mean(w) * OF_MEAN;
    let (mut best, mut least) = (start, f32::INFINITY);
    for part in STARTS {
        let mut scale = start * part;
        for _ in 0..ROUNDS {
            if !scale.is_normal() {
                break;
            }
            let (next, error) = refit(w, &codes(w, scale));
            if error < least {
                (best, least) = (next, error);
            }
            scale = next;
        }
    }
    best
}

fn scale(w: &Group, rule: Rule) -> Outcome<f32> {
    match rule {
        Rule::MeanAbs => Ok(mean(w) * OF_MEAN),
        Rule::Deviation => Ok((w.iter().map(|v| v * v).sum::<f32>() / GROUP as f32).sqrt() * OF_DEVIATION),
        Rule::LeastSquares => Ok(least_squares(w)),
        Rule::Range => Err(no_rule(Scheme::Int2G64, rule, "use MeanAbs, Deviation or LeastSquares")),
    }
}

/// Put the codes of one group of row `lane` into its tile.
fn put(tile: &mut [u8], lane: usize, codes: &Codes) {
    for (block, codes) in tile.chunks_exact_mut(4 * TILE).zip(codes.chunks_exact(16)) {
        for i in 0..4 {
            block[4 * lane + i] = codes[i] | codes[4 + i] << 2 | codes[8 + i] << 4 | codes[12 + i] << 6;
        }
    }
}

/// The codes of one group of row `lane`.
fn take(tile: &[u8], lane: usize) -> Codes {
    let mut codes = [0; GROUP];
    for (block, codes) in tile.chunks_exact(4 * TILE).zip(codes.chunks_exact_mut(16)) {
        for (k, code) in codes.iter_mut().enumerate() {
            *code = block[4 * lane + k % 4] >> (2 * (k / 4)) & 3;
        }
    }
    codes
}

/// Where a group of a row lies: the index of its tile's group, and its lane.
fn place(row: usize, group: usize, groups: usize) -> (usize, usize) {
    (row / TILE * groups + group, row % TILE)
}

pub(crate) fn quantise(x: &[f32], columns: usize, rule: Rule, packed: &mut Packed) -> Outcome<()> {
    let groups = columns / GROUP;
    for (row, x) in x.chunks_exact(columns).enumerate() {
        for (group, w) in x.as_chunks::<GROUP>().0.iter().enumerate() {
            let (at, lane) = place(row, group, groups);
            let (bits, scale) = stored(scale(w, rule)?)?;
            packed.scales[at * TILE + lane] = bits;
            put(&mut packed.bytes[at * TILE_BYTES..][..TILE_BYTES], lane, &codes(w, scale));
        }
    }
    Ok(())
}

pub(crate) fn free(bytes: &[u8], scales: &[u16], columns: usize, out: &mut [f32]) {
    let groups = columns / GROUP;
    for (row, out) in out.chunks_exact_mut(columns).enumerate() {
        for (group, out) in out.chunks_exact_mut(GROUP).enumerate() {
            let (at, lane) = place(row, group, groups);
            let scale = f16::from_bits(scales[at * TILE + lane]).to_f32();
            let codes = take(&bytes[at * TILE_BYTES..][..TILE_BYTES], lane);
            out.iter_mut().zip(codes).for_each(|(out, code)| *out = (f32::from(code) - 1.5) * scale);
        }
    }
}

/// Tiles from plain codes: `codes` [rows, columns / 4] row after row, four a byte, the first in the lowest bits;
/// `scales` [rows, columns / 64] as f16 bits. Refuses scales that are not finite. The exact inverse of `int2_to_codes`.
pub fn from_codes(codes: &[u8], scales: &[u16], rows: usize, columns: usize) -> Outcome<Packed> {
    check(codes, scales, rows, columns)?;
    if let Some(at) = scales.iter().position(|&s| !f16::from_bits(s).is_finite()) {
        return Err(Fault::out_of_range(format!("scale {at}"), "the finite numbers", f16::from_bits(scales[at])));
    }
    let groups = columns / GROUP;
    let mut packed = Packed { bytes: vec![0; codes.len()], scales: vec![0; scales.len()] };
    for (index, (codes, &scale)) in codes.chunks_exact(GROUP / 4).zip(scales).enumerate() {
        let (at, lane) = place(index / groups, index % groups, groups);
        let plain: Codes = std::array::from_fn(|k| codes[k / 4] >> (2 * (k % 4)) & 3);
        packed.scales[at * TILE + lane] = scale;
        put(&mut packed.bytes[at * TILE_BYTES..][..TILE_BYTES], lane, &plain);
    }
    Ok(packed)
}

/// Plain codes and scales from tiles, in the order that `int2_from_codes` takes.
pub fn to_codes(bytes: &[u8], scales: &[u16], rows: usize, columns: usize) -> Outcome<Packed> {
    check(bytes, scales, rows, columns)?;
    let groups = columns / GROUP;
    let mut plain = Packed { bytes: vec![0; bytes.len()], scales: vec![0; scales.len()] };
    for (index, (out, scale)) in plain.bytes.chunks_exact_mut(GROUP / 4).zip(&mut plain.scales).enumerate() {
        let (at, lane) = place(index / groups, index % groups, groups);
        let codes = take(&bytes[at * TILE_BYTES..][..TILE_BYTES], lane);
        *scale = scales[at * TILE + lane];
        for (out, codes) in out.iter_mut().zip(codes.chunks_exact(4)) {
            *out = codes[0] | codes[1] << 2 | codes[2] << 4 | codes[3] << 6;
        }
    }
    Ok(plain)
}

fn check(bytes: &[u8], scales: &[u16], rows: usize, columns: usize) -> Outcome<()> {
    length("codes of int2", bytes.len(), packed_len(Scheme::Int2G64, rows, columns)?)?;
    length("scales of int2", scales.len(), scales_len(Scheme::Int2G64, rows, columns)?)
}
