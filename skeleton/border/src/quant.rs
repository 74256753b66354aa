//! The room of quantisation at the border.
use crate::arrays::{count, matrix, vector};
use crate::gate::{gate, quick, raised};
use crate::layouts::on;
use foundation::{Fault, Outcome};
use half::f16;
use half::slice::HalfFloatSliceExt;
use half::vec::HalfBitsVecExt;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::prelude::*;
use quant::{Packed, Rule, Scheme};

type PackedMatrices<'py> = (Bound<'py, PyArray2<u8>>, Bound<'py, PyArray2<f16>>);
pub(crate) type PackedArrays<'py> = (Bound<'py, PyArray1<u8>>, Bound<'py, PyArray1<f16>>);

fn rule_of(name: &str) -> Outcome<Rule> {
    match name {
        "mean_abs" => Ok(Rule::MeanAbs),
        "deviation" => Ok(Rule::Deviation),
        "range" => Ok(Rule::Range),
        "least_squares" => Ok(Rule::LeastSquares),
        other => Err(Fault::not_found(format!("the rule {other:?}"))),
    }
}

pub(crate) fn arrays(py: Python<'_>, packed: Packed) -> PackedArrays<'_> {
    let scales: Vec<f16> = packed.scales.reinterpret_into();
    (packed.bytes.into_pyarray(py), scales.into_pyarray(py))
}

/// The names of all schemes.
#[pyfunction]
pub(crate) fn schemes() -> Vec<&'static str> {
    Scheme::ALL.iter().map(|scheme| scheme.name()).collect()
}

/// Pack a matrix.
#[pyfunction]
#[pyo3(signature = (x, scheme, rule, threads = 1))]
pub(crate) fn quantise<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    scheme: &str,
    rule: &str,
    threads: usize,
) -> PyResult<PackedArrays<'py>> {
    let x = matrix::<f32>("x", x)?;
    let (rows, columns) = (x.shape()[0], x.shape()[1]);
    let numbers = x.as_slice()?;
    let packed = gate(py, || {
        let (scheme, rule) = (Scheme::parse(scheme)?, rule_of(rule)?);
        on(threads, || quant::quantise(numbers, rows, columns, scheme, rule))
    })?;
    Ok(arrays(py, packed))
}

/// The matrix that packed numbers stand for.
#[pyfunction]
pub(crate) fn dequantise<'py>(
    py: Python<'py>,
    packed: &Bound<'py, PyAny>,
    scales: &Bound<'py, PyAny>,
    rows: &Bound<'py, PyAny>,
    columns: &Bound<'py, PyAny>,
    scheme: &str,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (packed, scales) = (vector::<u8>("packed", packed)?, vector::<f16>("scales", scales)?);
    let (rows, columns) = (count("rows", rows)?, count("columns", columns)?);
    let (bytes, bits) = (packed.as_slice()?, scales.as_slice()?.reinterpret_cast());
    let numbers = gate(py, || quant::dequantise(bytes, bits, rows, columns, Scheme::parse(scheme)?))?;
    numbers.into_pyarray(py).reshape([rows, columns])
}

/// How far `y` is from `x`.
#[pyfunction]
pub(crate) fn relative_error(py: Python<'_>, x: &Bound<'_, PyAny>, y: &Bound<'_, PyAny>) -> PyResult<f64> {
    let (x, y) = (matrix::<f32>("x", x)?, matrix::<f32>("y", y)?);
    if x.shape() != y.shape() {
        return Err(raised(py, &Fault::shape("y", format!("{:?}", x.shape()), format!("{:?}", y.shape()))));
    }
    let (x, y) = (x.as_slice()?, y.as_slice()?);
    gate(py, || quant::relative_error(x, y))
}

/// Re-pack row-major INT2 codes.
#[pyfunction]
pub(crate) fn int2_from_codes<'py>(
    py: Python<'py>,
    codes: &Bound<'py, PyAny>,
    scales: &Bound<'py, PyAny>,
) -> PyResult<PackedArrays<'py>> {
    let (codes, scales) = (matrix::<u8>("codes", codes)?, matrix::<f16>("scales", scales)?);
    let rows = codes.shape()[0];
    let columns =
        quick(py, || codes.shape()[1].checked_mul(4).ok_or_else(|| Fault::shape("codes", "one that fits", "more")))?;
    let (bytes, bits) = (codes.as_slice()?, scales.as_slice()?.reinterpret_cast());
    let packed = gate(py, || quant::int2_from_codes(bytes, bits, rows, columns))?;
    Ok(arrays(py, packed))
}

/// The way back of `int2_from_codes`.
#[pyfunction]
pub(crate) fn int2_to_codes<'py>(
    py: Python<'py>,
    packed: &Bound<'py, PyAny>,
    scales: &Bound<'py, PyAny>,
    rows: &Bound<'py, PyAny>,
    columns: &Bound<'py, PyAny>,
) -> PyResult<PackedMatrices<'py>> {
    let (packed, scales) = (vector::<u8>("packed", packed)?, vector::<f16>("scales", scales)?);
    let (rows, columns) = (count("rows", rows)?, count("columns", columns)?);
    let (bytes, bits) = (packed.as_slice()?, scales.as_slice()?.reinterpret_cast());
    let plain = gate(py, || quant::int2_to_codes(bytes, bits, rows, columns))?;
    let (codes, scales) = arrays(py, plain);
    Ok((codes.reshape([rows, columns / 4])?, scales.reshape([rows, columns / 64])?))
}
