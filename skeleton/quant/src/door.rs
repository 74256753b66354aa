//! Quantise and free whole matrices: checks, then one room a scheme.
use crate::scheme::{Rule, Scheme, packed_len, scales_len};
use crate::{int2, int4, int8};
use foundation::{Fault, Outcome};
use half::f16;

/// Packed codes and f16 scales (as bits), in the order of their scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Codes; `packed_len` bytes.
    pub bytes: Vec<u8>,
    /// Scales; `scales_len` of them.
    pub scales: Vec<u16>,
}

/// Quantise x [rows, columns], row after row.
///
/// Codes are chosen against the f16 scale that is stored. Weights that are not finite, or too large for a f16 scale,
/// are refused with `OutOfRange`; a rule that the scheme does not have, with `Unsupported`. One pass, one thread.
pub fn quantise(x: &[f32], rows: usize, columns: usize, scheme: Scheme, rule: Rule) -> Outcome<Packed> {
    let (bytes, scales) = (packed_len(scheme, rows, columns)?, scales_len(scheme, rows, columns)?);
    length("weights to quantise", x.len(), rows * columns)?;
    let finite = x.iter().fold(0.0f32, |sum, v| sum + v * 0.0) == 0.0;
    if let (false, Some(at)) = (finite, x.iter().position(|v| !v.is_finite())) {
        return Err(Fault::out_of_range(format!("weight {at}"), "the finite numbers", x[at]));
    }
    let mut packed = Packed { bytes: vec![0; bytes], scales: vec![0; scales] };
    match scheme {
        Scheme::Int2G64 => int2::quantise(x, columns, rule, &mut packed)?,
        Scheme::Int4G64 => int4::quantise(x, columns, rule, &mut packed)?,
        Scheme::Int8Row => int8::quantise(x, columns, rule, &mut packed)?,
    }
    Ok(packed)
}

/// The numbers [rows, columns] that packed codes stand for.
pub fn dequantise(bytes: &[u8], scales: &[u16], rows: usize, columns: usize, scheme: Scheme) -> Outcome<Vec<f32>> {
    length("packed bytes", bytes.len(), packed_len(scheme, rows, columns)?)?;
    length("scales", scales.len(), scales_len(scheme, rows, columns)?)?;
    let mut out = vec![0.0; rows * columns];
    match scheme {
        Scheme::Int2G64 => int2::free(bytes, scales, columns, &mut out),
        Scheme::Int4G64 => int4::free(bytes, scales, columns, &mut out),
        Scheme::Int8Row => int8::free(bytes, scales, columns, &mut out),
    }
    Ok(out)
}

/// `Shape` unless `got` elements are exactly `want`.
pub(crate) fn length(what: &str, got: usize, want: usize) -> Outcome<()> {
    if got == want { Ok(()) } else { Err(Fault::shape(what, format!("[{want}]"), format!("[{got}]"))) }
}

/// A scale as it is stored: its bits and its value, never 0 for a group that is not.
pub(crate) fn stored(scale: f32) -> Outcome<(u16, f32)> {
    /// The smallest positive f16.
    const SMALLEST: f32 = 5.960_464_5e-8;
    let half = f16::from_f32(scale.max(SMALLEST));
    if half.is_finite() {
        return Ok((half.to_bits(), half.to_f32()));
    }
    Err(Fault::out_of_range("scale of a group", "what a f16 holds, 65504 at most", scale))
}

/// The fault for a rule that a scheme does not have.
pub(crate) fn no_rule(scheme: Scheme, rule: Rule, instead: &str) -> Fault {
    Fault::Unsupported { what: format!("the rule {rule:?} for {}", scheme.name()), instead: instead.into() }
}
