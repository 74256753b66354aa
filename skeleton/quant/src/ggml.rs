//! ggml's blocks, out and in, where one of them holds our numbers exactly. Rounds nothing and writes no GGUF file.
//!
//! Source: ggml's `ggml-quants`, block layouts of Q4_0, Q8_0, Q2_K, TQ2_0; checked against the package gguf.
use crate::door::{Packed, length};
use crate::layout::{put_row, scale_place, take_row};
use crate::scheme::{Scheme, packed_len, scales_len};
use foundation::{Fault, Outcome};
use half::f16;

/// Inputs of a super-block.
const SUPER: usize = 256;
/// Inputs of a simple block.
const BLOCK: usize = 32;

/// A kind of block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Block {
    /// 32 inputs: f16 scale, 4-bit codes; (code - 8) scale. Holds symmetric INT4.
    Q4_0,
    /// 32 inputs: f16 scale, signed bytes; code x scale. Holds symmetric INT8.
    Q8_0,
    /// 256 inputs: 2-bit codes, sixteen 4-bit scales and minima, two f16 over them. Holds "int2.row", no scheme of groups.
    Q2K,
    /// 256 inputs: 2-bit codes of -1, 0, 1. Has no four levels: holds nothing of ours.
    Tq20,
}

impl Block {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Q4_0, Self::Q8_0, Self::Q2K, Self::Tq20];

    /// ggml's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q4_0 => "Q4_0",
            Self::Q8_0 => "Q8_0",
            Self::Q2K => "Q2_K",
            Self::Tq20 => "TQ2_0",
        }
    }

    /// The kind of that name, or `NotFound`.
    pub fn parse(name: &str) -> Outcome<Self> {
        let found = Self::ALL.into_iter().find(|block| block.name() == name);
        found.ok_or_else(|| Fault::not_found(format!("the ggml block {name:?}")))
    }

    /// Inputs and bytes of a block.
    fn sizes(self) -> (usize, usize) {
        match self {
            Self::Q4_0 => (BLOCK, 18),
            Self::Q8_0 => (BLOCK, 34),
            Self::Q2K => (SUPER, 84),
            Self::Tq20 => (SUPER, 66),
        }
    }
}

fn refused(block: Block, scheme: Scheme) -> Fault {
    let instead = match (scheme.is_affine(), scheme.bits()) {
        (true, _) => "quantise to a symmetric scheme",
        (_, 2) => "quantise to int2.row for Q2_K, or hand the numbers themselves to ggml",
        (_, 4) => "use Q4_0",
        _ => "use Q8_0",
    };
    Fault::Unsupported { what: format!("{} in ggml's {}", scheme.name(), block.name()), instead: instead.into() }
}

fn check(scheme: Scheme, block: Block, columns: usize) -> Outcome<()> {
    let holds = match block {
        Block::Q4_0 => scheme.bits() == 4 && !scheme.is_affine(),
        Block::Q8_0 => scheme.is_signed(),
        Block::Q2K => scheme == Scheme::Int2Row,
        Block::Tq20 => false,
    };
    if !holds {
        return Err(refused(block, scheme));
    }
    let inputs = block.sizes().0;
    if columns == 0 || !columns.is_multiple_of(inputs) {
        let what = format!("columns in ggml's {}", block.name());
        return Err(Fault::out_of_range(what, format!("the positive multiples of {inputs}"), columns));
    }
    Ok(())
}

/// A packed matrix as ggml's blocks, row after row, number for number; a scale is repeated for each block.
///
/// `Unsupported` where the blocks cannot hold the scheme (see `Block`), `OutOfRange` for columns that are not whole
/// blocks and for a scale whose half no f16 holds (Q2_K), `Shape` for other lengths.
pub fn to_ggml(
    bytes: &[u8],
    scales: &[u16],
    rows: usize,
    columns: usize,
    scheme: Scheme,
    block: Block,
) -> Outcome<Vec<u8>> {
    length("packed bytes", bytes.len(), packed_len(scheme, rows, columns)?)?;
    length("scales", scales.len(), scales_len(scheme, rows, columns)?)?;
    check(scheme, block, columns)?;
    let (inputs, size) = block.sizes();
    let (span, mut codes) = (scheme.span(columns), vec![0; columns]);
    let mut out = Vec::with_capacity(rows * columns / inputs * size);
    for row in 0..rows {
        take_row(scheme, bytes, row, &mut codes);
        for (index, codes) in codes.chunks_exact(inputs).enumerate() {
            let scale = scales[scale_place(scheme, row, index * inputs / span, columns / span)];
            put(block, codes, scale, &mut out)?;
        }
    }
    Ok(out)
}

