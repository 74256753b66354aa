//! Weights to codes in one pass over their bytes: INT2 and INT4 in groups of 64, INT8 a row. Fits no scale by search and
//! names no scheme; that is the quant room's.
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use crate::act8::GROUP;
use crate::cpu::{self, Level, on_path};
use crate::parallel::split;
use crate::{check, lanes::LANES};
use foundation::{Fault, Outcome};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// The smallest scale: the smallest positive f16, so that a group of zeros has one too.
const SMALLEST: f32 = 5.960_464_5e-8;
/// From here on a number rounds to an infinite f16.
const TOO_LARGE: f32 = 65_520.0;
/// About how many weights a task takes at a time.
const TASK: usize = 1 << 16;

/// What of a group its INT2 scale follows. Constants: least squared error of levels ±.5 s, ±1.5 s for a normal law
/// (Max 1960).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// 1.248 mean |w|.
    Mean,
    /// .9957 of the root mean square.
    Deviation,
}

impl Moment {
    /// The scale is this times the mean, or times the root of the mean.
    fn factor(self) -> f32 {
        match self {
            Self::Mean => 1.248,
            Self::Deviation => 0.9957,
        }
    }
}

/// INT2 in the layout "int2.g64.r16" (see `matmul_int2`): codes nearest to w / s + 1.5 against the f16 scale s stored.
///
/// Shapes: x [rows, columns] with rows % 16 == 0 and columns % 64 == 0, packed [rows columns / 4], scales
/// [rows columns / 64]. Gives whether all is sound; where a scale is not a finite f16 (a weight is not finite, or too
/// large) it gives false, and what was written is of no use. Runs on the pool that the caller is in.
pub fn int2(packed: &mut [u8], scales: &mut [u16], x: &[f32], columns: usize, moment: Moment) -> Outcome<bool> {
    int2_on(cpu::level(), packed, scales, x, columns, moment)
}

/// `int2` on a chosen path.
pub fn int2_on(
    level: Level,
    packed: &mut [u8],
    scales: &mut [u16],
    x: &[f32],
    columns: usize,
    moment: Moment,
) -> Outcome<bool> {
    let rows = matrix("int2", x, columns, GROUP)?;
    check::multiple("rows to quantise to int2", rows, LANES)?;
    check::length("packed bytes of int2", packed.len(), x.len() / 4)?;
    check::length("scales of int2", scales.len(), x.len() / GROUP)?;
    let tile = LANES * columns;
    over(packed, scales, x, [tile / 4, tile / GROUP, tile], |packed, scales, x, sound| {
        on_path!(level, int2(packed, scales, x, columns, moment, sound));
        Ok(())
    })
}

/// INT4 in the layout "int4.g64" (see `matmul_int4`): s = max |w| / 7 of the group, codes round(w / s) + 8, ties to even.
///
/// Shapes: x [rows, columns] with columns % 64 == 0, packed [rows columns / 2], scales [rows columns / 64]; otherwise as
/// `int2`.
pub fn int4(packed: &mut [u8], scales: &mut [u16], x: &[f32]) -> Outcome<bool> {
    int4_on(cpu::level(), packed, scales, x)
}

/// `int4` on a chosen path.
pub fn int4_on(level: Level, packed: &mut [u8], scales: &mut [u16], x: &[f32]) -> Outcome<bool> {
    check::multiple("weights to quantise to int4", x.len(), GROUP)?;
    check::length("packed bytes of int4", packed.len(), x.len() / 2)?;
    check::length("scales of int4", scales.len(), x.len() / GROUP)?;
    over(packed, scales, x, [GROUP / 2, 1, GROUP], |packed, scales, x, sound| {
        on_path!(level, int4(packed, scales, x, sound));
        Ok(())
    })
}

/// INT8 with a scale a row: s = max |w| / 127 of the row, codes round(w / s) as i8, ties to even, none below -127.
///
/// Shapes: x [rows, columns], codes [rows, columns] (i8 as bytes), scales [rows]; otherwise as `int2`.
pub fn int8(codes: &mut [u8], scales: &mut [u16], x: &[f32], columns: usize) -> Outcome<bool> {
    int8_on(cpu::level(), codes, scales, x, columns)
}

/// `int8` on a chosen path.
pub fn int8_on(level: Level, codes: &mut [u8], scales: &mut [u16], x: &[f32], columns: usize) -> Outcome<bool> {
    let rows = matrix("int8", x, columns, 1)?;
    check::length("codes of int8", codes.len(), x.len())?;
    check::length("scales of int8", scales.len(), rows)?;
    over(codes, scales, x, [columns, 1, columns], |codes, scales, x, sound| {
        on_path!(level, int8(codes, scales, x, columns, sound));
        Ok(())
    })
}

fn matrix(scheme: &str, x: &[f32], columns: usize, unit: usize) -> Outcome<usize> {
    if columns == 0 {
        return Err(Fault::out_of_range(format!("columns to quantise to {scheme}"), "1 and more", 0));
    }
    check::multiple(&format!("columns to quantise to {scheme}"), columns, unit)?;
    check::rows(&format!("weights to quantise to {scheme}"), x.len(), columns)
}

/// Run `part` over the units of packed bytes, scales and weights, many at a time; whether all of them were sound.
fn over(
    packed: &mut [u8],
    scales: &mut [u16],
    x: &[f32],
    unit: [usize; 3],
    part: impl Fn(&mut [u8], &mut [u16], &[f32], &mut bool) -> Outcome<()> + Sync + Send,
) -> Outcome<bool> {
    let count = (TASK / unit[2]).max(1);
    let outputs = packed.chunks_mut(unit[0] * count).zip(scales.chunks_mut(unit[1] * count));
    let tasks: Vec<_> = outputs.zip(x.chunks(unit[2] * count)).map(Mutex::new).collect();
    let sound = AtomicBool::new(true);
    split(tasks.len(), 4 * x.len(), |range| {
        for task in &tasks[range] {
            let mut task = task.lock().map_err(|_| Fault::bug("each task is taken once"))?;
            let ((packed, scales), x) = &mut *task;
            let mut all = true;
            part(packed, scales, x, &mut all)?;
            sound.fetch_and(all, Ordering::Relaxed);
        }
        Ok(())
    })?;
    Ok(sound.into_inner())
}
