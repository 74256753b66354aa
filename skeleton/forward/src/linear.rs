//! One matrix of the network over the bytes of the weight file, in any scheme that the body computes. Owns nothing.
use crate::operand::{Operand, Precision};
use crate::spec::{Role, TensorSpec};
use foundation::{Fault, Outcome};
use half::f16;
use kernels::matmul_int2::Int2;
use kernels::matmul_int4::Int4;
use kernels::matmul_int8::Int8;
use kernels::matmul_int16::{self, Wide};
use kernels::{matmul_f32, matmul_int2, matmul_int4, matmul_int8};
use weights::{Dtype, PLAIN, Tensor};

/// A matrix `[rows, columns]` that gives out = x Wᵀ.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Matrix<'w> {
    Int2(Int2<'w>),
    Int4(Int4<'w>),
    Int8(Int8<'w>),
    F32 { rows: usize, columns: usize, values: &'w [f32] },
    F16 { rows: usize, columns: usize, bits: &'w [u16] },
}

impl<'w> Matrix<'w> {
    /// The matrix that a tensor holds; refuses shapes other than the spec's, and schemes that its role does not take.
    pub fn of(tensor: &Tensor<'w>, want: &TensorSpec) -> Outcome<Self> {
        check_shape(tensor, want)?;
        let (rows, columns) = tensor.matrix()?;
        let trunk = want.role == Role::Trunk;
        match (tensor.scheme, tensor.dtype) {
            ("int2.g64.r16", _) if trunk => {
                Ok(Self::Int2(Int2::new(rows, columns, tensor.packed, tensor.scale_bits()?)?))
            }
            ("int4.g64", _) if trunk => Ok(Self::Int4(Int4::new(rows, columns, tensor.packed, tensor.scale_bits()?)?)),
            ("int8.row", _) if want.role != Role::Small => {
                Ok(Self::Int8(Int8::new(rows, columns, tensor.i8s()?, tensor.scale_bits()?)?))
            }
            (PLAIN, Dtype::F32) => Ok(Self::F32 { rows, columns, values: tensor.f32s()? }),
            (PLAIN, Dtype::F16) => Ok(Self::F16 { rows, columns, bits: tensor.f16_bits()? }),
            (scheme, dtype) => {
                let taken = if trunk { "int2.g64.r16, int4.g64, int8.row, f32 or f16" } else { "int8.row, f32 or f16" };
                Err(Fault::dtype(tensor.name, taken, format!("{} ({scheme})", dtype.name())))
            }
        }
    }

    /// out = x Wᵀ for activations in either precision. Shapes: out `[M, rows]`.
    pub fn apply(&self, out: &mut [f32], x: &Operand) -> Outcome<()> {
        match (self, x.precision) {
            (Self::Int2(w), Precision::Int8) => matmul_int2::matmul(out, &x.codes, &x.scales, &x.sums, w),
            (Self::Int4(w), Precision::Int8) => matmul_int4::matmul(out, &x.codes, &x.scales, w),
            (Self::Int8(w), Precision::Int8) => matmul_int8::matmul(out, &x.codes, &x.scales, w),
            _ => self.apply_f32(out, &x.as_floats()),
        }
    }

    /// out = x Wᵀ for float activations. Shapes: x `[M, columns]`, out `[M, rows]`.
    pub fn apply_f32(&self, out: &mut [f32], x: &[f32]) -> Outcome<()> {
        match self {
            Self::Int2(w) => matmul_int2::matmul_f32_int2(out, x, w),
            Self::Int4(w) => matmul_int4::matmul_f32_int4(out, x, w),
            Self::Int8(w) => matmul_int8::matmul_f32_int8(out, x, w),
            Self::F32 { rows, columns, values } => matmul_f32::matmul(out, x, values, *rows, *columns),
            Self::F16 { rows, columns, bits } => matmul_f32::matmul_f16(out, x, bits, *rows, *columns),
        }
    }

    /// The rows `first .. first + count` as a matrix of their own; only row-major schemes have such rows.
    pub fn part(&self, first: usize, count: usize) -> Outcome<Self> {
        match self {
            Self::Int8(w) => Ok(Self::Int8(w.part(first, count)?)),
            Self::F32 { columns, values, .. } => {
                let values = &values[first * columns..(first + count) * columns];
                Ok(Self::F32 { rows: count, columns: *columns, values })
            }
            Self::F16 { columns, bits, .. } => {
                let bits = &bits[first * columns..(first + count) * columns];
                Ok(Self::F16 { rows: count, columns: *columns, bits })
            }
            Self::Int2(_) | Self::Int4(_) => Err(Fault::bug("only row-major matrices are cut into rows")),
        }
    }

    /// Write row `row` as floats: the embedding of a token.
    pub fn read_row(&self, row: usize, out: &mut [f32]) -> Outcome<()> {
        match self.part(row, 1)? {
            Self::Int8(w) => w.row(0, out)?,
            Self::F32 { values, .. } => out.copy_from_slice(values),
            Self::F16 { bits, .. } => out.iter_mut().zip(bits).for_each(|(o, &b)| *o = f16::from_bits(b).to_f32()),
            Self::Int2(_) | Self::Int4(_) => return Err(Fault::bug("an embedding is row-major")),
        }
        Ok(())
    }
}

/// Hidden states as they enter the head: whole numbers of 16 bits where the table is INT8 and the trunk computes in INT8, which is
/// nearly float and far quicker; otherwise floats.
#[derive(Debug)]
pub(crate) enum HeadInput<'x> {
    Wide(Wide),
    Floats(&'x [f32]),
}

impl<'x> HeadInput<'x> {
    /// The form that a head takes hidden states `[rows, width]` in.
    pub fn of(head: &Matrix, hidden: &'x [f32], width: usize, precision: Precision) -> Outcome<Self> {
        match (head, precision) {
            (Matrix::Int8(_), Precision::Int8) => Ok(Self::Wide(Wide::of(hidden, width)?)),
            _ => Ok(Self::Floats(hidden)),
        }
    }

    /// The logits `[rows, tokens]` of the tokens that a part of the head has.
    pub fn logits(&self, part: &Matrix, out: &mut [f32]) -> Outcome<()> {
        match (self, part) {
            (Self::Wide(x), Matrix::Int8(w)) => matmul_int16::matmul(out, x, w),
            (Self::Floats(x), part) => part.apply_f32(out, x),
            (Self::Wide(_), _) => Err(Fault::bug("only an INT8 head takes 16 bits")),
        }
    }
}

/// Several matrices of the same inputs at once: in INT2 one piece of parallel work, the same bits as one by one.
pub(crate) fn apply_all<const N: usize>(jobs: [(&Matrix, &mut [f32]); N], x: &Operand) -> Outcome<()> {
    let all_int2 = x.precision == Precision::Int8 && jobs.iter().all(|(w, _)| matches!(w, Matrix::Int2(_)));
    if !all_int2 {
        return jobs.into_iter().try_for_each(|(w, out)| w.apply(out, x));
    }
    let mut int2 = Vec::with_capacity(N);
    for (matrix, out) in jobs {
        if let Matrix::Int2(w) = matrix {
            int2.push((out, *w));
        }
    }
    matmul_int2::matmul_all(&mut int2, &x.codes, &x.scales, &x.sums)
}

/// The gain of a norm.
pub(crate) fn gain<'w>(tensor: &Tensor<'w>, want: &TensorSpec) -> Outcome<&'w [f32]> {
    check_shape(tensor, want)?;
    tensor.f32s()
}

fn check_shape(tensor: &Tensor, want: &TensorSpec) -> Outcome<()> {
    if tensor.shape.iter().copied().eq(want.shape.iter().map(|&n| n as u64)) {
        return Ok(());
    }
    Err(Fault::shape(format!("tensor {:?}", want.name), format!("{:?}", want.shape), format!("{:?}", tensor.shape)))
}
