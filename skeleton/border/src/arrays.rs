//! Arguments as the skeleton wants them: arrays of the right type, order and shape, whole numbers, text. What is wrong
//! is refused by the argument's name. Copies nothing, but where a function's name says so.
use crate::gate::raised;
use foundation::Fault;
use numpy::{
    Element, PyArray1, PyArray2, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2,
    PyUntypedArray, PyUntypedArrayMethods, dtype,
};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};

/// A NumPy array `[n]` of exactly the type `T`, contiguous and aligned, borrowed.
pub(crate) fn vector<'py, T: Element>(what: &str, any: &Bound<'py, PyAny>) -> PyResult<PyReadonlyArray1<'py, T>> {
    let array = checked::<T>(what, any, 1, "[n]")?;
    Ok(array.cast::<PyArray1<T>>()?.try_readonly()?)
}

/// A NumPy array `[rows, columns]` of exactly the type `T`, in C order and aligned, borrowed.
pub(crate) fn matrix<'py, T: Element>(what: &str, any: &Bound<'py, PyAny>) -> PyResult<PyReadonlyArray2<'py, T>> {
    let array = checked::<T>(what, any, 2, "[rows, columns]")?;
    Ok(array.cast::<PyArray2<T>>()?.try_readonly()?)
}

/// The numbers of an array `[n]`, copied, so that no other thread can change them during the call.
pub(crate) fn copied<T: Element + Copy>(what: &str, any: &Bound<'_, PyAny>) -> PyResult<Vec<T>> {
    Ok(vector::<T>(what, any)?.as_slice()?.to_vec())
}

/// Any NumPy array, in C order and aligned.
pub(crate) fn ordered<'a, 'py>(what: &str, any: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, PyUntypedArray>> {
    let py = any.py();
    let Ok(array) = any.cast::<PyUntypedArray>() else {
        return Err(raised(py, &Fault::dtype(what, "a NumPy array", any.get_type().name()?)));
    };
    if !(array.is_c_contiguous() && array.is_aligned()) {
        let got = format!("{:?} with strides of {:?} bytes", array.shape(), array.strides());
        return Err(raised(py, &Fault::shape(what, "one in C order, aligned (numpy.ascontiguousarray)", got)));
    }
    Ok(array)
}

fn checked<'a, 'py, T: Element>(
    what: &str,
    any: &'a Bound<'py, PyAny>,
    dimensions: usize,
    shape: &str,
) -> PyResult<&'a Bound<'py, PyUntypedArray>> {
    let py = any.py();
    let want = dtype::<T>(py);
    if let Ok(array) = any.cast::<PyUntypedArray>() {
        if !array.dtype().is_equiv_to(&want) {
            return Err(raised(py, &Fault::dtype(what, want, array.dtype())));
        }
        if array.ndim() != dimensions {
            return Err(raised(py, &Fault::shape(what, shape, format!("{:?}", array.shape()))));
        }
    }
    ordered(what, any)
}

/// A text that can be written in UTF-8; a lone surrogate is refused.
pub(crate) fn text<'a>(what: &str, string: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    string.to_str().map_err(|_| {
        let fault = Fault::out_of_range(what, "text that UTF-8 can write", "text with a lone surrogate");
        raised(string.py(), &fault)
    })
}

/// A whole number from 0 on.
pub(crate) fn whole(what: &str, any: &Bound<'_, PyAny>) -> PyResult<u64> {
    any.extract::<u64>().map_err(|_| {
        let fault = match any.cast::<PyInt>() {
            Ok(number) => Fault::out_of_range(what, "0 ..= 2**64 - 1", number),
            Err(_) => Fault::dtype(what, "a whole number", any),
        };
        raised(any.py(), &fault)
    })
}

/// A whole number from 0 on that counts something.
pub(crate) fn count(what: &str, any: &Bound<'_, PyAny>) -> PyResult<usize> {
    let number = whole(what, any)?;
    usize::try_from(number).map_err(|_| raised(any.py(), &Fault::out_of_range(what, "0 ..= 2**63 - 1", number)))
}

/// A whole number from 0 on of 32 bits, such as a token.
pub(crate) fn token(what: &str, any: &Bound<'_, PyAny>) -> PyResult<u32> {
    let number = whole(what, any)?;
    u32::try_from(number).map_err(|_| raised(any.py(), &Fault::out_of_range(what, "0 ..= 2**32 - 1", number)))
}
