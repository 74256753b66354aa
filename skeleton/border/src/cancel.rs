//! The cancel token as Python holds it.
use crate::gate::raised;
use foundation::{Cancel, Fault};
use pyo3::prelude::*;
use std::time::{Duration, Instant};

/// Kept by whoever may withdraw a call, read by the call between its steps.
#[pyclass(frozen, module = "brain._skeleton")]
pub(crate) struct CancelToken {
    inner: Cancel,
}

#[pymethods]
impl CancelToken {
    #[new]
    #[pyo3(signature = (deadline_s = None))]
    fn new(py: Python<'_>, deadline_s: Option<f64>) -> PyResult<Self> {
        let Some(seconds) = deadline_s else { return Ok(Self { inner: Cancel::never() }) };
        let deadline = Duration::try_from_secs_f64(seconds).ok().and_then(|wait| Instant::now().checked_add(wait));
        match deadline {
            Some(deadline) => Ok(Self { inner: Cancel::at(deadline) }),
            None => Err(raised(py, &Fault::out_of_range("deadline_s", "[0, about a century]", seconds))),
        }
    }

    fn cancel(&self) {
        self.inner.cancel();
    }

    fn check(&self, py: Python<'_>) -> PyResult<()> {
        self.inner.check().map_err(|fault| raised(py, &fault))
    }

    #[getter]
    fn cancelled(&self) -> bool {
        self.inner.check().is_err()
    }
}

/// What a call reads: the caller's token, or one that never ends.
pub(crate) fn token_of(cancel: Option<&Bound<'_, CancelToken>>) -> Cancel {
    cancel.map_or_else(Cancel::never, |token| token.get().inner.clone())
}
