//! Safetensors at the border: foreign numbers as NumPy arrays and back.
use crate::gate::gate;
use crate::lent::stored;
use foundation::{Fault, Outcome};
use half::{bf16, f16};
use numpy::{IntoPyArray, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::collections::BTreeMap;
use std::path::PathBuf;
use weights::safetensors::{Archive, Dtype, Foreign, write};

macro_rules! numbers {
    ($($name:ident: $type:ty),*) => {
        /// Numbers read from a file, by their NumPy type.
        enum Numbers { $($name(Vec<$type>),)* }

        impl Numbers {
            fn array<'py>(self, py: Python<'py>, shape: &[usize]) -> PyResult<Bound<'py, PyAny>> {
                match self { $(Self::$name(v) => Ok(v.into_pyarray(py).reshape(shape)?.into_any()),)* }
            }
        }
    };
}
numbers!(Bool: bool, U8: u8, I8: i8, U16: u16, I16: i16, F16: f16, U32: u32, I32: i32, F32: f32, U64: u64, I64: i64, F64: f64);

macro_rules! little {
    ($bytes:expr, $type:ty) => {
        $bytes.as_chunks().0.iter().map(|b| <$type>::from_le_bytes(*b)).collect()
    };
}

fn numbers(found: &Foreign<'_>) -> Outcome<Numbers> {
    let bytes = found.bytes;
    Ok(match found.dtype {
        Dtype::BOOL => Numbers::Bool(bytes.iter().map(|&b| b != 0).collect()),
        Dtype::U8 => Numbers::U8(bytes.to_vec()),
        Dtype::I8 => Numbers::I8(bytes.iter().map(|b| b.cast_signed()).collect()),
        Dtype::U16 => Numbers::U16(little!(bytes, u16)),
        Dtype::I16 => Numbers::I16(little!(bytes, i16)),
        Dtype::F16 => Numbers::F16(little!(bytes, f16)),
        Dtype::BF16 => Numbers::F32(bytes.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect()),
        Dtype::U32 => Numbers::U32(little!(bytes, u32)),
        Dtype::I32 => Numbers::I32(little!(bytes, i32)),
        Dtype::F32 => Numbers::F32(little!(bytes, f32)),
        Dtype::U64 => Numbers::U64(little!(bytes, u64)),
        Dtype::I64 => Numbers::I64(little!(bytes, i64)),
        Dtype::F64 => Numbers::F64(little!(bytes, f64)),
        other => {
            let what = format!("the type {other} of tensor {:?}", found.name);
            return Err(Fault::Unsupported { what, instead: "convert it to BF16, F16 or F32".into() });
        }
    })
}

/// All tensors of a safetensors file, or of every one in a folder.
#[pyfunction]
pub(crate) fn read_safetensors(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyDict>> {
    let read = gate(py, || {
        let archive = Archive::open(&path)?;
        let one = |found: Foreign<'_>| Ok((found.name.to_owned(), found.shape.to_vec(), numbers(&found)?));
        archive.tensors().map(one).collect::<Outcome<Vec<_>>>()
    })?;
    let tensors = PyDict::new(py);
    for (name, shape, numbers) in read {
        tensors.set_item(name, numbers.array(py, &shape)?)?;
    }
    Ok(tensors)
}

/// Write tensors as one safetensors file, whole or not at all.
#[pyfunction]
pub(crate) fn write_safetensors(
    py: Python<'_>,
    path: PathBuf,
    tensors: BTreeMap<String, Bound<'_, PyAny>>,
    metadata: BTreeMap<String, String>,
) -> PyResult<()> {
    let taken =
        tensors.iter().map(|(name, array)| Ok((name.as_str(), stored(name, array)?))).collect::<PyResult<Vec<_>>>()?;
    gate(py, || {
        let foreign: Vec<Foreign<'_>> = taken
            .iter()
            .map(|(name, held)| {
                let dtype = match held.dtype {
                    "f32" => Dtype::F32,
                    "f16" => Dtype::F16,
                    "i8" => Dtype::I8,
                    _ => Dtype::U8,
                };
                Foreign { name, dtype, shape: &held.shape, bytes: &held.bytes }
            })
            .collect();
        write(&path, &foreign, &metadata)
    })
}
