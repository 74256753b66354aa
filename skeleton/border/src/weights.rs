//! The room of weights at the border: mapped files lent as arrays, files written, score folders imported.
use crate::arrays::text;
use crate::gate::{gate, quick, raised};
use crate::lent::{lent, stored};
use foundation::{Fault, Outcome};
use half::f16;
use half::slice::HalfBitsSliceExt;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use weights::{Dtype, PLAIN, Part, Tensor, Writer};

/// What a file of weights says of one tensor.
#[pyclass(frozen, module = "brain._skeleton")]
pub(crate) struct TensorInfo {
    #[pyo3(get)]
    name: String,
    shape: Vec<usize>,
    #[pyo3(get)]
    dtype: &'static str,
    #[pyo3(get)]
    scheme: String,
    #[pyo3(get)]
    bytes: usize,
}

#[pymethods]
impl TensorInfo {
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.shape)
    }
}

/// One memory-mapped Arrow file of tensors.
#[pyclass(frozen, module = "brain._skeleton")]
pub(crate) struct Weights {
    pub(crate) inner: Arc<weights::Weights>,
}

fn shape_of(tensor: &Tensor<'_>) -> Outcome<Vec<usize>> {
    let size =
        |&n: &u64| usize::try_from(n).map_err(|_| Fault::shape(tensor.name, "one that this machine can address", n));
    tensor.shape.iter().map(size).collect()
}

#[pymethods]
impl Weights {
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let inner = gate(py, || weights::Weights::open(&path))?;
        Ok(Self { inner: Arc::new(inner) })
    }

    fn names(&self) -> Vec<&str> {
        self.inner.names().collect()
    }

    fn info(&self, name: &Bound<'_, PyString>) -> PyResult<TensorInfo> {
        let wanted = text("name", name)?;
        quick(name.py(), || {
            let tensor = self.inner.get(wanted)?;
            Ok(TensorInfo {
                name: tensor.name.to_owned(),
                shape: shape_of(&tensor)?,
                dtype: tensor.dtype.name(),
                scheme: tensor.scheme.to_owned(),
                bytes: tensor.packed.len() + tensor.scales.len(),
            })
        })
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.inner.metadata().clone()
    }

    fn packed<'py>(this: &Bound<'py, Self>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        let wanted = text("name", name)?;
        let (tensor, mut shape) = quick(py, || {
            let tensor = this.get().inner.get(wanted)?;
            Ok((tensor, shape_of(&tensor)?))
        })?;
        let plain = tensor.scheme == PLAIN;
        if !plain {
            shape = vec![tensor.packed.len()];
        }
        let owner = this.clone().into_any();
        match tensor.dtype {
            Dtype::F32 => lent(owner, quick(py, || tensor.f32s())?, &shape),
            Dtype::F16 => lent::<f16>(owner, quick(py, || tensor.f16_bits())?.reinterpret_cast(), &shape),
            Dtype::U8 => lent(owner, tensor.packed, &shape),
            Dtype::I8 => lent(owner, quick(py, || tensor.i8s())?, &shape),
        }
    }

    fn scales<'py>(this: &Bound<'py, Self>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        let wanted = text("name", name)?;
        let bits = quick(this.py(), || this.get().inner.get(wanted)?.scale_bits())?;
        lent::<f16>(this.clone().into_any(), bits.reinterpret_cast(), &[bits.len()])
    }

    fn verify(&self, py: Python<'_>) -> PyResult<()> {
        gate(py, || self.inner.verify())
    }

    #[getter]
    fn len_bytes(&self) -> u64 {
        self.inner.len_bytes()
    }

    fn __len__(&self) -> usize {
        self.inner.len()
    }

    fn __contains__(&self, name: &Bound<'_, PyString>) -> PyResult<bool> {
        let wanted = text("name", name)?;
        Ok(self.inner.get(wanted).is_ok())
    }
}

type Given<'py> = (String, Vec<u64>, String, Bound<'py, PyAny>, Option<Bound<'py, PyAny>>);

struct Taken {
    name: String,
    shape: Vec<u64>,
    scheme: String,
    dtype: Dtype,
    packed: Vec<u8>,
    scales: Vec<u8>,
}

fn taken(py: Python<'_>, (name, shape, scheme, packed, scales): Given<'_>) -> PyResult<Taken> {
    let found = stored(&name, &packed)?;
    let mut dtype = quick(py, || Dtype::parse(found.dtype))?;
    if scheme == PLAIN {
        let held: Vec<u64> = found.shape.iter().map(|&n| n as u64).collect();
        if held != shape {
            return Err(raised(py, &Fault::shape(name, format!("{shape:?}"), format!("{held:?}"))));
        }
    } else if matches!(dtype, Dtype::U8 | Dtype::I8) {
        let signed = quick(py, || quant::Scheme::parse(&scheme))?.is_signed();
        dtype = if signed { Dtype::I8 } else { Dtype::U8 };
    }
    let scales = match scales {
        None => Vec::new(),
        Some(array) => {
            let what = format!("scales of {name}");
            let scales = stored(&what, &array)?;
            if scales.dtype != "f16" {
                return Err(raised(py, &Fault::dtype(what, "float16", scales.dtype)));
            }
            scales.bytes
        }
    };
    Ok(Taken { name, shape, scheme, dtype, packed: found.bytes, scales })
}

/// Write a file of weights whole or not at all.
#[pyfunction]
pub(crate) fn write_weights(
    py: Python<'_>,
    path: PathBuf,
    tensors: Vec<Given<'_>>,
    metadata: BTreeMap<String, String>,
) -> PyResult<u64> {
    let tensors = tensors.into_iter().map(|given| taken(py, given)).collect::<PyResult<Vec<Taken>>>()?;
    gate(py, || {
        let mut writer = Writer::new();
        for (key, value) in &metadata {
            writer.metadata(key, value)?;
        }
        for Taken { name, shape, scheme, dtype, packed, scales } in &tensors {
            writer.add(Part { name, shape, dtype: *dtype, scheme, packed, scales })?;
        }
        writer.write(&path)
    })
}

/// Turn a folder of the training kit into a model folder.
#[pyfunction]
pub(crate) fn import_score_folder(py: Python<'_>, source: PathBuf, out: PathBuf) -> PyResult<u64> {
    gate(py, || forward::import::from_score_folder(&source, &out)).map(|imported| imported.bytes)
}

/// Write an open file's tensors as Parquet.
#[pyfunction]
pub(crate) fn write_parquet(py: Python<'_>, path: PathBuf, weights: &Bound<'_, Weights>) -> PyResult<u64> {
    let inner = weights.get().inner.clone();
    gate(py, || weights::parquet::write(&inner, &path))
}

/// Turn a Parquet file into a file of weights.
#[pyfunction]
pub(crate) fn read_parquet(py: Python<'_>, path: PathBuf, out: PathBuf) -> PyResult<u64> {
    gate(py, || weights::parquet::read(&path)?.write(&out))
}
