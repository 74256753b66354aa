//! The tokenizer's room at the border.
use crate::arrays::{count, text, vector};
use crate::gate::{gate, quick};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokenizer::{Specials, train};

/// Ids [n], and the bytes [n, 2] that each spells.
type IdsAndSpans<'py> = (Bound<'py, PyArray1<u32>>, Bound<'py, PyArray2<u64>>);

/// Byte-level BPE over a `tokenizer.json`.
#[pyclass(frozen, module = "brain._skeleton")]
pub(crate) struct Tokenizer {
    inner: Arc<tokenizer::Tokenizer>,
}

impl Tokenizer {
    fn new(inner: tokenizer::Tokenizer) -> Self {
        Self { inner: Arc::new(inner) }
    }
}

fn mode(specials: bool) -> Specials {
    if specials { Specials::Parse } else { Specials::AsText }
}

#[pymethods]
impl Tokenizer {
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        gate(py, || tokenizer::Tokenizer::open(&path)).map(Self::new)
    }

    #[staticmethod]
    fn from_bytes(py: Python<'_>, json: &[u8]) -> PyResult<Self> {
        gate(py, || tokenizer::Tokenizer::from_bytes(json)).map(Self::new)
    }

    #[staticmethod]
    #[pyo3(name = "train")]
    fn learn(
        py: Python<'_>,
        texts: &Bound<'_, PyAny>,
        vocabulary: &Bound<'_, PyAny>,
        special_tokens: Vec<String>,
    ) -> PyResult<Self> {
        let vocabulary = count("vocabulary", vocabulary)?;
        let texts = texts
            .try_iter()?
            .map(|item| text("texts", item?.cast::<PyString>()?).map(str::to_owned))
            .collect::<PyResult<Vec<String>>>()?;
        gate(py, || train(texts.into_iter(), vocabulary, &special_tokens)).map(Self::new)
    }

    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        gate(py, || self.inner.to_json())
    }

    #[pyo3(signature = (text, specials = false))]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyString>,
        specials: bool,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let text = crate::arrays::text("text", text)?;
        Ok(gate(py, || self.inner.encode(text, mode(specials)))?.into_pyarray(py))
    }

    #[pyo3(signature = (text, specials = false))]
    fn encode_spans<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyString>,
        specials: bool,
    ) -> PyResult<IdsAndSpans<'py>> {
        let text = crate::arrays::text("text", text)?;
        let (ids, spans) = gate(py, || self.inner.encode_spans(text, mode(specials)))?;
        let count = spans.len();
        let flat: Vec<u64> = spans.into_iter().flat_map(|span| [span.start as u64, span.end as u64]).collect();
        Ok((ids.into_pyarray(py), flat.into_pyarray(py).reshape([count, 2])?))
    }

    #[pyo3(signature = (texts, specials = false))]
    fn encode_batch<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<Bound<'py, PyString>>,
        specials: bool,
    ) -> PyResult<Vec<Bound<'py, PyArray1<u32>>>> {
        let views = texts.iter().map(|item| text("texts", item)).collect::<PyResult<Vec<&str>>>()?;
        let batch = gate(py, || self.inner.encode_batch(&views, mode(specials)))?;
        Ok(batch.into_iter().map(|ids| ids.into_pyarray(py)).collect())
    }

    #[pyo3(signature = (ids, skip_special = true))]
    fn decode(&self, py: Python<'_>, ids: &Bound<'_, PyAny>, skip_special: bool) -> PyResult<String> {
        let ids = vector::<u32>("ids", ids)?;
        let ids = ids.as_slice()?;
        gate(py, || self.inner.decode(ids, skip_special))
    }

    fn token_bytes<'py>(&self, py: Python<'py>, token: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let id = crate::arrays::token("token", token)?;
        quick(py, || self.inner.token_bytes(id)).map(|bytes| PyBytes::new(py, bytes))
    }

    fn id(&self, piece: &Bound<'_, PyString>) -> PyResult<Option<u32>> {
        Ok(self.inner.id(text("piece", piece)?))
    }

    #[pyo3(signature = (token))]
    fn is_special(&self, token: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.inner.is_special(crate::arrays::token("token", token)?))
    }

    fn specials(&self) -> Vec<(u32, &str)> {
        self.inner.added().iter().filter(|t| t.special).map(|t| (t.id, t.content.as_str())).collect()
    }

    fn byte_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<u32>>> {
        Ok(quick(py, || self.inner.byte_ids())?.to_vec().into_pyarray(py))
    }

    #[getter]
    fn is_native(&self) -> bool {
        self.inner.is_native()
    }

    #[getter]
    fn size(&self) -> usize {
        self.inner.vocabulary()
    }
}

/// Text from ids as they come, never half a character.
#[pyclass(frozen, module = "brain._skeleton")]
pub(crate) struct StreamDecoder {
    inner: Mutex<tokenizer::StreamDecoder>,
}

#[pymethods]
impl StreamDecoder {
    #[new]
    #[pyo3(signature = (tokenizer, skip_special = true))]
    fn new(tokenizer: &Bound<'_, Tokenizer>, skip_special: bool) -> Self {
        let tokenizer = Arc::clone(&tokenizer.get().inner);
        Self { inner: Mutex::new(tokenizer::StreamDecoder::new(tokenizer, skip_special)) }
    }

    fn push(&self, py: Python<'_>, ids: &Bound<'_, PyAny>) -> PyResult<String> {
        let ids = vector::<u32>("ids", ids)?;
        let ids = ids.as_slice()?;
        quick(py, || self.inner.lock().unwrap_or_else(PoisonError::into_inner).push(ids))
    }

    fn finish(&self) -> String {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).finish()
    }
}
