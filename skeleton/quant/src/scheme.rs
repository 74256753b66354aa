//! The names, sizes and rules of the schemes. No bytes are touched here.
use foundation::{Fault, Outcome};

/// Inputs that share one scale in the schemes that multiply.
pub const GROUP: usize = 64;
/// Rows of one tile of "int2.g64.r16".
pub(crate) const TILE: usize = 16;

/// How a matrix [rows, columns] is stored. All scales and biases are f16.
///
/// Symmetric schemes: level x scale, with levels code - 1.5 (INT2, no zero), code - 8 (INT4), the code as i8 from -127 on
/// (INT8). Affine ones: code x scale + bias. Codes lie row after row, the first in the lowest bits of a byte, but in the
/// two schemes whose layout a kernel dictates. Scales lie row after row; behind all of them the biases, where there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// "int2.g64.r16": a scale for 64 inputs of a row, tiles of 16 rows (see `kernels::matmul_int2`).
    Int2G64,
    /// "int4.g64": a scale for 64 inputs of a row, halves of a group in halves of bytes (see `kernels::matmul_int4`).
    Int4G64,
    /// "int8.row": one scale a row.
    Int8Row,
    /// "int2.g128": a scale for 128 inputs of a row.
    Int2G128,
    /// "int2.row": one scale a row.
    Int2Row,
    /// "int4.g128": a scale for 128 inputs of a row.
    Int4G128,
    /// "int4.row": one scale a row.
    Int4Row,
    /// "int8.g64": a scale for 64 inputs of a row.
    Int8G64,
    /// "int8.g128": a scale for 128 inputs of a row.
    Int8G128,
    /// "int2.g64.affine": scale and bias for 64 inputs of a row.
    Int2G64Affine,
    /// "int2.g128.affine": scale and bias for 128 inputs of a row.
    Int2G128Affine,
    /// "int2.row.affine": one scale and bias a row.
    Int2RowAffine,
    /// "int4.g64.affine": scale and bias for 64 inputs of a row.
    Int4G64Affine,
    /// "int4.g128.affine": scale and bias for 128 inputs of a row.
    Int4G128Affine,
    /// "int4.row.affine": one scale and bias a row.
    Int4RowAffine,
    /// "int8.g64.affine": scale and bias for 64 inputs of a row.
    Int8G64Affine,
    /// "int8.g128.affine": scale and bias for 128 inputs of a row.
    Int8G128Affine,
    /// "int8.row.affine": one scale and bias a row.
    Int8RowAffine,
}

/// How a group's scale is found from its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// 1.248 mean |w|: the least squared error of four levels for a normal law. Symmetric INT2 only; the rule of training.
    MeanAbs,
    /// .9957 of the root mean square: the same optimum from the other moment. Symmetric INT2 only.
    Deviation,
    /// The largest |w| lands on the largest code; affine: smallest and largest w on the outermost codes. Not for
    /// symmetric INT2.
    Range,
    /// The least squared error of this very group, by alternating codes and scale from several starts. INT2 and INT4.
    LeastSquares,
}

/// A scheme's name on disk, bits, inputs that share a scale (0: the row), and whether it has a bias.
type Facts = (Scheme, &'static str, usize, usize, bool);
const FACTS: [Facts; 18] = [
    (Scheme::Int2G64, "int2.g64.r16", 2, 64, false),
    (Scheme::Int4G64, "int4.g64", 4, 64, false),
    (Scheme::Int8Row, "int8.row", 8, 0, false),
    (Scheme::Int2G128, "int2.g128", 2, 128, false),
    (Scheme::Int2Row, "int2.row", 2, 0, false),
    (Scheme::Int4G128, "int4.g128", 4, 128, false),
    (Scheme::Int4Row, "int4.row", 4, 0, false),
    (Scheme::Int8G64, "int8.g64", 8, 64, false),
    (Scheme::Int8G128, "int8.g128", 8, 128, false),
    (Scheme::Int2G64Affine, "int2.g64.affine", 2, 64, true),
    (Scheme::Int2G128Affine, "int2.g128.affine", 2, 128, true),
    (Scheme::Int2RowAffine, "int2.row.affine", 2, 0, true),
    (Scheme::Int4G64Affine, "int4.g64.affine", 4, 64, true),
    (Scheme::Int4G128Affine, "int4.g128.affine", 4, 128, true),
    (Scheme::Int4RowAffine, "int4.row.affine", 4, 0, true),
    (Scheme::Int8G64Affine, "int8.g64.affine", 8, 64, true),
    (Scheme::Int8G128Affine, "int8.g128.affine", 8, 128, true),
    (Scheme::Int8RowAffine, "int8.row.affine", 8, 0, true),
];

impl Scheme {
    /// Every scheme; the first three are those that the network's body multiplies by.
    pub const ALL: [Self; 18] = {
        let mut all = [Self::Int2G64; 18];
        let mut place = 0;
        while place < all.len() {
            all[place] = FACTS[place].0;
            place += 1;
        }
        all
    };

    fn facts(self) -> Facts {
        FACTS[self as usize]
    }

    /// The name on disk.
    pub fn name(self) -> &'static str {
        self.facts().1
    }

    /// The scheme of a name on disk, or `NotFound`.
    pub fn parse(name: &str) -> Outcome<Self> {
        let found = Self::ALL.into_iter().find(|scheme| scheme.name() == name);
        found.ok_or_else(|| Fault::not_found(format!("the quantisation scheme {name:?}")))
    }

    /// The scheme of these properties; `group` 0 means the row. `NotFound` when there is none.
    pub fn of(bits: usize, group: usize, affine: bool) -> Outcome<Self> {
        let found = Self::ALL.into_iter().find(|s| (s.bits(), s.group(), s.is_affine()) == (bits, group, affine));
        found.ok_or_else(|| Fault::not_found(format!("a scheme of {bits} bits in groups of {group}")))
    }

    /// Bits of one code.
    pub fn bits(self) -> usize {
        self.facts().2
    }

    /// Inputs that share a scale; 0 means the whole row.
    pub fn group(self) -> usize {
        self.facts().3
    }

    /// Whether each group has a bias beside its scale.
    pub fn is_affine(self) -> bool {
        self.facts().4
    }

    /// Whether codes are signed bytes.
    pub fn is_signed(self) -> bool {
        self.bits() == 8 && !self.is_affine()
    }

    /// The rules that it has, the quickest first.
    pub fn rules(self) -> &'static [Rule] {
        match (self.bits(), self.is_affine()) {
            (2, false) => &[Rule::MeanAbs, Rule::Deviation, Rule::LeastSquares],
            (8, _) => &[Rule::Range],
            _ => &[Rule::Range, Rule::LeastSquares],
        }
    }

    /// The inputs that share a scale in a matrix of so many columns.
    pub(crate) fn span(self, columns: usize) -> usize {
        if self.group() == 0 { columns } else { self.group() }
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
    let column_unit = scheme.group().max(8 / scheme.bits());
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

/// How many f16 a matrix has beside its codes (a count, not bytes): a scale a group, and in affine schemes as many biases
/// behind them. `OutOfRange` as `packed_len`.
pub fn scales_len(scheme: Scheme, rows: usize, columns: usize) -> Outcome<usize> {
    Ok(groups_len(scheme, rows, columns)? * if scheme.is_affine() { 2 } else { 1 })
}

/// How many groups a matrix has.
pub(crate) fn groups_len(scheme: Scheme, rows: usize, columns: usize) -> Outcome<usize> {
    Ok(weights(scheme, rows, columns)? / scheme.span(columns))
}
