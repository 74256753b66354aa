//! The names, sizes and rules of the schemes. No bytes are touched here.
use foundation::{Fault, Outcome};

/// Inputs that share one scale in the group schemes.
pub const GROUP: usize = 64;
/// Rows of one tile of "int2.g64.r16".
pub(crate) const TILE: usize = 16;

/// How a matrix [rows, columns] is stored. All scales are f16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// "int2.g64.r16": (code - 1.5) scale, a scale for 64 inputs of a row, tiles of 16 rows (see `kernels::matmul_int2`).
    Int2G64,
    /// "int4.g64": (code - 8) scale, a scale for 64 inputs of a row, row after row (see `kernels::matmul_int4`).
    Int4G64,
    /// "int8.row": code x scale, one scale a row, row after row.
    Int8Row,
}

/// How a group's scale is found from its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// 1.248 mean |w|: the least squared error of four levels for a normal law. INT2 only; the rule of training.
    MeanAbs,
    /// .9957 of the root mean square: the same optimum from the other moment. INT2 only.
    Deviation,
    /// The largest |w| lands on the largest code. INT4 and INT8.
    Range,
    /// The least squared error of this very group, by alternating codes and scale from several starts. INT2 and INT4.
    LeastSquares,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 3] = [Self::Int2G64, Self::Int4G64, Self::Int8Row];

    /// The name on disk.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int2G64 => "int2.g64.r16",
            Self::Int4G64 => "int4.g64",
            Self::Int8Row => "int8.row",
        }
    }

    /// The scheme of a name on disk, or `NotFound`.
    pub fn parse(name: &str) -> Outcome<Self> {
        let found = Self::ALL.into_iter().find(|scheme| scheme.name() == name);
        found.ok_or_else(|| Fault::not_found(format!("the quantisation scheme {name:?}")))
    }

    /// Bits of one code.
    pub fn bits(self) -> usize {
        match self {
            Self::Int2G64 => 2,
            Self::Int4G64 => 4,
            Self::Int8Row => 8,
        }
    }

    /// Inputs that share a scale; 0 means the whole row.
    pub fn group(self) -> usize {
        if self == Self::Int8Row { 0 } else { GROUP }
    }
}

/// Refuse shapes that a scheme cannot hold, and return rows x columns.
fn weights(scheme: Scheme, rows: usize, columns: usize) -> Outcome<usize> {
    let refuse = |what: &str, unit: usize, got: usize| {
        let range = format!("the positive multiples of {unit}");
        Err(Fault::out_of_range(format!("{what} of {}", scheme.name()), range, got))
    };
    let row_unit = if scheme == Scheme::Int2G64 { TILE } else { 1 };
    if rows == 0 || !rows.is_multiple_of(row_unit) {
        return refuse("rows", row_unit, rows);
    }
    let column_unit = scheme.group().max(1);
    if columns == 0 || !columns.is_multiple_of(column_unit) {
        return refuse("columns", column_unit, columns);
    }
    rows.checked_mul(columns)
        .filter(|size| size.checked_mul(8).is_some())
        .ok_or_else(|| Fault::out_of_range("rows x columns", "what fits in memory", format!("{rows} x {columns}")))
}

/// Bytes of the packed codes of a matrix, or `OutOfRange` for a shape that the scheme cannot hold.
pub fn packed_len(scheme: Scheme, rows: usize, columns: usize) -> Outcome<usize> {
    Ok(weights(scheme, rows, columns)? / (8 / scheme.bits()))
}

/// How many f16 scales a matrix has (a count, not bytes), or `OutOfRange` as `packed_len`.
pub fn scales_len(scheme: Scheme, rows: usize, columns: usize) -> Outcome<usize> {
    let weights = weights(scheme, rows, columns)?;
    Ok(if scheme.group() == 0 { rows } else { weights / scheme.group() })
}
