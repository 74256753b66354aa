//! What the build says of itself.
use foundation::Fault;
use pyo3::prelude::*;

/// The version of the skeleton.
#[pyfunction]
pub(crate) fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The names of all faults.
#[pyfunction]
pub(crate) fn fault_names() -> Vec<&'static str> {
    Fault::NAMES.to_vec()
}
