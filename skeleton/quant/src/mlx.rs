//! mlx's affine layout, out and in: words of codes, scale and bias a group. Multiplies nothing, and changes no number.
//!
//! Source: mlx's `mx.quantize`: along a row codes fill 32-bit words from their lowest bits; value = code x scale + bias.
use crate::door::{Packed, dequantise, length};
use crate::layout::{put_row, scale_place, take_row};
use crate::levels::Levels;
use crate::scheme::{Scheme, groups_len, packed_len, scales_len};
use foundation::{Fault, Outcome};
use half::f16;

/// A matrix as mlx keeps it. Scales and biases are f32, for a bias of -1.5 s has a bit more than a f16 holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlx {
    /// Bits of one code: 2, 4 or 8.
    pub bits: usize,
    /// Inputs that share a scale and a bias: 64 or 128.
    pub group: usize,
    /// [rows, columns bits / 32].
    pub words: Vec<u32>,
    /// [rows, columns / group].
    pub scales: Vec<f32>,
    /// [rows, columns / group].
    pub biases: Vec<f32>,
}

/// Any packed matrix in mlx's layout, number for number; a scale of a row is repeated for each 64 inputs.
///
/// Errors: `Shape` for other lengths; `OutOfRange` for columns that 64 does not divide, which mlx cannot hold.
pub fn to_mlx(bytes: &[u8], scales: &[u16], rows: usize, columns: usize, scheme: Scheme) -> Outcome<Mlx> {
    length("packed bytes", bytes.len(), packed_len(scheme, rows, columns)?)?;
    length("scales", scales.len(), scales_len(scheme, rows, columns)?)?;
    let group = scheme.group().max(64);
    if !columns.is_multiple_of(group) {
        return Err(Fault::out_of_range("columns for mlx", format!("the multiples of {group}"), columns));
    }
    let (scales, biases) = scales.split_at(groups_len(scheme, rows, columns)?);
    let mut mlx = Mlx { bits: scheme.bits(), group, words: Vec::new(), scales: Vec::new(), biases: Vec::new() };
    let (span, mut codes) = (scheme.span(columns), vec![0; columns]);
    for row in 0..rows {
        take_row(scheme, bytes, row, &mut codes);
        if scheme.is_signed() {
            codes.iter_mut().for_each(|code| *code ^= 128);
        }
        mlx.words.extend(codes.chunks_exact(32 / scheme.bits()).map(|codes| word(codes, scheme.bits())));
        for first in (0..columns).step_by(group) {
            let place = scale_place(scheme, row, first / span, columns / span);
            let scale = f16::from_bits(scales[place]).to_f32();
            mlx.scales.push(scale);
            mlx.biases.push(biases.get(place).map_or(scale * zero(scheme), |&bias| f16::from_bits(bias).to_f32()));
        }
    }
    Ok(mlx)
}

/// The level of mlx's code 0.
fn zero(scheme: Scheme) -> f32 {
    if scheme.is_signed() { -128.0 } else { Levels::of(scheme).level(0) }
}

fn word(codes: &[u8], bits: usize) -> u32 {
    codes.iter().enumerate().fold(0, |word, (place, &code)| word | u32::from(code) << (place * bits))
}

/// A matrix of mlx in the scheme that holds it number for number: symmetric where every bias is that of the levels, else
/// affine.
///
/// `Unsupported` where a scale or a bias is no f16 (mlx quantised it in f32 or bf16). Other errors as above.
pub fn from_mlx(mlx: &Mlx, rows: usize, columns: usize) -> Outcome<(Scheme, Packed)> {
    let affine = Scheme::of(mlx.bits, mlx.group, true)?;
    let count = groups_len(affine, rows, columns)?;
    length("words of mlx", mlx.words.len(), packed_len(affine, rows, columns)? / 4)?;
    length("scales of mlx", mlx.scales.len(), count)?;
    length("biases of mlx", mlx.biases.len(), count)?;
    let scheme = symmetric(mlx, rows).unwrap_or(affine);
    let mut packed = Packed {
        bytes: vec![0; packed_len(scheme, rows, columns)?],
        scales: vec![0; scales_len(scheme, rows, columns)?],
    };
    let per_row = columns / mlx.group;
    for (index, (&scale, &bias)) in mlx.scales.iter().zip(&mlx.biases).enumerate() {
        let place = scale_place(scheme, index / per_row, index % per_row, per_row);
        packed.scales[place] = exact("scale", index, scale)?;
        if scheme.is_affine() {
            packed.scales[count + place] = exact("bias", index, bias)?;
        }
    }
    for (row, words) in mlx.words.chunks_exact(columns * mlx.bits / 32).enumerate() {
        let mask = u32::MAX >> (32 - mlx.bits);
        let codes = words.iter().flat_map(|word| (0..32 / mlx.bits).map(move |k| word >> (k * mlx.bits) & mask));
        let codes: Vec<u8> = codes.map(|code| if scheme.is_signed() { code as u8 ^ 128 } else { code as u8 }).collect();
        put_row(scheme, &mut packed.bytes, row, &codes);
    }
    Ok((scheme, packed))
}

/// The symmetric scheme whose biases these are.
fn symmetric(mlx: &Mlx, rows: usize) -> Option<Scheme> {
    let scheme = Scheme::of(mlx.bits, mlx.group, false).ok()?;
    let fits = packed_len(scheme, rows, mlx.group).is_ok();
    let all = mlx.scales.iter().zip(&mlx.biases).all(|(scale, bias)| *bias == scale * zero(scheme));
    // Code 0 is level -128, which INT8 of ours does not have.
    let held = !scheme.is_signed() || !mlx.words.iter().any(|word| word.to_le_bytes().contains(&0));
    (fits && all && held).then_some(scheme)
}

fn exact(what: &str, index: usize, value: f32) -> Outcome<u16> {
    let half = f16::from_f32(value);
    if half.is_finite() && half.to_f32() == value {
        return Ok(half.to_bits());
    }
    let instead = "quantise in mlx from float16, or free it there and quantise here".into();
    Err(Fault::Unsupported { what: format!("{what} {index} of mlx, {value}, which no f16 holds"), instead })
}

impl Mlx {
    /// The numbers [rows, columns] that it stands for, as mlx computes them in f32. Errors as `from_mlx`.
    pub fn dequantise(&self, rows: usize, columns: usize) -> Outcome<Vec<f32>> {
        let (scheme, packed) = from_mlx(self, rows, columns)?;
        dequantise(&packed.bytes, &packed.scales, rows, columns, scheme)
    }
}