fn put(block: Block, codes: &[u8], scale: u16, out: &mut Vec<u8>) -> Outcome<()> {
    if block == Block::Q2K {
        // value = d (scale 2) code - dmin (minimum 3) with d = dmin = s / 2 is s (code - 1.5).
        let half = f16::from_f32(f16::from_bits(scale).to_f32() / 2.0);
        if half.to_f32() * 2.0 != f16::from_bits(scale).to_f32() {
            let range = "the scales whose half is a f16";
            return Err(Fault::out_of_range("scale for Q2_K", range, f16::from_bits(scale)));
        }
        out.extend([2 | 3 << 4; SUPER / 16]);
        for codes in codes.chunks_exact(SUPER / 2) {
            out.extend((0..BLOCK).map(|i| (0..4).fold(0, |byte, j| byte | codes[j * BLOCK + i] << (2 * j))));
        }
        out.extend(half.to_bits().to_le_bytes());
        out.extend(half.to_bits().to_le_bytes());
        return Ok(());
    }
    out.extend(scale.to_le_bytes());
    match block {
        Block::Q4_0 => out.extend((0..BLOCK / 2).map(|i| codes[i] | codes[i + BLOCK / 2] << 4)),
        _ => out.extend(codes),
    }
    Ok(())
}

/// Blocks as a packed matrix of `scheme`, number for number: Q4_0 and Q8_0 only.
///
/// `Unsupported` where blocks of one group have not one scale (ggml has a scale each 32 inputs), where a code is -128,
/// and for other blocks and schemes; `Shape`, `OutOfRange` as above.
pub fn from_ggml(blocks: &[u8], rows: usize, columns: usize, scheme: Scheme, block: Block) -> Outcome<Packed> {
    check(scheme, block, columns)?;
    let (inputs, size) = block.sizes();
    let mut packed = Packed {
        bytes: vec![0; packed_len(scheme, rows, columns)?],
        scales: vec![0; scales_len(scheme, rows, columns)?],
    };
    length("bytes of ggml's blocks", blocks.len(), rows * columns / inputs * size)?;
    if block == Block::Q2K {
        return Err(refused(block, scheme));
    }
    let span = scheme.span(columns);
    let mut codes = Vec::with_capacity(columns);
    for (row, blocks) in blocks.chunks_exact(columns / inputs * size).enumerate() {
        codes.clear();
        for (index, bytes) in blocks.chunks_exact(size).enumerate() {
            let scale = u16::from_le_bytes([bytes[0], bytes[1]]);
            let place = &mut packed.scales[scale_place(scheme, row, index * inputs / span, columns / span)];
            if (index * inputs).is_multiple_of(span) {
                *place = scale;
            }
            if *place != scale || !f16::from_bits(scale).is_finite() {
                return Err(uneven(scheme, row, index));
            }
            match block {
                Block::Q4_0 => codes.extend(bytes[2..].iter().map(|b| b & 15).chain(bytes[2..].iter().map(|b| b >> 4))),
                _ if bytes[2..].contains(&128) => return Err(uneven(scheme, row, index)),
                _ => codes.extend(&bytes[2..]),
            }
        }
        put_row(scheme, &mut packed.bytes, row, &codes);
    }
    Ok(packed)
}

fn uneven(scheme: Scheme, row: usize, index: usize) -> Fault {
    Fault::Unsupported {
        what: format!("block {index} of row {row} in {}: its scale or a code has no place there", scheme.name()),
        instead: "free the blocks and quantise the numbers".into(),
    }
}
