//! The room of search at the border: exact search, and codes of vectors that stand before it.
use crate::arrays::{copied, count, matrix, vector};
use crate::gate::{gate, quick};
use foundation::pool::Pool;
use foundation::{Fault, Outcome};
use numpy::{IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray2, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use search::{Bitmap, Effort, Flat, Hit, Metric};
use std::path::Path;
use std::sync::{PoisonError, RwLock};

type Hits<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// The rotation's seed: any will do, one makes the bytes of equal vectors equal.
const SEED: u64 = 1;

fn metric_of(name: &str) -> Outcome<Metric> {
    match name {
        "cosine" => Ok(Metric::Cosine),
        "inner_product" => Ok(Metric::InnerProduct),
        "l2" => Ok(Metric::L2),
        other => Err(Fault::out_of_range("metric", "cosine, inner_product or l2", other)),
    }
}

fn name_of(metric: Metric) -> &'static str {
    match metric {
        Metric::Cosine => "cosine",
        Metric::InnerProduct => "inner_product",
        Metric::L2 => "l2",
    }
}

/// Rows and scores as arrays [hits].
fn arrays<'py>(py: Python<'py>, hits: &[Hit]) -> (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<f32>>) {
    let rows: Vec<i64> = hits.iter().map(|hit| hit.row as i64).collect();
    let scores: Vec<f32> = hits.iter().map(|hit| hit.score).collect();
    (rows.into_pyarray(py), scores.into_pyarray(py))
}

/// Exact nearest neighbours.
#[pyfunction]
#[pyo3(signature = (query, vectors, k, metric = "cosine", allow = None))]
pub(crate) fn flat_top_k<'py>(
    py: Python<'py>,
    query: &Bound<'py, PyAny>,
    vectors: &Bound<'py, PyAny>,
    k: &Bound<'py, PyAny>,
    metric: &str,
    allow: Option<&Bound<'py, PyAny>>,
) -> PyResult<Hits<'py>> {
    let (query, k) = (vector::<f32>("query", query)?, count("k", k)?);
    let parts: Vec<PyReadonlyArray2<'py, f32>> = match vectors.cast::<PyList>() {
        Ok(list) => list.iter().map(|part| matrix("vectors", &part)).collect::<PyResult<_>>()?,
        Err(_) => vec![matrix("vectors", vectors)?],
    };
    let allow = allow.map(|allow| copied::<bool>("allow", allow)).transpose()?;
    let query = query.as_slice()?;
    let width = parts.first().map_or(query.len(), |part| part.shape()[1]);
    if let Some(other) = parts.iter().find(|part| part.shape()[1] != width) {
        let got = format!("{:?}", other.shape());
        return quick(py, || Err(Fault::shape("vectors", format!("[n, {width}] each"), got)));
    }
    let numbers = parts.iter().map(|part| part.as_slice()).collect::<Result<Vec<_>, _>>()?;
    let hits = gate(py, || {
        let allow = allow.as_deref().map(Bitmap::from_bools);
        Flat::new(width, metric_of(metric)?)?.top_k_of_parts(query, &numbers, k, allow.as_ref())
    })?;
    let (rows, scores) = arrays(py, &hits);
    Ok((rows.into_any(), scores.into_any()))
}

/// Codes of vectors.
#[pyclass(frozen, module = "brain._skeleton")]
pub(crate) struct Quantised {
    inner: RwLock<search::Quantised>,
    width: usize,
    metric: Metric,
    /// `None` for one thread: the caller's.
    pool: Option<Pool>,
}

impl Quantised {
    fn new(inner: search::Quantised, threads: usize) -> Outcome<Self> {
        let pool = if threads == 1 { None } else { Some(Pool::new(threads)?) };
        Ok(Self { width: inner.width(), metric: inner.metric(), inner: RwLock::new(inner), pool })
    }

    fn check_columns(&self, columns: usize) -> Outcome<()> {
        let (want, got) = (format!("[rows, {}]", self.width), format!("[rows, {columns}]"));
        if columns == self.width { Ok(()) } else { Err(Fault::shape("vectors", want, got)) }
    }

    /// On the threads that were asked for.
    fn on_pool<T: Send>(&self, work: impl FnOnce() -> Outcome<T> + Send) -> Outcome<T> {
        match &self.pool {
            Some(pool) => pool.run(work),
            None => work(),
        }
    }

    fn extend(&self, vectors: &PyReadonlyArray2<'_, f32>) -> PyResult<()> {
        let columns = vectors.shape()[1];
        let numbers = vectors.as_slice()?;
        gate(vectors.py(), || {
            self.check_columns(columns)?;
            self.on_pool(|| self.inner.write().unwrap_or_else(PoisonError::into_inner).extend(numbers))
        })
    }

