//! The one gate between Python and the skeleton: lets other Python threads run, stops panics, turns faults into
//! exceptions by the table in `brain/base/errors.py`. Decides nothing.
use crate::caught::caught;
use foundation::{Fault, Outcome};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Run `work` detached from the interpreter: for everything that may take more than a few microseconds.
pub(crate) fn gate<T: Send>(py: Python<'_>, work: impl FnOnce() -> Outcome<T> + Send) -> PyResult<T> {
    py.detach(|| caught(work)).map_err(|fault| raised(py, &fault))
}

/// Run `work` attached: for what is over before a detour would be, and for what needs the interpreter.
pub(crate) fn quick<T>(py: Python<'_>, work: impl FnOnce() -> Outcome<T>) -> PyResult<T> {
    caught(work).map_err(|fault| raised(py, &fault))
}

/// The exception of a fault; where even that cannot be made, the error that stood in the way.
pub(crate) fn raised(py: Python<'_>, fault: &Fault) -> PyErr {
    exception(py, fault).unwrap_or_else(|error| error)
}

fn exception(py: Python<'_>, fault: &Fault) -> PyResult<PyErr> {
    let errors = py.import("brain.base.errors")?;
    let details = PyDict::new(py);
    details.set_item("hint", fault.hint())?;
    match fault {
        Fault::Shape { what, .. } | Fault::Dtype { what, .. } | Fault::OutOfRange { what, .. } => {
            details.set_item("field", what)?;
        }
        Fault::Io { path, source } => {
            details.set_item("errno", source.raw_os_error())?;
            details.set_item("filename", path.to_string_lossy())?;
        }
        _ => {}
    }
    for row in errors.getattr("TABLE")?.try_iter()? {
        let row = row?;
        if row.getattr("faults")?.contains(fault.name())? {
            let error = row.getattr("error")?.call((fault.to_string(),), Some(&details))?;
            return Ok(PyErr::from_value(error));
        }
    }
    let error = errors.getattr("InternalError")?.call1((format!("no row for the fault {}: {fault}", fault.name()),))?;
    Ok(PyErr::from_value(error))
}
