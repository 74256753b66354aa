//! The tile unit of x86-64 (AMX), asked for once a process and set up once a piece of work. Knows no weights.
use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count, __m512i, _mm512_load_si512};
use std::sync::OnceLock;

/// Rows of a full tile; each has 64 bytes.
pub(crate) const ROWS: usize = 16;

/// Bytes of one tile.
pub(crate) const TILE: usize = ROWS * 64;

/// A tile in memory.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Bytes(pub [u8; TILE]);

impl Bytes {
    /// A tile of zeros.
    pub(crate) const ZERO: Self = Self([0; TILE]);

    /// Line `i` of sixteen.
    #[target_feature(enable = "avx512f")]
    #[inline]
    pub(crate) fn line(&self, i: usize) -> __m512i {
        let line = &self.0[i * 64..][..64];
        // SAFETY: 64 bytes, aligned as the tile is.
        unsafe { _mm512_load_si512(line.as_ptr().cast()) }
    }
}

/// Set tiles to zero. For all of these: only while a `Tiles` of full tiles lives.
macro_rules! zero {
    ($($tile:literal),*) => {
        // SAFETY: tiles are shaped by this module's contract.
        unsafe { std::arch::asm!($(concat!("tilezero ", $tile)),*, options(nostack, nomem)) }
    };
}
pub(crate) use zero;

/// Load a tile from sixteen lines of 64 bytes, `$stride` bytes apart, which the caller owns.
macro_rules! load {
    ($tile:literal, $from:expr, $stride:expr) => {
        // SAFETY: tiles are shaped, and sixteen lines may be read, by this module's contract.
        unsafe {
            std::arch::asm!(concat!("tileloadd ", $tile, ", [{from} + {stride}]"),
                from = in(reg) $from, stride = in(reg) $stride, options(nostack, readonly))
        }
    };
}
pub(crate) use load;

/// `$sums` += `$codes` x `$levels`, signed bytes, four neighbours a word.
macro_rules! dot {
    ($sums:literal, $codes:literal, $levels:literal) => {
        // SAFETY: tiles are shaped by this module's contract.
        unsafe { std::arch::asm!(concat!("tdpbssd ", $sums, ", ", $codes, ", ", $levels), options(nostack, nomem)) }
    };
}
pub(crate) use dot;

/// Save a tile to sixteen lines of 64 bytes.
macro_rules! save {
    ($tile:literal, $to:expr) => {
        // SAFETY: tiles are shaped, and a whole tile may be written, by this module's contract.
        unsafe {
            std::arch::asm!(concat!("tilestored [{to} + {line}], ", $tile),
                to = in(reg) $to, line = in(reg) 64usize, options(nostack))
        }
    };
}
pub(crate) use save;

/// Shapes of the tiles in the form that `ldtilecfg` reads.
/// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, LDTILECFG.
#[repr(C, align(64))]
struct Shapes([u8; 64]);

/// Proof that this thread's tiles have a shape; they are given back when it is dropped.
pub(crate) struct Tiles(());

/// Whether the processor has INT8 tiles and the system lets this process use them. Found once.
pub(crate) fn available() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| has_int8_tiles() && permitted())
}

/// CPUID leaf 7: bit 24 of EDX is AMX-TILE, bit 25 AMX-INT8; leaf 1: bit 27 of ECX is OSXSAVE.
fn has_int8_tiles() -> bool {
    const BOTH: u32 = 0b11 << 24;
    __cpuid(0).eax >= 7 && __cpuid(1).ecx >> 27 & 1 == 1 && __cpuid_count(7, 0).edx & BOTH == BOTH
}

/// Ask Linux for the tile registers (`arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA)`), for all threads of the process.
#[cfg(target_os = "linux")]
fn permitted() -> bool {
    const ARCH_PRCTL: usize = 158;
    const REQUEST: usize = 0x1023;
    const TILE_DATA: usize = 18;
    let mut answer = ARCH_PRCTL;
    // SAFETY: a system call that reads no memory; it changes only what the process may use.
    unsafe {
        asm!("syscall", inlateout("rax") answer, in("rdi") REQUEST, in("rsi") TILE_DATA,
             lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    answer == 0
}

#[cfg(not(target_os = "linux"))]
fn permitted() -> bool {
    false
}

impl Tiles {
    /// Give tile i of this thread `rows[i]` rows (0 to 16) of 64 bytes; all are zero then.
    ///
    /// # Safety
    /// `available` was true.
    pub(crate) unsafe fn shape(rows: [u8; 8]) -> Self {
        let mut shapes = Shapes([0; 64]);
        shapes.0[0] = 1;
        for (tile, rows) in rows.into_iter().enumerate() {
            shapes.0[16 + 2 * tile] = if rows > 0 { 64 } else { 0 };
            shapes.0[48 + tile] = rows;
        }
        // SAFETY: the processor has tiles by the caller's contract; 64 bytes are read.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &shapes, options(nostack, readonly)) };
        Self(())
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: a `Tiles` exists only where the processor has tiles. Released tiles cost nothing at a switch of threads.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}
