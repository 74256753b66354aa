//! Calibration and foreign layouts of quantised weights at the border.
use crate::arrays::{count, matrix, vector};
use crate::gate::{gate, raised};
use crate::quant::{PackedArrays, arrays};
use foundation::{Fault, Outcome};
use half::f16;
use half::slice::HalfFloatSliceExt;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use quant::{Block, Mlx, Moments, Scheme};

type MlxArrays<'py> = (Bound<'py, PyArray2<u32>>, Bound<'py, PyArray2<f32>>, Bound<'py, PyArray2<f32>>);

/// Second moments as they were given: [columns], or [columns, columns].
enum Given<'py> {
    Squares(numpy::PyReadonlyArray1<'py, f32>),
    Full(numpy::PyReadonlyArray2<'py, f32>),
}

fn given<'py>(moments: &Bound<'py, PyAny>) -> PyResult<Given<'py>> {
    let one = moments.extract::<PyReadonlyArrayDyn<'py, f32>>().is_ok_and(|array| array.ndim() == 1);
    Ok(if one { Given::Squares(vector("moments", moments)?) } else { Given::Full(matrix("moments", moments)?) })
}

impl Given<'_> {
    /// The moments of so many inputs; refuses a matrix that is not square, whatever its length.
    fn moments(&self, py: Python<'_>, columns: usize) -> PyResult<Moments<'_>> {
        match self {
            Self::Squares(squares) => Ok(Moments::Squares(squares.as_slice()?)),
            Self::Full(full) if full.shape() == [columns, columns] => Ok(Moments::Full(full.as_slice()?)),
            Self::Full(full) => {
                let want = format!("[{columns}] or [{columns}, {columns}]");
                Err(raised(py, &Fault::shape("moments", want, format!("{:?}", full.shape()))))
            }
        }
    }
}

/// The mean of x xᵀ over activations.
#[pyfunction]
pub(crate) fn second_moments<'py>(
    py: Python<'py>,
    activations: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let x = matrix::<f32>("activations", activations)?;
    let (numbers, columns) = (x.as_slice()?, x.shape()[1]);
    let moments = gate(py, || quant::second_moments(numbers, columns))?;
    moments.into_pyarray(py).reshape([columns, columns])
}

/// Pack a matrix for the inputs that it will meet.
#[pyfunction]
#[pyo3(signature = (x, scheme, moments, threads = 1))]
pub(crate) fn quantise_calibrated<'py>(
    py: Python<'py>,
    x: &Bound<'py, PyAny>,
    scheme: &str,
    moments: &Bound<'py, PyAny>,
    threads: usize,
) -> PyResult<PackedArrays<'py>> {
    let (x, held) = (matrix::<f32>("x", x)?, given(moments)?);
    let (rows, columns) = (x.shape()[0], x.shape()[1]);
    let (numbers, moments) = (x.as_slice()?, held.moments(py, columns)?);
    let packed = gate(py, || {
        let scheme = Scheme::parse(scheme)?;
        on(threads, || quant::quantise_calibrated(numbers, rows, columns, scheme, moments))
    })?;
    Ok(arrays(py, packed))
}

/// Run `work` here, or on a pool of its own.
pub(crate) fn on<T: Send>(threads: usize, work: impl FnOnce() -> Outcome<T> + Send) -> Outcome<T> {
    if threads == 1 { work() } else { foundation::pool::Pool::new(threads)?.run(work) }
}

/// How far the outputs of `y` are from those of `x`.
#[pyfunction]
pub(crate) fn output_error(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    y: &Bound<'_, PyAny>,
    moments: &Bound<'_, PyAny>,
) -> PyResult<f64> {
    let (x, y, held) = (matrix::<f32>("x", x)?, matrix::<f32>("y", y)?, given(moments)?);
    if x.shape() != y.shape() {
        return Err(raised(py, &Fault::shape("y", format!("{:?}", x.shape()), format!("{:?}", y.shape()))));
    }
    let columns = x.shape()[1];
    let (x, y, moments) = (x.as_slice()?, y.as_slice()?, held.moments(py, columns)?);
    gate(py, || quant::output_error(x, y, columns, moments))
}

