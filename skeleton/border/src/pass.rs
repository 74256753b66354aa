//! Passes and their prefixes as Python gives them. A cache is taken out of its Python object for a call and put back.
use crate::arrays::{copied, count, matrix};
use crate::gate::{quick, raised};
use crate::network::{in_use, see_of};
use forward::{Input, Pass, See};
use foundation::{Fault, Outcome};
use numpy::PyUntypedArrayMethods;
use pyo3::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys and values of a prefix; empty while a call has them.
#[pyclass(frozen, module = "brain._skeleton")]
pub(crate) struct Cache {
    held: Mutex<Option<forward::Cache>>,
}

impl Cache {
    pub(crate) fn new(cache: forward::Cache) -> Self {
        Self { held: Mutex::new(Some(cache)) }
    }

    fn slot(&self) -> MutexGuard<'_, Option<forward::Cache>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Cache {
    fn truncate(&self, py: Python<'_>, length: &Bound<'_, PyAny>) -> PyResult<()> {
        let length = count("length", length)?;
        match self.slot().as_mut() {
            Some(cache) => quick(py, || cache.truncate(length)),
            None => Err(in_use(py)),
        }
    }

    fn fork(&self, py: Python<'_>) -> PyResult<Self> {
        self.slot().as_ref().map(|cache| Self::new(cache.clone())).ok_or_else(|| in_use(py))
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.slot().as_ref().map(forward::Cache::len).ok_or_else(|| in_use(py))
    }

    #[getter]
    fn len_bytes(&self, py: Python<'_>) -> PyResult<usize> {
        self.slot().as_ref().map(forward::Cache::len_bytes).ok_or_else(|| in_use(py))
    }
}

/// A cache in the hands of a call; goes home when the call is over, however it ends.
struct Loan {
    home: Py<Cache>,
    cache: Option<forward::Cache>,
}

impl Loan {
    fn of(home: &Bound<'_, Cache>) -> PyResult<Self> {
        match home.get().slot().take() {
            Some(cache) => Ok(Self { home: home.clone().unbind(), cache: Some(cache) }),
            None => Err(in_use(home.py())),
        }
    }

    fn cache(&mut self) -> Outcome<&mut forward::Cache> {
        self.cache.as_mut().ok_or_else(|| Fault::bug("a loan holds its cache until it ends"))
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        *self.home.get().slot() = self.cache.take();
    }
}

/// A pass of tokens, its arrays copied.
pub(crate) struct TextPass {
    loan: Loan,
    tokens: Vec<u32>,
    rows: Vec<f32>,
    columns: Vec<f32>,
    see: See,
}

impl TextPass {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn pass(&mut self) -> Outcome<Pass<'_>> {
        let input = Input::Tokens(&self.tokens);
        Ok(Pass { cache: self.loan.cache()?, input, rows: &self.rows, columns: &self.columns, see: self.see })
    }
}

type Text<'py> = (Bound<'py, Cache>, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>, String);

impl<'py> FromPyObject<'_, 'py> for TextPass {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let (cache, tokens, rows, columns, see) = given.extract::<Text<'py>>()?;
        Ok(Self {
            tokens: copied("tokens", &tokens)?,
            rows: copied("rows", &rows)?,
            columns: copied("columns", &columns)?,
            see: quick(given.py(), || see_of(&see))?,
            loan: Loan::of(&cache)?,
        })
    }
}

/// A pass of noisy vectors, its arrays copied.
pub(crate) struct VectorPass {
    loan: Loan,
    kind: String,
    x: Vec<f32>,
    time: Vec<f32>,
    rows: Vec<f32>,
    columns: Vec<f32>,
}

impl VectorPass {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn pass(&mut self) -> Outcome<Pass<'_>> {
        let input = Input::Vectors { kind: &self.kind, x: &self.x, time: &self.time };
        Ok(Pass { cache: self.loan.cache()?, input, rows: &self.rows, columns: &self.columns, see: See::Canvas })
    }
}

type Vectors<'py> =
    (Bound<'py, Cache>, String, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

impl<'py> FromPyObject<'_, 'py> for VectorPass {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let (cache, kind, x, time, rows, columns) = given.extract::<Vectors<'py>>()?;
        let (x, rows) = (matrix::<f32>("x", &x)?, copied::<f32>("rows", &rows)?);
        if x.shape()[0] != rows.len() {
            let want = format!("[{}, channels]", rows.len());
            return Err(raised(given.py(), &Fault::shape("x", want, format!("{:?}", x.shape()))));
        }
        Ok(Self {
            x: x.as_slice()?.to_vec(),
            time: copied("time", &time)?,
            columns: copied("columns", &columns)?,
            rows,
            kind,
            loan: Loan::of(&cache)?,
        })
    }
}
