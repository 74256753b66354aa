//! Matrices packed row by row on the threads of the caller's pool, whoever rounds the rows. Fits nothing itself.
use crate::door::Packed;
use crate::fit::Stored;
use crate::layout;
use crate::scheme::{Scheme, TILE, groups_len, packed_len};
use foundation::Outcome;
use rayon::prelude::*;

/// One row as it is rounded: a code a weight, a grid a group.
pub(crate) struct Row {
    pub(crate) codes: Vec<u8>,
    pub(crate) grids: Vec<Stored>,
}

/// Rows of one piece: the unit in which every layout is a run of bytes, scales and biases.
struct Piece {
    bytes: Vec<u8>,
    scales: Vec<u16>,
    biases: Vec<u16>,
}

/// Pack `rows` rows, each rounded by `round(row)`. Any order of rows, one result.
pub(crate) fn pack(
    rows: usize,
    columns: usize,
    scheme: Scheme,
    round: impl Fn(usize) -> Outcome<Row> + Sync,
) -> Outcome<Packed> {
    let one = |first: usize| piece(first, TILE.min(rows - first), columns, scheme, &round);
    let firsts = (0..rows).step_by(TILE);
    let pooled = rayon::current_thread_index().is_some();
    let pieces: Vec<Piece> = if pooled {
        firsts.collect::<Vec<_>>().into_par_iter().map(one).collect::<Outcome<_>>()?
    } else {
        firsts.map(one).collect::<Outcome<_>>()?
    };
    let mut packed = Packed { bytes: Vec::new(), scales: Vec::new() };
    let mut biases = Vec::new();
    for piece in pieces {
        packed.bytes.extend(piece.bytes);
        packed.scales.extend(piece.scales);
        biases.extend(piece.biases);
    }
    packed.scales.extend(biases);
    Ok(packed)
}

fn piece(
    first: usize,
    rows: usize,
    columns: usize,
    scheme: Scheme,
    round: &impl Fn(usize) -> Outcome<Row>,
) -> Outcome<Piece> {
    let count = groups_len(scheme, rows, columns)?;
    let biases = vec![0; if scheme.is_affine() { count } else { 0 }];
    let mut piece = Piece { bytes: vec![0; packed_len(scheme, rows, columns)?], scales: vec![0; count], biases };
    for row in 0..rows {
        let rounded = round(first + row)?;
        layout::put_row(scheme, &mut piece.bytes, row, &rounded.codes);
        for (group, grid) in rounded.grids.iter().enumerate() {
            let place = layout::scale_place(scheme, row, group, rounded.grids.len());
            piece.scales[place] = grid.scale;
            if scheme.is_affine() {
                piece.biases[place] = grid.bias;
            }
        }
    }
    Ok(piece)
}
