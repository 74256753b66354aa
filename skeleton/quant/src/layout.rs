//! Where the codes of a row lie in the packed bytes, and its scales among the scales. Rounds nothing.
use crate::scheme::{GROUP, Scheme, TILE};

/// Bytes of a row tile for one group.
pub(crate) const TILE_BYTES: usize = TILE * GROUP / 4;

/// The place of a group's scale among all scales.
pub(crate) fn scale_place(scheme: Scheme, row: usize, group: usize, groups: usize) -> usize {
    if scheme == Scheme::Int2G64 { (row / TILE * groups + group) * TILE + row % TILE } else { row * groups + group }
}

/// Put the codes of a whole row, one a byte, into the packed bytes.
pub(crate) fn put_row(scheme: Scheme, bytes: &mut [u8], row: usize, codes: &[u8]) {
    let columns = codes.len();
    match scheme {
        Scheme::Int2G64 => {
            let tiles = bytes.chunks_exact_mut(TILE_BYTES).skip(row / TILE * (columns / GROUP));
            for (tile, codes) in tiles.zip(codes.chunks_exact(GROUP)) {
                put_in_tile(tile, row % TILE, codes);
            }
        }
        Scheme::Int4G64 => {
            let groups = bytes[row * columns / 2..].chunks_exact_mut(GROUP / 2).zip(codes.chunks_exact(GROUP));
            for (bytes, codes) in groups {
                let (low, high) = codes.split_at(GROUP / 2);
                bytes.iter_mut().zip(low.iter().zip(high)).for_each(|(byte, (low, high))| *byte = low | high << 4);
            }
        }
        _ => put_plain(scheme.bits(), &mut bytes[row * columns * scheme.bits() / 8..], codes),
    }
}

/// Take the codes of a whole row, one a byte, out of the packed bytes.
pub(crate) fn take_row(scheme: Scheme, bytes: &[u8], row: usize, codes: &mut [u8]) {
    let columns = codes.len();
    match scheme {
        Scheme::Int2G64 => {
            let tiles = bytes.chunks_exact(TILE_BYTES).skip(row / TILE * (columns / GROUP));
            for (tile, codes) in tiles.zip(codes.chunks_exact_mut(GROUP)) {
                take_from_tile(tile, row % TILE, codes);
            }
        }
        Scheme::Int4G64 => {
            let groups = bytes[row * columns / 2..].chunks_exact(GROUP / 2).zip(codes.chunks_exact_mut(GROUP));
            for (bytes, codes) in groups {
                let (low, high) = codes.split_at_mut(GROUP / 2);
                bytes.iter().zip(low.iter_mut().zip(high)).for_each(|(byte, (low, high))| {
                    (*low, *high) = (byte & 15, byte >> 4);
                });
            }
        }
        _ => take_plain(scheme.bits(), &bytes[row * columns * scheme.bits() / 8..], codes),
    }
}

/// Codes in their order, the first in the lowest bits of a byte.
pub(crate) fn put_plain(bits: usize, bytes: &mut [u8], codes: &[u8]) {
    for (byte, codes) in bytes.iter_mut().zip(codes.chunks_exact(8 / bits)) {
        *byte = codes.iter().rev().fold(0, |byte, code| ((u32::from(byte) << bits) as u8) | code);
    }
}

/// The way back of `put_plain`.
pub(crate) fn take_plain(bits: usize, bytes: &[u8], codes: &mut [u8]) {
    let mask = ((1u32 << bits) - 1) as u8;
    for (byte, codes) in bytes.iter().zip(codes.chunks_exact_mut(8 / bits)) {
        codes.iter_mut().enumerate().for_each(|(k, code)| *code = byte >> (k * bits) & mask);
    }
}

/// Put the codes of one group of row `lane` into its tile.
pub(crate) fn put_in_tile(tile: &mut [u8], lane: usize, codes: &[u8]) {
    for (block, codes) in tile.chunks_exact_mut(4 * TILE).zip(codes.chunks_exact(16)) {
        for i in 0..4 {
            block[4 * lane + i] = codes[i] | codes[4 + i] << 2 | codes[8 + i] << 4 | codes[12 + i] << 6;
        }
    }
}

/// The codes of one group of row `lane`.
pub(crate) fn take_from_tile(tile: &[u8], lane: usize, codes: &mut [u8]) {
    for (block, codes) in tile.chunks_exact(4 * TILE).zip(codes.chunks_exact_mut(16)) {
        for (k, code) in codes.iter_mut().enumerate() {
            *code = block[4 * lane + k % 4] >> (2 * (k / 4)) & 3;
        }
    }
}
