//! A few kernels at the border, for tests that compare bodies. Each runs on the calling thread's own pool of one.
use crate::arrays::{count, matrix, vector};
use crate::gate::{gate, raised};
use crate::network::{precision_of, see_of};
use forward::Precision;
use foundation::pool::Pool;
use foundation::{Fault, Outcome};
use half::f16;
use half::slice::HalfFloatSliceExt;
use kernels::matmul_int2::{Int2, matmul, matmul_f32_int2};
use kernels::{attention, cpu, norm};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::prelude::*;

/// The one head size of the kernels.
const HEAD: usize = attention::HEAD;

fn alone<T: Send>(work: impl FnOnce() -> Outcome<T> + Send) -> Outcome<T> {
    Pool::new(1)?.run(work)
}

/// Refuse a width that is not `heads` heads, before anything multiplies.
fn check_heads(py: Python<'_>, what: &str, heads: usize, width: usize) -> PyResult<()> {
    if heads > 0 && heads.checked_mul(HEAD) == Some(width) {
        return Ok(());
    }
    Err(raised(py, &Fault::shape(what, format!("[n, {heads} heads of {HEAD}]"), format!("[n, {width}]"))))
}

/// Which instructions the kernels use on this machine.
#[pyfunction]
pub(crate) fn cpu_level() -> &'static str {
    match cpu::level() {
        cpu::Level::Scalar => "scalar",
        cpu::Level::Avx2 => "avx2",
        cpu::Level::Avx512Vnni => "avx512vnni",
        cpu::Level::Neon => "neon",
    }
}

type Codes<'py> = (Bound<'py, PyArray2<i8>>, Bound<'py, PyArray1<f32>>);

/// INT8 codes and scales of rows.
#[pyfunction]
pub(crate) fn act8<'py>(py: Python<'py>, x: &Bound<'py, PyAny>) -> PyResult<Codes<'py>> {
    let x = matrix::<f32>("x", x)?;
    let (rows, width) = (x.shape()[0], x.shape()[1]);
    let numbers = x.as_slice()?;
    let (codes, scales) = gate(py, || {
        let (mut codes, mut scales) = (vec![0; numbers.len()], vec![0.0; rows]);
        alone(|| kernels::act8::quantise(numbers, width, &mut codes, &mut scales, None))?;
        Ok((codes, scales))
    })?;
    Ok((codes.into_pyarray(py).reshape([rows, width])?, scales.into_pyarray(py)))
}

/// A product with an INT2 matrix.
#[pyfunction]
#[pyo3(signature = (x, packed, scales, rows, precision = "int8"))]
pub(crate) fn matmul_int2<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    packed: &Bound<'py, PyAny>,
    scales: &Bound<'py, PyAny>,
    rows: &Bound<'py, PyAny>,
    precision: &str,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (x, rows) = (matrix::<f32>("x", x)?, count("rows", rows)?);
    let (packed, scales) = (vector::<u8>("packed", packed)?, vector::<f16>("scales", scales)?);
    let (m, columns) = (x.shape()[0], x.shape()[1]);
    let (numbers, bytes, bits) = (x.as_slice()?, packed.as_slice()?, scales.as_slice()?.reinterpret_cast());
    let out = gate(py, || {
        let precision = precision_of(precision)?;
        let weights = Int2::new(rows, columns, bytes, bits)?;
        let size = m.checked_mul(rows).ok_or_else(|| Fault::shape("x", "one that fits", m))?;
        let mut out = vec![0.0; size];
        alone(|| product(&mut out, numbers, columns, &weights, precision))?;
        Ok(out)
    })?;
    out.into_pyarray(py).reshape([m, rows])
}

fn product(out: &mut [f32], x: &[f32], columns: usize, weights: &Int2<'_>, precision: Precision) -> Outcome<()> {
    if precision == Precision::F32 {
        return matmul_f32_int2(out, x, weights);
    }
    let rows = x.len() / columns.max(1);
    let (mut codes, mut scales) = (vec![0; x.len()], vec![0.0; rows]);
    let mut sums = vec![0; x.len() / kernels::act8::GROUP];
    kernels::act8::quantise(x, columns, &mut codes, &mut scales, Some(&mut sums))?;
    matmul(out, &codes, &scales, &sums, weights)
}

/// Root-mean-square norm.
#[pyfunction]
pub(crate) fn rms_norm<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    gain: &Bound<'py, PyAny>,
    epsilon: f32,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (x, gain) = (matrix::<f32>("x", x)?, vector::<f32>("gain", gain)?);
    let (rows, width) = (x.shape()[0], x.shape()[1]);
    let (numbers, gains) = (x.as_slice()?, gain.as_slice()?);
    let out = gate(py, || {
        let mut out = vec![0.0; numbers.len()];
        norm::rms(&mut out, numbers, gains, epsilon, width)?;
        Ok(out)
    })?;
    out.into_pyarray(py).reshape([rows, width])
}

/// Rotation of heads by two positions.
#[pyfunction]
pub(crate) fn rope<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    heads: &Bound<'py, PyAny>,
    rows: &Bound<'py, PyAny>,
    columns: &Bound<'py, PyAny>,
    theta: f64,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (x, heads) = (matrix::<f32>("x", x)?, count("heads", heads)?);
    let (rows, columns) = (vector::<f32>("rows", rows)?, vector::<f32>("columns", columns)?);
    let shape = [x.shape()[0], x.shape()[1]];
    check_heads(py, "x", heads, shape[1])?;
    let (numbers, rows, columns) = (x.as_slice()?, rows.as_slice()?, columns.as_slice()?);
    let out = gate(py, || {
        let (cosines, sines) = kernels::rope::angles(rows, columns, theta, HEAD)?;
        let mut out = numbers.to_vec();
        kernels::rope::apply(&mut out, heads, HEAD, &cosines, &sines)?;
        Ok(out)
    })?;
    out.into_pyarray(py).reshape(shape)
}

/// Attention over a prefix and the pass itself.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(crate) fn attend<'py>(
    py: Python<'py>,
    q: &Bound<'py, PyAny>,
    keys: &Bound<'py, PyAny>,
    values: &Bound<'py, PyAny>,
    own_keys: &Bound<'py, PyAny>,
    own_values: &Bound<'py, PyAny>,
    heads: &Bound<'py, PyAny>,
    key_value_heads: &Bound<'py, PyAny>,
    see: &str,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (q, keys, values) = (matrix::<f32>("q", q)?, matrix::<f32>("keys", keys)?, matrix::<f32>("values", values)?);
    let (own_keys, own_values) = (matrix::<f32>("own_keys", own_keys)?, matrix::<f32>("own_values", own_values)?);
    let (heads, kv_heads) = (count("heads", heads)?, count("key_value_heads", key_value_heads)?);
    let shape = [q.shape()[0], q.shape()[1]];
    check_heads(py, "q", heads, shape[1])?;
    for (what, array) in [("keys", &keys), ("values", &values), ("own_keys", &own_keys), ("own_values", &own_values)] {
        check_heads(py, what, kv_heads, array.shape()[1])?;
    }
    let (q, keys, values) = (q.as_slice()?, keys.as_slice()?, values.as_slice()?);
    let (own_keys, own_values) = (own_keys.as_slice()?, own_values.as_slice()?);
    let out = gate(py, || {
        let see = see_of(see)?;
        let mut out = vec![0.0; q.len()];
        alone(|| attention::attend(&mut out, q, keys, values, own_keys, own_values, heads, kv_heads, see))?;
        Ok(out)
    })?;
    out.into_pyarray(py).reshape(shape)
}
