//! Plain INT2 codes into the tiles of "int2.g64.r16" and back: no number changes.
use crate::door::{Packed, length};
use crate::layout::{put_row, scale_place, take_plain, take_row};
use crate::scheme::{GROUP, Scheme, packed_len, scales_len};
use foundation::{Fault, Outcome};
use half::f16;

/// Tiles from plain codes: `codes` [rows, columns / 4] row after row, four a byte, the first in the lowest bits;
/// `scales` [rows, columns / 64] as f16 bits. Refuses scales that are not finite. The exact inverse of `int2_to_codes`.
pub fn from_codes(codes: &[u8], scales: &[u16], rows: usize, columns: usize) -> Outcome<Packed> {
    check(codes, scales, rows, columns)?;
    if let Some(at) = scales.iter().position(|&s| !f16::from_bits(s).is_finite()) {
        return Err(Fault::out_of_range(format!("scale {at}"), "the finite numbers", f16::from_bits(scales[at])));
    }
    let groups = columns / GROUP;
    let mut packed = Packed { bytes: vec![0; codes.len()], scales: vec![0; scales.len()] };
    let mut plain = vec![0; columns];
    for (row, codes) in codes.chunks_exact(columns / 4).enumerate() {
        take_plain(2, codes, &mut plain);
        put_row(Scheme::Int2G64, &mut packed.bytes, row, &plain);
    }
    for (index, &scale) in scales.iter().enumerate() {
        packed.scales[scale_place(Scheme::Int2G64, index / groups, index % groups, groups)] = scale;
    }
    Ok(packed)
}

/// Plain codes and scales from tiles, in the order that `int2_from_codes` takes.
pub fn to_codes(bytes: &[u8], scales: &[u16], rows: usize, columns: usize) -> Outcome<Packed> {
    check(bytes, scales, rows, columns)?;
    let groups = columns / GROUP;
    let mut plain = Packed { bytes: vec![0; bytes.len()], scales: vec![0; scales.len()] };
    let mut codes = vec![0; columns];
    for (row, out) in plain.bytes.chunks_exact_mut(columns / 4).enumerate() {
        take_row(Scheme::Int2G64, bytes, row, &mut codes);
        crate::layout::put_plain(2, out, &codes);
    }
    for (index, scale) in plain.scales.iter_mut().enumerate() {
        *scale = scales[scale_place(Scheme::Int2G64, index / groups, index % groups, groups)];
    }
    Ok(plain)
}

fn check(bytes: &[u8], scales: &[u16], rows: usize, columns: usize) -> Outcome<()> {
    length("codes of int2", bytes.len(), packed_len(Scheme::Int2G64, rows, columns)?)?;
    length("scales of int2", scales.len(), scales_len(Scheme::Int2G64, rows, columns)?)
}
