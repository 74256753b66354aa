//! Quantise and free whole matrices: checks, then the kernels where they have the scheme and rule, else row by row.
use crate::fit::{grid, no_rule};
use crate::layout::{scale_place, take_row};
use crate::levels::Levels;
use crate::rows::{Row, pack};
use crate::scheme::{Rule, Scheme, groups_len, packed_len, scales_len};
use foundation::{Fault, Outcome};
use half::f16;
use kernels::quantise::{self as kernel, Moment};

/// Packed codes and f16 scales (as bits), in the order of their scheme; in affine schemes the biases behind the scales.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Codes; `packed_len` bytes.
    pub bytes: Vec<u8>,
    /// Scales, then biases; `scales_len` of them.
    pub scales: Vec<u16>,
}

/// Quantise x [rows, columns], row after row.
///
/// Codes are chosen against the f16 scale that is stored. Weights that are not finite, or too large for a f16 scale,
/// are refused with `OutOfRange`; a rule that the scheme does not have, with `Unsupported`. Runs on the pool that the
/// caller is in. The simple rules of "int2.g64.r16", "int4.g64" and "int8.row" read the bytes once, by SIMD; the rest
/// takes some 10 to 100 times as long.
pub fn quantise(x: &[f32], rows: usize, columns: usize, scheme: Scheme, rule: Rule) -> Outcome<Packed> {
    check(x, rows, columns, scheme)?;
    if !scheme.rules().contains(&rule) {
        return Err(no_rule(scheme, rule));
    }
    if let Some(packed) = by_kernel(x, rows, columns, scheme, rule)? {
        return Ok(packed);
    }
    finite(x)?;
    let levels = Levels::of(scheme);
    pack(rows, columns, scheme, |row| {
        let mut found = Row { codes: Vec::with_capacity(columns), grids: Vec::new() };
        for w in x[row * columns..][..columns].chunks_exact(scheme.span(columns)) {
            let stored = grid(w, None, scheme, rule)?.stored()?;
            found.codes.extend(w.iter().map(|&w| levels.code(stored.grid.nearest(w, levels))));
            found.grids.push(stored);
        }
        Ok(found)
    })
}

/// The kernels' codes; `None` where they have no such scheme and rule, or weights that the other way refuses by name.
fn by_kernel(x: &[f32], rows: usize, columns: usize, scheme: Scheme, rule: Rule) -> Outcome<Option<Packed>> {
    let room = || -> Outcome<Packed> {
        Ok(Packed {
            bytes: vec![0; packed_len(scheme, rows, columns)?],
            scales: vec![0; scales_len(scheme, rows, columns)?],
        })
    };
    let mut packed;
    let sound = match (scheme, rule) {
        (Scheme::Int2G64, Rule::MeanAbs | Rule::Deviation) => {
            let moment = if rule == Rule::MeanAbs { Moment::Mean } else { Moment::Deviation };
            packed = room()?;
            kernel::int2(&mut packed.bytes, &mut packed.scales, x, columns, moment)?
        }
        (Scheme::Int4G64, Rule::Range) => {
            packed = room()?;
            kernel::int4(&mut packed.bytes, &mut packed.scales, x)?
        }
        (Scheme::Int8Row, Rule::Range) => {
            packed = room()?;
            kernel::int8(&mut packed.bytes, &mut packed.scales, x, columns)?
        }
        _ => return Ok(None),
    };
    Ok(sound.then_some(packed))
}

/// The numbers [rows, columns] that packed codes stand for. Scales that are not finite give numbers that are not.
pub fn dequantise(bytes: &[u8], scales: &[u16], rows: usize, columns: usize, scheme: Scheme) -> Outcome<Vec<f32>> {
    length("packed bytes", bytes.len(), packed_len(scheme, rows, columns)?)?;
    length("scales", scales.len(), scales_len(scheme, rows, columns)?)?;
    let (scales, biases) = scales.split_at(groups_len(scheme, rows, columns)?);
    let (levels, span) = (Levels::of(scheme), scheme.span(columns));
    let table: [f32; 256] = std::array::from_fn(|code| levels.level(code as u8));
    let (mut out, mut codes) = (vec![0.0; rows * columns], vec![0; columns]);
    for (row, out) in out.chunks_exact_mut(columns).enumerate() {
        take_row(scheme, bytes, row, &mut codes);
        for (group, (out, codes)) in out.chunks_exact_mut(span).zip(codes.chunks_exact(span)).enumerate() {
            let place = scale_place(scheme, row, group, columns / span);
            let scale = f16::from_bits(scales[place]).to_f32();
            let bias = biases.get(place).map_or(0.0, |&bias| f16::from_bits(bias).to_f32());
            out.iter_mut().zip(codes).for_each(|(out, &code)| *out = table[usize::from(code)] * scale + bias);
        }
    }
    Ok(out)
}

/// Refuse a shape that the scheme cannot hold, and weights that are not of it.
pub(crate) fn check(x: &[f32], rows: usize, columns: usize, scheme: Scheme) -> Outcome<()> {
    packed_len(scheme, rows, columns)?;
    length("weights to quantise", x.len(), rows * columns)
}

/// Refuse numbers that are not finite, naming the first.
pub(crate) fn finite(x: &[f32]) -> Outcome<()> {
    match x.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Fault::out_of_range(format!("weight {at}"), "the finite numbers", x[at])),
        None => Ok(()),
    }
}

/// `Shape` unless `got` elements are exactly `want`.
pub(crate) fn length(what: &str, got: usize, want: usize) -> Outcome<()> {
    if got == want { Ok(()) } else { Err(Fault::shape(what, format!("[{want}]"), format!("[{got}]"))) }
}
