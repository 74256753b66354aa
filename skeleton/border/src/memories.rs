//! The room of memories at the border: the store on disk.
use crate::arrays::{copied, count, text};
use crate::gate::{gate, quick, raised};
use crate::lent::lent;
use foundation::{Fault, Outcome};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};
use storage::{OpenOptions, Space};

fn id_of(py: Python<'_>, bytes: &[u8]) -> PyResult<u128> {
    match bytes.try_into() {
        Ok(bytes) => Ok(u128::from_be_bytes(bytes)),
        Err(_) => Err(raised(py, &Fault::shape("memory_id", "16 bytes", format!("{} bytes", bytes.len())))),
    }
}

/// One memory.
#[pyclass(frozen, module = "brain._skeleton")]
pub(crate) struct Memory {
    inner: storage::Memory,
}

#[pymethods]
impl Memory {
    #[new]
    fn new(
        py: Python<'_>,
        memory_id: &[u8],
        text: &Bound<'_, PyString>,
        vector: &Bound<'_, PyAny>,
        created_unix_s: f64,
        source: &Bound<'_, PyString>,
    ) -> PyResult<Self> {
        let inner = storage::Memory {
            id: id_of(py, memory_id)?,
            text: crate::arrays::text("text", text)?.to_owned(),
            vector: copied("vector", vector)?,
            created_unix_s,
            source: crate::arrays::text("source", source)?.to_owned(),
        };
        Ok(Self { inner })
    }

    #[getter]
    fn id<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.id.to_be_bytes())
    }

    #[getter]
    fn text(&self) -> &str {
        &self.inner.text
    }

    #[getter]
    fn vector<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f32>> {
        self.inner.vector.clone().into_pyarray(py)
    }

    #[getter]
    fn created_unix_s(&self) -> f64 {
        self.inner.created_unix_s
    }

    #[getter]
    fn source(&self) -> &str {
        &self.inner.source
    }
}

/// Memories on disk.
#[pyclass(frozen, module = "brain._skeleton")]
pub(crate) struct Store {
    inner: RwLock<Option<Arc<storage::Store>>>,
}

/// A snapshot of vectors: what the array over them keeps alive.
#[pyclass(frozen)]
struct Snapshot {
    vectors: Arc<Vec<f32>>,
}

impl Store {
    fn open_store(&self) -> Outcome<Arc<storage::Store>> {
        let held = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        held.clone().ok_or_else(|| Fault::conflict("the store was closed", "open it again"))
    }
}

fn now_unix_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[pymethods]
impl Store {
    #[staticmethod]
    #[pyo3(signature = (path, embedder, width, writer = true))]
    fn open(
        py: Python<'_>,
        path: PathBuf,
        embedder: &Bound<'_, PyString>,
        width: &Bound<'_, PyAny>,
        writer: bool,
    ) -> PyResult<Self> {
        let space = Space { embedder: text("embedder", embedder)?.to_owned(), width: count("width", width)? };
        let options = OpenOptions { writer, space: Some(space), clock: Arc::new(now_unix_s) };
        let store = gate(py, || storage::Store::open(&path, &options))?;
        Ok(Self { inner: RwLock::new(Some(Arc::new(store))) })
    }

    fn append(&self, py: Python<'_>, memories: Vec<Bound<'_, Memory>>) -> PyResult<u64> {
        let memories: Vec<storage::Memory> = memories.iter().map(|memory| memory.get().inner.clone()).collect();
        gate(py, || self.open_store()?.append(&memories))
    }

    fn refresh(&self, py: Python<'_>) -> PyResult<usize> {
        gate(py, || self.open_store()?.refresh())
    }

    fn all(&self, py: Python<'_>) -> PyResult<Vec<Memory>> {
        let memories = gate(py, || Ok(self.open_store()?.read_all()))?;
        Ok(memories.into_iter().map(|inner| Memory { inner }).collect())
    }

    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let memories = gate(py, || Ok(self.open_store()?.read_all()))?;
        Ok(memories.iter().map(|memory| PyBytes::new(py, &memory.id.to_be_bytes())).collect())
    }

    fn get(&self, py: Python<'_>, memory_id: &[u8]) -> PyResult<Memory> {
        let id = id_of(py, memory_id)?;
        quick(py, || self.open_store()?.get(id)).map(|inner| Memory { inner })
    }

    fn row(&self, py: Python<'_>, row: &Bound<'_, PyAny>) -> PyResult<Memory> {
        let row = count("row", row)?;
        quick(py, || self.open_store()?.row(row)).map(|inner| Memory { inner })
    }

    fn vectors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (vectors, width) = quick(py, || {
            let store = self.open_store()?;
            Ok((store.vectors(), store.space().width))
        })?;
        let snapshot = Bound::new(py, Snapshot { vectors })?;
        let numbers: &[f32] = &snapshot.get().vectors;
        lent(snapshot.clone().into_any(), numbers, &[numbers.len() / width, width])
    }

    fn close(&self, py: Python<'_>) {
        let store = self.inner.write().unwrap_or_else(PoisonError::into_inner).take();
        py.detach(|| drop(store));
    }

    #[getter]
    fn embedder(&self, py: Python<'_>) -> PyResult<String> {
        quick(py, || Ok(self.open_store()?.space().embedder.clone()))
    }

    #[getter]
    fn width(&self, py: Python<'_>) -> PyResult<usize> {
        quick(py, || Ok(self.open_store()?.space().width))
    }

    #[getter]
    fn dropped_bytes(&self, py: Python<'_>) -> PyResult<u64> {
        quick(py, || Ok(self.open_store()?.recovery().dropped_bytes))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        quick(py, || Ok(self.open_store()?.len()))
    }
}