    /// The hits of each of `queries`, of which there are as many for each.
    fn search(
        &self,
        py: Python<'_>,
        queries: &[f32],
        vectors: &Bound<'_, PyAny>,
        k: usize,
        allow: Option<&Bound<'_, PyAny>>,
        effort: f32,
    ) -> PyResult<Vec<Vec<Hit>>> {
        let vectors = matrix::<f32>("vectors", vectors)?;
        let allow = allow.map(|allow| copied::<bool>("allow", allow)).transpose()?;
        let (columns, numbers) = (vectors.shape()[1], vectors.as_slice()?);
        gate(py, || {
            self.check_columns(columns)?;
            let (allow, effort) = (allow.as_deref().map(Bitmap::from_bools), Effort::deviations(effort)?);
            let codes = self.inner.read().unwrap_or_else(PoisonError::into_inner);
            self.on_pool(|| codes.top_k_of_each(queries, numbers, k, allow.as_ref(), effort))
        })
    }
}

#[pymethods]
impl Quantised {
    #[staticmethod]
    #[pyo3(signature = (vectors, metric = "cosine", threads = None))]
    fn build(
        py: Python<'_>,
        vectors: &Bound<'_, PyAny>,
        metric: &str,
        threads: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let vectors = matrix::<f32>("vectors", vectors)?;
        let threads = threads.map_or(Ok(1), |threads| count("threads", threads))?;
        let width = vectors.shape()[1];
        let made = quick(py, || Self::new(search::Quantised::new(width, metric_of(metric)?, SEED)?, threads))?;
        made.extend(&vectors)?;
        Ok(made)
    }

    #[staticmethod]
    #[pyo3(signature = (data, threads = None))]
    fn from_bytes(py: Python<'_>, data: &Bound<'_, PyBytes>, threads: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let threads = threads.map_or(Ok(1), |threads| count("threads", threads))?;
        let data = data.as_bytes();
        gate(py, || Self::new(search::Quantised::from_bytes(data, Path::new("codes"))?, threads))
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = gate(py, || Ok(self.inner.read().unwrap_or_else(PoisonError::into_inner).to_bytes()))?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn append(&self, vectors: &Bound<'_, PyAny>) -> PyResult<()> {
        self.extend(&matrix::<f32>("vectors", vectors)?)
    }

    fn group(&self, vectors: &Bound<'_, PyAny>) -> PyResult<bool> {
        let vectors = matrix::<f32>("vectors", vectors)?;
        let (columns, numbers) = (vectors.shape()[1], vectors.as_slice()?);
        gate(vectors.py(), || {
            self.check_columns(columns)?;
            self.on_pool(|| self.inner.write().unwrap_or_else(PoisonError::into_inner).group(numbers))
        })
    }

    fn remove(&self, py: Python<'_>, rows: Vec<Bound<'_, PyAny>>) -> PyResult<()> {
        let rows = rows.iter().map(|row| count("rows", row)).collect::<PyResult<Vec<usize>>>()?;
        gate(py, || self.inner.write().unwrap_or_else(PoisonError::into_inner).remove(&rows))
    }

    #[pyo3(signature = (query, vectors, k, allow = None, effort = 3.0))]
    fn top_k<'py>(
        &self,
        py: Python<'py>,
        query: &Bound<'py, PyAny>,
        vectors: &Bound<'py, PyAny>,
        k: &Bound<'py, PyAny>,
        allow: Option<&Bound<'py, PyAny>>,
        effort: f32,
    ) -> PyResult<Hits<'py>> {
        let k = count("k", k)?;
        if !query.cast::<PyUntypedArray>().is_ok_and(|array| array.ndim() == 2) {
            let query = vector::<f32>("query", query)?;
            let query = query.as_slice()?;
            if query.len() != self.width {
                let (want, got) = (format!("[{}]", self.width), format!("[{}]", query.len()));
                return quick(py, || Err(Fault::shape("query", want, got)));
            }
            let hits = self.search(py, query, vectors, k, allow, effort)?.pop().unwrap_or_default();
            let (rows, scores) = arrays(py, &hits);
            return Ok((rows.into_any(), scores.into_any()));
        }
        let queries = matrix::<f32>("query", query)?;
        let count = queries.shape()[0];
        if queries.shape()[1] != self.width {
            let (want, got) = (format!("[n, {}]", self.width), format!("{:?}", queries.shape()));
            return quick(py, || Err(Fault::shape("query", want, got)));
        }
        let hits = self.search(py, queries.as_slice()?, vectors, k, allow, effort)?;
        let (shape, (rows, scores)) = ([count, hits.first().map_or(0, Vec::len)], arrays(py, &hits.concat()));
        Ok((rows.reshape(shape)?.into_any(), scores.reshape(shape)?.into_any()))
    }

    #[getter]
    fn width(&self) -> usize {
        self.width
    }

    #[getter]
    fn metric(&self) -> &'static str {
        name_of(self.metric)
    }

    #[getter]
    fn removed(&self) -> usize {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).removed()
    }

    #[getter]
    fn grouped(&self) -> usize {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).grouped()
    }

    fn __len__(&self) -> usize {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}
