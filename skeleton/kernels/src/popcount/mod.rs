//! Estimates of inner products from codes of one bit a number, and exact products of INT8 codes picked row by row.
//! Makes no codes and ranks nothing; both are the search room's.
//!
//! Rows stand in blocks of eight: line `w` of a block holds word `w` of each, so one register counts eight rows and
//! nothing is added across lanes. The query is cut into planes of bits with the weights 1, 2, 4, … of signs.
//! Source: Gao and Long 2024, RaBitQ, arXiv:2405.12497 (codes of signs against a query of four bits).
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use crate::check;
use crate::cpu::{self, Level};
use foundation::{Fault, Outcome};

/// Planes that a query is cut into: sixteen levels.
pub const PLANES: usize = 4;
/// Rows in a block.
pub const BLOCK: usize = 8;
/// Most words of a row; the integer sums of both kernels then fit.
pub const MOST_WORDS: usize = 1024;

/// One word of eight rows; a line of the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Words(pub [u64; BLOCK]);

/// 64 INT8 codes of one row, each moved up by 128; a line of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Bytes(pub [u8; 64]);

/// Call `function` of the path: AVX-512 here also needs VPOPCNTDQ, without which the AVX2 path gives the same bits.
macro_rules! on_counting_path {
    ($level:expr, $function:ident ( $($argument:expr),* $(,)? )) => {
        match $level.check()? {
            // SAFETY: `check` found AVX-512 with VNNI, the guard found the counting of bits.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512Vnni if is_x86_feature_detected!("avx512vpopcntdq") => unsafe { avx512::$function($($argument),*) },
            // SAFETY: `check` found it; a machine with AVX-512 has AVX2 as well.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 | Level::Avx512Vnni => unsafe { avx2::$function($($argument),*) },
            // SAFETY: `check` found it.
            #[cfg(target_arch = "aarch64")]
            Level::Neon => unsafe { neon::$function($($argument),*) },
            _ => scalar::$function($($argument),*),
        }
    };
}

/// A query as the scan wants it: planes [words, PLANES] and the line that turns a count into a number.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Plane j of word w at w * PLANES + j.
    pub planes: &'a [u64],
    /// The sum when no bit differs.
    pub start: f32,
    /// What one differing bit of plane 0 takes away.
    pub step: f32,
}

/// The blocks to scan: codes [blocks, words], factors [8 blocks], offsets [8 blocks] or none, allow one byte a block.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a> {
    /// The codes, line by line.
    pub codes: &'a [Words],
    /// What the sum of a row is multiplied by.
    pub factors: &'a [f32],
    /// What is then taken away; empty for nothing.
    pub offsets: &'a [f32],
    /// Bit r of byte b says whether row r of block b counts; `None` for all.
    pub allow: Option<&'a [u8]>,
}

/// out = factor (start - step Σ 2ʲ differing bits of plane j) - offset, or -inf for a row that is not allowed.
///
/// Shape: out [8 blocks]. Cost: 3 PLANES operations a line; blocks without an allowed row are not read.
pub fn estimate(out: &mut [f32], query: Query<'_>, blocks: Blocks<'_>) -> Outcome<()> {
    estimate_on(cpu::level(), out, query, blocks)
}

/// `estimate` on a chosen path.
pub fn estimate_on(level: Level, out: &mut [f32], query: Query<'_>, blocks: Blocks<'_>) -> Outcome<()> {
    let words = check::rows("planes of a query", query.planes.len(), PLANES)?;
    if !(1..=MOST_WORDS).contains(&words) {
        return Err(Fault::out_of_range("words of a code", format!("1 ..= {MOST_WORDS}"), words));
    }
    let count = check::rows("codes to scan", blocks.codes.len(), words)?;
    check::length("estimates", out.len(), check::product("estimates", count, BLOCK)?)?;
    check::length("factors", blocks.factors.len(), out.len())?;
    if !blocks.offsets.is_empty() {
        check::length("offsets", blocks.offsets.len(), out.len())?;
    }
    if let Some(allow) = blocks.allow {
        check::length("bytes of the filter", allow.len(), count)?;
    }
    on_counting_path!(level, estimate(out, query, blocks));
    Ok(())
}

