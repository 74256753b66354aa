//! The room of memories at the border: the store on disk.
use crate::arrays::{copied, count, matrix, text};
use crate::gate::{gate, quick, raised};
use crate::lent::lent;
use crate::pages::{mapped, on_large_pages};
use foundation::{Fault, Outcome};
use numpy::{IntoPyArray, PyArray1, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};
use storage::{Columns, Compact, Format, OpenOptions, Space};

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

/// The memories of a store at one moment; keeps the arrays over its vectors alive.
#[pyclass(frozen, module = "brain._skeleton")]
pub(crate) struct Snapshot {
    inner: storage::Snapshot,
}

#[pymethods]
impl Snapshot {
    fn vectors<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let (held, py) = (&slf.get().inner, slf.py());
        let numbers = gate(py, || Ok(held.matrix()))?;
        lent(slf.clone().into_any(), numbers, &[held.len(), held.width()])
    }

    fn blocks<'py>(slf: &Bound<'py, Self>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let (held, py) = (&slf.get().inner, slf.py());
        let blocks = gate(py, || Ok(held.blocks()))?;
        let width = held.width();
        let lend = |block: &[f32]| lent(slf.clone().into_any(), block, &[block.len() / width, width]);
        blocks.into_iter().map(lend).collect()
    }

    fn ids<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.inner.ids().map(|id| PyBytes::new(py, &id.to_be_bytes())).collect()
    }

    fn get(&self, py: Python<'_>, memory_id: &[u8]) -> PyResult<Memory> {
        let id = id_of(py, memory_id)?;
        quick(py, || self.inner.get(id)).map(|inner| Memory { inner })
    }

    fn row(&self, py: Python<'_>, row: &Bound<'_, PyAny>) -> PyResult<Memory> {
        let row = count("row", row)?;
        quick(py, || self.inner.row(row)).map(|inner| Memory { inner })
    }

    fn __len__(&self) -> usize {
        self.inner.len()
    }
}

/// What opening a store found.
#[pyclass(frozen, module = "brain._skeleton")]
pub(crate) struct Recovery {
    inner: storage::Recovery,
}

#[pymethods]
impl Recovery {
    #[getter]
    fn segments(&self) -> u64 {
        self.inner.segments
    }

    #[getter]
    fn frames(&self) -> u64 {
        self.inner.frames
    }

    #[getter]
    fn memories(&self) -> u64 {
        self.inner.memories
    }

    #[getter]
    fn forgotten(&self) -> u64 {
        self.inner.forgotten
    }

    #[getter]
    fn sound_bytes(&self) -> u64 {
        self.inner.sound_bytes
    }

    #[getter]
    fn dropped_bytes(&self) -> u64 {
        self.inner.dropped_bytes
    }

    #[getter]
    fn marked(&self) -> bool {
        self.inner.marked
    }
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
        let store = gate(py, || storage::Store::open_mapped(&path, &options, on_large_pages, mapped))?;
        Ok(Self { inner: RwLock::new(Some(Arc::new(store))) })
    }

    fn append(&self, py: Python<'_>, memories: Vec<Bound<'_, Memory>>) -> PyResult<u64> {
        let memories: Vec<storage::Memory> = memories.iter().map(|memory| memory.get().inner.clone()).collect();
        gate(py, || self.open_store()?.append(&memories))
    }

    fn append_columns(
        &self,
        py: Python<'_>,
        ids: &Bound<'_, PyAny>,
        texts: Vec<Bound<'_, PyString>>,
        vectors: &Bound<'_, PyAny>,
        created_unix_s: &Bound<'_, PyAny>,
        sources: Vec<Bound<'_, PyString>>,
    ) -> PyResult<u64> {
        let ids = matrix::<u8>("ids", ids)?;
        if ids.shape()[1] != 16 {
            let got = format!("{:?}", ids.shape());
            return Err(raised(py, &Fault::shape("ids", "[n, 16]", got)));
        }
        let ids = ids.as_slice()?.as_chunks().0.iter().map(|id| u128::from_be_bytes(*id)).collect::<Vec<u128>>();
        let texts = texts.iter().map(|one| text("texts", one)).collect::<PyResult<Vec<&str>>>()?;
        let sources = sources.iter().map(|one| text("sources", one)).collect::<PyResult<Vec<&str>>>()?;
        let rows = matrix::<f32>("vectors", vectors)?;
        let created = copied::<f64>("created_unix_s", created_unix_s)?;
        let (wide, vectors) = (rows.shape()[1], rows.as_slice()?);
        gate(py, || {
            let store = self.open_store()?;
            if wide != store.space().width {
                let want = format!("[n, {}]", store.space().width);
                return Err(Fault::shape("vectors", want, format!("[{}, {wide}]", ids.len())));
            }
            let (ids, texts, sources) = (&ids[..], &texts[..], &sources[..]);
            store.append_columns(&Columns { ids, texts, vectors, created_unix_s: &created, sources })
        })
    }

    #[pyo3(signature = (ids, now = false))]
    fn forget(&self, py: Python<'_>, ids: Vec<Bound<'_, PyBytes>>, now: bool) -> PyResult<u64> {
        let ids = ids.iter().map(|id| id_of(py, id.as_bytes())).collect::<PyResult<Vec<u128>>>()?;
        let when = if now { Compact::Now } else { Compact::Later };
        gate(py, || self.open_store()?.forget(&ids, when))
    }

    fn compact(&self, py: Python<'_>) -> PyResult<u64> {
        gate(py, || self.open_store()?.compact())
    }

    fn seal(&self, py: Python<'_>) -> PyResult<u64> {
        gate(py, || self.open_store()?.seal())
    }

    #[pyo3(signature = (path, form = "arrow"))]
    fn export(&self, py: Python<'_>, path: PathBuf, form: &str) -> PyResult<u64> {
        gate(py, || {
            let form = match form {
                "arrow" => Format::Arrow,
                "parquet" => Format::Parquet,
                other => return Err(Fault::out_of_range("form", "arrow or parquet", other)),
            };
            self.open_store()?.export_as(&path, form)
        })
    }

    fn import_(&self, py: Python<'_>, path: PathBuf) -> PyResult<u64> {
        gate(py, || self.open_store()?.import(&path))
    }

    fn snapshot(&self, py: Python<'_>) -> PyResult<Snapshot> {
        let inner = gate(py, || Ok(self.open_store()?.snapshot()))?;
        Ok(Snapshot { inner })
    }

    fn refresh(&self, py: Python<'_>) -> PyResult<usize> {
        gate(py, || self.open_store()?.refresh())
    }

    fn all(&self, py: Python<'_>) -> PyResult<Vec<Memory>> {
        let memories = gate(py, || Ok(self.open_store()?.read_all()))?;
        Ok(memories.into_iter().map(|inner| Memory { inner }).collect())
    }

    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        Ok(self.snapshot(py)?.ids(py))
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
        Snapshot::vectors(&Bound::new(py, self.snapshot(py)?)?)
    }

    fn blocks<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        Snapshot::blocks(&Bound::new(py, self.snapshot(py)?)?)
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

    #[getter]
    fn recovery(&self, py: Python<'_>) -> PyResult<Recovery> {
        quick(py, || Ok(Recovery { inner: self.open_store()?.recovery() }))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        quick(py, || Ok(self.open_store()?.len()))
    }
}
