//! The decoders at the border: pictures, their latents, and sound.
use crate::arrays::{count, matrix, ordered, vector};
use crate::cancel::{CancelToken, token_of};
use crate::gate::{gate, raised};
use crate::network::precision_of;
use forward::latent;
use foundation::Fault;
use foundation::pool::Pool;
use numpy::{
    Element, IntoPyArray, PyArray1, PyArray2, PyArray3, PyArray4, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods,
    PyReadonlyArrayDyn, PyUntypedArrayMethods, dtype,
};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// An array of exactly the type `T` and of `[n, rest ...]`, borrowed.
fn batch<'py, T: Element>(what: &str, any: &Bound<'py, PyAny>, rest: &[usize]) -> PyResult<PyReadonlyArrayDyn<'py, T>> {
    let py = any.py();
    let array = ordered(what, any)?;
    let want = dtype::<T>(py);
    if !array.dtype().is_equiv_to(&want) {
        return Err(raised(py, &Fault::dtype(what, want, array.dtype())));
    }
    if array.ndim() != rest.len() + 1 || array.shape()[1..] != *rest {
        let want = format!("[n, {}]", rest.iter().map(usize::to_string).collect::<Vec<_>>().join(", "));
        return Err(raised(py, &Fault::shape(what, want, format!("{:?}", array.shape()))));
    }
    Ok(any.cast::<PyArrayDyn<T>>()?.try_readonly()?)
}

/// Latents to pictures.
#[pyclass(frozen, module = "brain._skeleton")]
pub(crate) struct PictureDecoder {
    inner: latent::PictureDecoder,
}

#[pymethods]
impl PictureDecoder {
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf, score_json: &str, threads: &Bound<'_, PyAny>) -> PyResult<Self> {
        let threads = count("threads", threads)?;
        let inner = gate(py, || {
            let weights = Arc::new(weights::Weights::open(&path)?);
            latent::PictureDecoder::open(weights, score_json, Pool::new(threads)?)
        })?;
        Ok(Self { inner })
    }

    #[pyo3(signature = (latents, *, precision = "f32", cancel = None))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        latents: &Bound<'py, PyAny>,
        precision: &str,
        cancel: Option<&Bound<'py, CancelToken>>,
    ) -> PyResult<Bound<'py, PyArray4<u8>>> {
        let spec = self.inner.spec();
        let latents = batch::<f32>("latents", latents, &[spec.tokens(), spec.latent])?;
        let (count, side, numbers, cancel) = (latents.shape()[0], spec.side, latents.as_slice()?, token_of(cancel));
        let pixels = gate(py, || self.inner.decode(numbers, precision_of(precision)?, &cancel))?;
        pixels.into_pyarray(py).reshape([count, side, side, 4])
    }

    #[pyo3(signature = (latents, *, precision = "f32", cancel = None))]
    fn decode_numbers<'py>(
        &self,
        py: Python<'py>,
        latents: &Bound<'py, PyAny>,
        precision: &str,
        cancel: Option<&Bound<'py, CancelToken>>,
    ) -> PyResult<Bound<'py, PyArray4<f32>>> {
        let spec = self.inner.spec();
        let latents = batch::<f32>("latents", latents, &[spec.tokens(), spec.latent])?;
        let (count, side, numbers, cancel) = (latents.shape()[0], spec.side, latents.as_slice()?, token_of(cancel));
        let pixels = gate(py, || self.inner.decode_numbers(numbers, precision_of(precision)?, &cancel))?;
        pixels.into_pyarray(py).reshape([count, side, side, 4])
    }

    #[getter]
    fn side(&self) -> usize {
        self.inner.spec().side
    }
}

/// Pictures to latents.
#[pyclass(frozen, module = "brain._skeleton")]
pub(crate) struct PictureEncoder {
    inner: latent::PictureEncoder,
}

#[pymethods]
impl PictureEncoder {
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf, score_json: &str, threads: &Bound<'_, PyAny>) -> PyResult<Self> {
        let threads = count("threads", threads)?;
        let inner = gate(py, || {
            let weights = Arc::new(weights::Weights::open(&path)?);
            latent::PictureEncoder::open(weights, score_json, Pool::new(threads)?)
        })?;
        Ok(Self { inner })
    }

    #[pyo3(signature = (pictures, *, precision = "f32", cancel = None))]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        pictures: &Bound<'py, PyAny>,
        precision: &str,
        cancel: Option<&Bound<'py, CancelToken>>,
    ) -> PyResult<Bound<'py, PyArray3<f32>>> {
        let spec = self.inner.spec();
        let pictures = batch::<u8>("pictures", pictures, &[spec.side, spec.side, 4])?;
        let (shape, bytes) = ([pictures.shape()[0], spec.tokens(), spec.latent], pictures.as_slice()?);
        let cancel = token_of(cancel);
        let latents = gate(py, || self.inner.encode(bytes, precision_of(precision)?, &cancel))?;
        latents.into_pyarray(py).reshape(shape)
    }

    #[getter]
    fn side(&self) -> usize {
        self.inner.spec().side
    }
}

/// Log-mel to wave.
#[pyclass(frozen, module = "brain._skeleton")]
pub(crate) struct Vocoder {
    inner: latent::Vocoder,
}

#[pymethods]
impl Vocoder {
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf, threads: &Bound<'_, PyAny>) -> PyResult<Self> {
        let threads = count("threads", threads)?;
        let inner = gate(py, || {
            let weights = Arc::new(weights::Weights::open(&path)?);
            latent::Vocoder::open(weights, Pool::new(threads)?)
        })?;
        Ok(Self { inner })
    }

    #[pyo3(signature = (log_mel, *, cancel = None))]
    fn wave<'py>(
        &self,
        py: Python<'py>,
        log_mel: &Bound<'py, PyAny>,
        cancel: Option<&Bound<'py, CancelToken>>,
    ) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let log_mel = matrix::<f32>("log_mel", log_mel)?;
        if log_mel.shape()[1] != latent::MELS {
            let want = format!("[frames, {}]", latent::MELS);
            return Err(raised(py, &Fault::shape("log_mel", want, format!("{:?}", log_mel.shape()))));
        }
        let (numbers, cancel) = (log_mel.as_slice()?, token_of(cancel));
        Ok(gate(py, || self.inner.wave(numbers, &cancel))?.into_pyarray(py))
    }
}

/// The natural log-mel of a wave.
#[pyfunction]
pub(crate) fn log_mel<'py>(py: Python<'py>, wave: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let wave = vector::<f32>("wave", wave)?;
    let numbers = wave.as_slice()?;
    let mels = gate(py, || latent::log_mel(numbers))?;
    let frames = mels.len() / latent::MELS;
    mels.into_pyarray(py).reshape([frames, latent::MELS])
}