/// A packed matrix in mlx's layout.
#[pyfunction]
pub(crate) fn to_mlx<'py>(
    py: Python<'py>,
    packed: &Bound<'py, PyAny>,
    scales: &Bound<'py, PyAny>,
    rows: &Bound<'py, PyAny>,
    columns: &Bound<'py, PyAny>,
    scheme: &str,
) -> PyResult<MlxArrays<'py>> {
    let (packed, scales) = (vector::<u8>("packed", packed)?, vector::<f16>("scales", scales)?);
    let (rows, columns) = (count("rows", rows)?, count("columns", columns)?);
    let (bytes, bits) = (packed.as_slice()?, scales.as_slice()?.reinterpret_cast());
    let mlx = gate(py, || quant::to_mlx(bytes, bits, rows, columns, Scheme::parse(scheme)?))?;
    Ok((
        mlx.words.into_pyarray(py).reshape([rows, columns * mlx.bits / 32])?,
        mlx.scales.into_pyarray(py).reshape([rows, columns / mlx.group])?,
        mlx.biases.into_pyarray(py).reshape([rows, columns / mlx.group])?,
    ))
}

/// A scheme's name, packed codes and scales.
type Named<'py> = (&'static str, Bound<'py, PyArray1<u8>>, Bound<'py, PyArray1<f16>>);

/// A matrix of mlx in a scheme of ours.
#[pyfunction]
pub(crate) fn from_mlx<'py>(
    py: Python<'py>,
    words: &Bound<'py, PyAny>,
    scales: &Bound<'py, PyAny>,
    biases: &Bound<'py, PyAny>,
    bits: &Bound<'py, PyAny>,
    group: &Bound<'py, PyAny>,
) -> PyResult<Named<'py>> {
    let words = matrix::<u32>("words", words)?;
    let (scales, biases) = (matrix::<f32>("scales", scales)?, matrix::<f32>("biases", biases)?);
    let (bits, group) = (count("bits", bits)?, count("group", group)?);
    let (rows, width) = (words.shape()[0], words.shape()[1]);
    let mlx = Mlx {
        bits,
        group,
        words: words.as_slice()?.to_vec(),
        scales: scales.as_slice()?.to_vec(),
        biases: biases.as_slice()?.to_vec(),
    };
    let (scheme, packed) = gate(py, || {
        let columns = width.checked_mul(32).and_then(|all| all.checked_div(bits));
        quant::from_mlx(&mlx, rows, columns.ok_or_else(|| Fault::out_of_range("bits", "2, 4 or 8", bits))?)
    })?;
    let (bytes, scales) = arrays(py, packed);
    Ok((scheme.name(), bytes, scales))
}

/// A packed matrix as ggml's blocks.
#[pyfunction]
pub(crate) fn to_ggml<'py>(
    py: Python<'py>,
    packed: &Bound<'py, PyAny>,
    scales: &Bound<'py, PyAny>,
    rows: &Bound<'py, PyAny>,
    columns: &Bound<'py, PyAny>,
    scheme: &str,
    block: &str,
) -> PyResult<Bound<'py, PyArray2<u8>>> {
    let (packed, scales) = (vector::<u8>("packed", packed)?, vector::<f16>("scales", scales)?);
    let (rows, columns) = (count("rows", rows)?, count("columns", columns)?);
    let (bytes, bits) = (packed.as_slice()?, scales.as_slice()?.reinterpret_cast());
    let blocks = gate(py, || quant::to_ggml(bytes, bits, rows, columns, Scheme::parse(scheme)?, Block::parse(block)?))?;
    let width = blocks.len() / rows;
    blocks.into_pyarray(py).reshape([rows, width])
}

/// ggml's blocks in a scheme of ours.
#[pyfunction]
pub(crate) fn from_ggml<'py>(
    py: Python<'py>,
    blocks: &Bound<'py, PyAny>,
    columns: &Bound<'py, PyAny>,
    scheme: &str,
    block: &str,
) -> PyResult<PackedArrays<'py>> {
    let (blocks, columns) = (matrix::<u8>("blocks", blocks)?, count("columns", columns)?);
    let (bytes, rows) = (blocks.as_slice()?, blocks.shape()[0]);
    let packed = gate(py, || quant::from_ggml(bytes, rows, columns, Scheme::parse(scheme)?, Block::parse(block)?))?;
    Ok(arrays(py, packed))
}
