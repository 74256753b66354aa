//! Numbers that cross the border as arrays: lent by their owner without a copy, or copied out of Python to be stored.
use crate::arrays::ordered;
use crate::gate::raised;
use foundation::Fault;
use half::f16;
use numpy::ndarray::{ArrayViewD, IxDyn};
use numpy::{Element, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods, dtype};
use pyo3::prelude::*;

/// A read-only array over `numbers`, which `owner` must hold for as long as it lives and never change.
///
/// Callers pass a slice borrowed from what `owner` wraps, in a frozen class: an open file or a snapshot.
pub(crate) fn lent<'py, T: Element>(
    owner: Bound<'py, PyAny>,
    numbers: &[T],
    shape: &[usize],
) -> PyResult<Bound<'py, PyAny>> {
    let py = owner.py();
    let view = ArrayViewD::from_shape(IxDyn(shape), numbers)
        .map_err(|error| raised(py, &Fault::bug(format!("a lent array has its shape ({error})"))))?;
    // SAFETY: the array keeps `owner` alive as its base, `owner` keeps the numbers in place and unchanged for its whole
    // life (see above), and the array is made read-only before anyone sees it.
    let array = unsafe { PyArrayDyn::borrow_from_array(&view, owner) };
    array.try_readwrite()?.make_nonwriteable();
    Ok(array.into_any())
}

/// An array as a file stores it.
pub(crate) struct Stored {
    /// "f32", "f16", "u8" or "i8".
    pub dtype: &'static str,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers, little-endian.
    pub bytes: Vec<u8>,
}

/// The numbers of an array of float32, float16, uint8 or int8, copied.
pub(crate) fn stored(what: &str, any: &Bound<'_, PyAny>) -> PyResult<Stored> {
    let array = ordered(what, any)?;
    let (py, found) = (any.py(), array.dtype());
    let (dtype, bytes) = if found.is_equiv_to(&dtype::<f32>(py)) {
        ("f32", numbers::<f32>(any)?.iter().flat_map(|v| v.to_le_bytes()).collect())
    } else if found.is_equiv_to(&dtype::<f16>(py)) {
        ("f16", numbers::<f16>(any)?.iter().flat_map(|v| v.to_le_bytes()).collect())
    } else if found.is_equiv_to(&dtype::<u8>(py)) {
        ("u8", numbers::<u8>(any)?)
    } else if found.is_equiv_to(&dtype::<i8>(py)) {
        ("i8", numbers::<i8>(any)?.iter().map(|v| v.cast_unsigned()).collect())
    } else {
        return Err(raised(py, &Fault::dtype(what, "float32, float16, uint8 or int8", found)));
    };
    Ok(Stored { dtype, shape: array.shape().to_vec(), bytes })
}

fn numbers<T: Element + Copy>(any: &Bound<'_, PyAny>) -> PyResult<Vec<T>> {
    Ok(any.cast::<PyArrayDyn<T>>()?.try_readonly()?.as_slice()?.to_vec())
}
