//! Activations of 16 bits times INT8 weights with one scale a row: the head, where INT8 activations are too coarse and floats slow.
//! Exact in whole numbers up to one rounding, so every path and count of rows has the same bits.
#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use crate::check;
use crate::cpu::{self, Level, on_path};
use crate::matmul_int8::Int8;
use crate::parallel::{Shared, split};
use foundation::{Fault, Outcome};

/// The largest whole number that stands for an activation; its upper byte is 127, its lower one 0.
pub const LARGEST: i32 = 127 * 256;
/// Most columns whose sums of bytes cannot leave an i32.
const MOST_COLUMNS: usize = 65_536;
/// Activation rows and inputs of a tile of the tile unit.
const TILE: (usize, usize) = (16, 64);

/// Rows of activations as whole numbers q of 16 bits, x = q s: an upper and a lower signed byte each, q = 256 upper + lower.
///
/// s = max(absmax, 1e-5) / 32512 a row, q rounded half to even: a rounding of 1.5e-5 of the row's largest number.
/// A row with a number that is not finite gives outputs that are not.
#[derive(Clone, Debug)]
pub struct Wide {
    columns: usize,
    upper: Vec<i8>,
    lower: Vec<i8>,
    scales: Vec<f32>,
    /// 128 times the sum of the upper and of the lower bytes of each row.
    moved: Vec<[i32; 2]>,
    /// Both bytes once more as the tile unit takes them; empty where it is not used.
    tiles: Vec<[i8; 2 * TILE.0 * TILE.1]>,
}

impl Wide {
    /// Quantise x `[M, columns]`. Errors: `Shape`; `OutOfRange` for more than 65,536 columns.
    pub fn of(x: &[f32], columns: usize) -> Outcome<Self> {
        Self::of_on(cpu::level(), x, columns)
    }

    /// `of` on a chosen path.
    pub fn of_on(level: Level, x: &[f32], columns: usize) -> Outcome<Self> {
        let count = check::rows("x of 16 bits", x.len(), columns)?;
        if columns > MOST_COLUMNS {
            return Err(Fault::out_of_range("columns of 16 bits", format!("1 ..= {MOST_COLUMNS}"), columns));
        }
        let (mut upper, mut lower) = (vec![0; x.len()], vec![0; x.len()]);
        let (mut scales, mut moved) = (vec![0.0; count], vec![[0; 2]; count]);
        on_path!(level, quantise(x, columns, &mut upper, &mut lower, &mut scales, &mut moved));
        let mut wide = Self { columns, upper, lower, scales, moved, tiles: Vec::new() };
        wide.lay_tiles();
        Ok(wide)
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.scales.len()
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn lay_tiles(&mut self) {}

    /// For each sixteen rows and 64 inputs: line r of a tile has inputs 4 r .. 4 r + 4 of each of the sixteen rows.
    #[cfg(target_arch = "x86_64")]
    fn lay_tiles(&mut self) {
        if self.rows() < amx::FEWEST_ROWS || !self.columns.is_multiple_of(TILE.1) || !crate::amx::available() {
            return;
        }
        let across = self.columns / TILE.1;
        self.tiles.resize(self.rows().div_ceil(TILE.0) * across, [0; 2 * TILE.0 * TILE.1]);
        for (half, bytes) in [&self.upper, &self.lower].into_iter().enumerate() {
            for (m, row) in bytes.chunks_exact(self.columns).enumerate() {
                let tiles = &mut self.tiles[m / TILE.0 * across..][..across];
                for (tile, inputs) in tiles.iter_mut().zip(row.chunks_exact(TILE.1)) {
                    let tile = &mut tile[half * TILE.0 * TILE.1..];
                    for (line, four) in inputs.chunks_exact(4).enumerate() {
                        tile[line * TILE.1 + m % TILE.0 * 4..][..4].copy_from_slice(four);
                    }
                }
            }
        }
    }
}

/// out = x Wᵀ. Shapes: out `[M, rows]`, x `[M, columns]`.
///
/// Both sums of bytes are exact; out = ((256 upper + lower) weight scale) s, the first with one rounding.
pub fn matmul(out: &mut [f32], x: &Wide, weights: &Int8<'_>) -> Outcome<()> {
    matmul_on(cpu::level(), out, x, weights)
}

/// `matmul` on a chosen path.
pub fn matmul_on(level: Level, out: &mut [f32], x: &Wide, weights: &Int8<'_>) -> Outcome<()> {
    check::length("columns of x of 16 bits", x.columns, weights.columns())?;
    check::length("out of matmul_int16", out.len(), check::product("out", x.rows(), weights.rows())?)?;
    let out = Shared::new(out);
    split(weights.rows(), weights.rows().saturating_mul(x.upper.len()), |rows| {
        on_path!(level, product(&out, x, weights, rows));
        Ok(())
    })
}
