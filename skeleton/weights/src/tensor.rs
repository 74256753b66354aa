//! One tensor of an open file, lent: its shape, its bytes and what they mean. Holds nothing of its own.
use crate::map::{Plain, numbers};
use crate::scheme::PLAIN;
use foundation::{Fault, Outcome};
use quant::Scheme;

/// How the packed bytes of a tensor are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit IEEE floats.
    F32,
    /// 16-bit IEEE floats.
    F16,
    /// Bytes; codes of a quantisation scheme are such.
    U8,
    /// Signed bytes.
    I8,
}

impl Dtype {
    /// The name in the file: "f32", "f16", "u8" or "i8".
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::U8 => "u8",
            Self::I8 => "i8",
        }
    }

    /// The type of that name; `Dtype` fault for any other.
    pub fn parse(name: &str) -> Outcome<Self> {
        [Self::F32, Self::F16, Self::U8, Self::I8]
            .into_iter()
            .find(|dtype| dtype.name() == name)
            .ok_or_else(|| Fault::dtype("tensor", "f32, f16, u8 or i8", name))
    }

    /// Bytes of one element.
    pub fn size_bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::U8 | Self::I8 => 1,
        }
    }
}

/// A tensor where it lies in the mapped file. `packed` and `scales` begin at multiples of 64 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    /// The tensor's name.
    pub name: &'a str,
    /// Its shape in weights, whatever the packing; empty for a single number.
    pub shape: &'a [u64],
    /// What `packed` is made of.
    pub dtype: Dtype,
    /// "plain", or the name of a quantisation scheme that `quant::Scheme::parse` knows.
    pub scheme: &'a str,
    /// The stored elements, without padding.
    pub packed: &'a [u8],
    /// The scales as f16, empty for "plain".
    pub scales: &'a [u8],
}

impl<'a> Tensor<'a> {
    /// How many weights the tensor has.
    pub fn elements(&self) -> u64 {
        self.shape.iter().product()
    }

    /// Rows and columns of a matrix; `Shape` fault for any other tensor.
    pub fn matrix(&self) -> Outcome<(usize, usize)> {
        match self.shape {
            [rows, columns] => match (usize::try_from(*rows), usize::try_from(*columns)) {
                (Ok(rows), Ok(columns)) => Ok((rows, columns)),
                _ => {
                    Err(Fault::shape(self.name, "a matrix that this machine can address", format!("{:?}", self.shape)))
                }
            },
            shape => Err(Fault::shape(self.name, "[rows, columns]", format!("{shape:?}"))),
        }
    }

    /// The quantisation scheme, or `None` for a plain tensor.
    pub fn quantisation(&self) -> Outcome<Option<Scheme>> {
        if self.scheme == PLAIN { Ok(None) } else { Scheme::parse(self.scheme).map(Some) }
    }

    /// The elements of a plain f32 tensor, in place; `Dtype` fault for any other.
    pub fn f32s(&self) -> Outcome<&'a [f32]> {
        self.view(self.packed, Dtype::F32)
    }

    /// The bits of a plain f16 tensor, in place; `Dtype` fault for any other.
    pub fn f16_bits(&self) -> Outcome<&'a [u16]> {
        self.view(self.packed, Dtype::F16)
    }

    /// The signed bytes of an i8 tensor of any scheme, in place; `Dtype` fault for any other.
    pub fn i8s(&self) -> Outcome<&'a [i8]> {
        if self.dtype != Dtype::I8 {
            return Err(Fault::dtype(self.name, "i8", self.dtype.name()));
        }
        numbers(self.packed).ok_or_else(|| Fault::bug("tensors in an open file are aligned"))
    }

    /// The bits of the f16 scales, in place; empty for a plain tensor.
    pub fn scale_bits(&self) -> Outcome<&'a [u16]> {
        numbers(self.scales).ok_or_else(|| Fault::bug("scales in an open file are aligned"))
    }

    fn view<T: Plain>(&self, bytes: &'a [u8], want: Dtype) -> Outcome<&'a [T]> {
        if self.dtype != want || self.scheme != PLAIN {
            let got = format!("{} ({})", self.dtype.name(), self.scheme);
            return Err(Fault::dtype(self.name, format!("{} (plain)", want.name()), got));
        }
        numbers(bytes).ok_or_else(|| Fault::bug("tensors in an open file are aligned"))
    }
}