/// The best of each group of estimates, place i being of group i mod groups: its value and where it stands.
///
/// Shapes: best and places [groups], groups a multiple of 16. -inf and u32::MAX for a group with nothing above -inf.
pub fn best_of_groups(best: &mut [f32], places: &mut [u32], estimates: &[f32]) -> Outcome<()> {
    best_of_groups_on(cpu::level(), best, places, estimates)
}

/// `best_of_groups` on a chosen path.
pub fn best_of_groups_on(level: Level, best: &mut [f32], places: &mut [u32], estimates: &[f32]) -> Outcome<()> {
    check::multiple("groups", best.len(), 16)?;
    check::length("places of the best", places.len(), best.len())?;
    on_counting_path!(level, best_of_groups(best, places, estimates));
    Ok(())
}

/// Append to `out` each place, counted from `first`, with estimate + factor * slack >= least and an estimate over -inf.
///
/// Shapes: estimates and factors [n]. The product and the sum are fused.
pub fn collect(
    out: &mut Vec<u32>,
    first: u32,
    estimates: &[f32],
    factors: &[f32],
    slack: f32,
    least: f32,
) -> Outcome<()> {
    collect_on(cpu::level(), out, first, estimates, factors, slack, least)
}

/// `collect` on a chosen path.
pub fn collect_on(
    level: Level,
    out: &mut Vec<u32>,
    first: u32,
    estimates: &[f32],
    factors: &[f32],
    slack: f32,
    least: f32,
) -> Outcome<()> {
    check::length("factors", factors.len(), estimates.len())?;
    if u32::try_from(estimates.len()).ok().and_then(|count| first.checked_add(count)).is_none() {
        return Err(Fault::out_of_range("rows to collect", "below 2^32", estimates.len()));
    }
    out.reserve(estimates.len());
    on_counting_path!(level, collect(out, first, estimates, factors, slack, least));
    Ok(())
}

/// out = Σ (code - 128) query for each of the picked rows, exactly.
///
/// Shapes: query [64 lines], codes [n, lines], rows and out [m]. `OutOfRange` for a row that is not there.
pub fn dots(out: &mut [i32], rows: &[u32], query: &[i8], codes: &[Bytes]) -> Outcome<()> {
    dots_on(cpu::level(), out, rows, query, codes)
}

/// `dots` on a chosen path.
pub fn dots_on(level: Level, out: &mut [i32], rows: &[u32], query: &[i8], codes: &[Bytes]) -> Outcome<()> {
    let lines = check::rows("numbers of a query", query.len(), 64)?;
    if !(1..=MOST_WORDS).contains(&lines) {
        return Err(Fault::out_of_range("lines of a query", format!("1 ..= {MOST_WORDS}"), lines));
    }
    let count = check::rows("codes to pick from", codes.len(), lines)?;
    check::length("products of picked rows", out.len(), rows.len())?;
    if let Some(&row) = rows.iter().find(|&&row| row as usize >= count) {
        return Err(Fault::out_of_range("picked row", format!("0 .. {count}"), row));
    }
    let sum: i32 = query.iter().map(|&x| i32::from(x)).sum();
    on_counting_path!(level, dots(out, rows, query, codes));
    out.iter_mut().for_each(|out| *out = out.wrapping_sub(sum << 7));
    Ok(())
}

/// Ask for the lines of `numbers` before they are read. Changes nothing; does nothing where there is no such hint.
pub fn prefetch(numbers: &[f32]) {
    numbers.chunks(16).for_each(|line| ask_for(line.as_ptr().cast()));
}

/// A hint that the line at `address` is wanted soon; never a read, so any address will do.
#[inline(always)]
fn ask_for(address: *const i8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint does not touch the memory; SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
