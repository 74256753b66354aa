//! The native body at the border: networks and what they propose.
use crate::arrays::{copied, count, matrix, token, whole};
use crate::cancel::{CancelToken, token_of};
use crate::gate::{gate, quick, raised};
use crate::pass::{Cache, TextPass, VectorPass};
use crate::weights::Weights;
use forward::{Ask, Choice, Pass, Precision, See};
use foundation::pool::Pool;
use foundation::{Fault, Outcome};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// The precision of a name.
pub(crate) fn precision_of(name: &str) -> Outcome<Precision> {
    match name {
        "int8" => Ok(Precision::Int8),
        "f32" => Ok(Precision::F32),
        other => Err(Fault::out_of_range("precision", "int8 or f32", other)),
    }
}

/// The attention of a name.
pub(crate) fn see_of(name: &str) -> Outcome<See> {
    match name {
        "causal" => Ok(See::Causal),
        "canvas" => Ok(See::Canvas),
        other => Err(Fault::out_of_range("see", "causal or canvas", other)),
    }
}

/// What a pass says of the token after each of its places.
#[pyclass(frozen, get_all, module = "brain._skeleton")]
pub(crate) struct Proposal {
    token: Py<PyArray1<u32>>,
    log_prob: Py<PyArray1<f32>>,
    entropy: Py<PyArray1<f32>>,
    margin: Py<PyArray1<f32>>,
    target_log_prob: Py<PyArray1<f32>>,
}

impl Proposal {
    fn new(py: Python<'_>, proposal: forward::Proposal) -> Self {
        let floats = |values: Vec<f32>| values.into_pyarray(py).unbind();
        Self {
            token: proposal.token.into_pyarray(py).unbind(),
            log_prob: floats(proposal.log_prob),
            entropy: floats(proposal.entropy),
            margin: floats(proposal.margin),
            target_log_prob: floats(proposal.target_log_prob),
        }
    }
}

type AnyNumbers<'py> = Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>;
type Floats2<'py> = Bound<'py, PyArray2<f32>>;

/// The native body.
#[pyclass(frozen, module = "brain._skeleton")]
pub(crate) struct Network {
    inner: forward::Network,
}

#[pymethods]
impl Network {
    #[staticmethod]
    fn open(
        py: Python<'_>,
        weights: &Bound<'_, Weights>,
        score_json: &str,
        threads: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let weights = Arc::clone(&weights.get().inner);
        let threads = count("threads", threads)?;
        let inner = gate(py, || forward::Network::open(weights, score_json, Pool::new(threads)?))?;
        Ok(Self { inner })
    }

    fn cache(&self) -> Cache {
        Cache::new(self.inner.cache())
    }

    #[pyo3(
        signature = (
            passes, *, temperature = 0.0, min_p = 0.0, seed = None, forbid = vec![], targets = None, wanted = None,
            precision = "int8", cancel = None
        ),
        text_signature = "($self, passes, *, temperature=0.0, min_p=0.0, seed=0, forbid=(), targets=None, wanted=None, precision='int8', cancel=None)"
    )]
    #[allow(clippy::too_many_arguments)]
    fn propose(
        &self,
        py: Python<'_>,
        passes: Vec<TextPass>,
        temperature: f32,
        min_p: f32,
        seed: Option<&Bound<'_, PyAny>>,
        forbid: Vec<Bound<'_, PyAny>>,
        targets: Option<Vec<Option<Bound<'_, PyAny>>>>,
        wanted: Option<Vec<AnyNumbers<'_>>>,
        precision: &str,
        cancel: Option<&Bound<'_, CancelToken>>,
    ) -> PyResult<Vec<Proposal>> {
        let seed = seed.map_or(Ok(0), |seed| whole("seed", seed))?;
        let forbid = forbid.iter().map(|id| token("forbid", id)).collect::<PyResult<Vec<u32>>>()?;
        let choice = Choice { temperature, min_p, seed, forbid };
        let rows = wanted_rows(py, &passes, wanted)?;
        let targets = targets_of(py, passes.len(), targets)?;
        let asks: Vec<Ask<'_>> = rows
            .into_iter()
            .zip(&targets)
            .map(|(rows, targets)| Ask { choice: &choice, rows, targets: targets.as_deref() })
            .collect();
        let (mut passes, cancel) = (passes, token_of(cancel));
        let proposals = gate(py, || {
            let precision = precision_of(precision)?;
            let mut passes: Vec<Pass<'_>> = passes.iter_mut().map(TextPass::pass).collect::<Outcome<_>>()?;
            self.inner.propose(&mut passes, &asks, precision, &cancel)
        })?;
        Ok(proposals.into_iter().map(|proposal| Proposal::new(py, proposal)).collect())
    }

    #[pyo3(signature = (passes, *, precision = "int8", cancel = None))]
    fn velocity<'py>(
        &self,
        py: Python<'py>,
        mut passes: Vec<VectorPass>,
        precision: &str,
        cancel: Option<&Bound<'py, CancelToken>>,
    ) -> PyResult<Vec<Floats2<'py>>> {
        let cancel = token_of(cancel);
        let rows: Vec<usize> = passes.iter().map(VectorPass::len).collect();
        let all = gate(py, || {
            let precision = precision_of(precision)?;
            let mut passes: Vec<Pass<'_>> = passes.iter_mut().map(VectorPass::pass).collect::<Outcome<_>>()?;
            self.inner.velocity(&mut passes, precision, &cancel)
        })?;
        matrices(py, all, &rows)
    }

    #[pyo3(signature = (passes, *, precision = "int8", cancel = None))]
    fn hidden<'py>(
        &self,
        py: Python<'py>,
        mut passes: Vec<TextPass>,
        precision: &str,
        cancel: Option<&Bound<'py, CancelToken>>,
    ) -> PyResult<Vec<Floats2<'py>>> {
        let cancel = token_of(cancel);
        let rows: Vec<usize> = passes.iter().map(TextPass::len).collect();
        let all = gate(py, || {
            let precision = precision_of(precision)?;
            let mut passes: Vec<Pass<'_>> = passes.iter_mut().map(TextPass::pass).collect::<Outcome<_>>()?;
            self.inner.hidden(&mut passes, precision, &cancel)
        })?;
        matrices(py, all, &rows)
    }

    #[pyo3(signature = (passes, *, precision = "int8", cancel = None))]
    fn logits<'py>(
        &self,
        py: Python<'py>,
        mut passes: Vec<TextPass>,
        precision: &str,
        cancel: Option<&Bound<'py, CancelToken>>,
    ) -> PyResult<Vec<Floats2<'py>>> {
        let cancel = token_of(cancel);
        let rows: Vec<usize> = passes.iter().map(TextPass::len).collect();
        let all = gate(py, || {
            let precision = precision_of(precision)?;
            let mut passes: Vec<Pass<'_>> = passes.iter_mut().map(TextPass::pass).collect::<Outcome<_>>()?;
            self.inner.logits(&mut passes, precision, &cancel)
        })?;
        matrices(py, all, &rows)
    }

    #[pyo3(signature = (layer, x, positions, see, *, precision = "int8"))]
    fn block<'py>(
        &self,
        py: Python<'py>,
        layer: &Bound<'py, PyAny>,
        x: &Bound<'py, PyAny>,
        positions: &Bound<'py, PyAny>,
        see: &str,
        precision: &str,
    ) -> PyResult<Floats2<'py>> {
        let (layer, positions) = (count("layer", layer)?, copied::<f32>("positions", positions)?);
        let x = matrix::<f32>("x", x)?;
        let (shape, numbers) = ([x.shape()[0], x.shape()[1]], x.as_slice()?);
        let out = gate(py, || {
            let (see, precision) = (see_of(see)?, precision_of(precision)?);
            self.inner.block(layer, numbers, &positions, see, precision)
        })?;
        out.into_pyarray(py).reshape(shape)
    }

    #[getter]
    fn width(&self) -> usize {
        self.inner.spec().width
    }

    #[getter]
    fn vocabulary(&self) -> usize {
        self.inner.spec().vocabulary
    }

    #[getter]
    fn threads(&self) -> usize {
        self.inner.pool().threads()
    }
}

fn matrices<'py>(py: Python<'py>, all: Vec<Vec<f32>>, rows: &[usize]) -> PyResult<Vec<Floats2<'py>>> {
    let one = |(numbers, &rows): (Vec<f32>, &usize)| {
        let columns = numbers.len() / rows.max(1);
        numbers.into_pyarray(py).reshape([rows, columns])
    };
    all.into_iter().zip(rows).map(one).collect()
}

fn one_a_pass(py: Python<'_>, what: &str, passes: usize, got: usize) -> PyResult<()> {
    let want = format!("[{passes}], one a pass");
    quick(py, || if got == passes { Ok(()) } else { Err(Fault::shape(what, want, format!("[{got}]"))) })
}

fn wanted_rows(
    py: Python<'_>,
    passes: &[TextPass],
    wanted: Option<Vec<AnyNumbers<'_>>>,
) -> PyResult<Vec<Range<usize>>> {
    let Some(wanted) = wanted else { return Ok(passes.iter().map(|pass| 0..pass.len()).collect()) };
    one_a_pass(py, "wanted", passes.len(), wanted.len())?;
    let one = |(pass, wanted): (&TextPass, AnyNumbers<'_>)| match wanted {
        None => Ok(0..pass.len()),
        Some((start, stop)) => Ok(count("wanted", &start)?..count("wanted", &stop)?),
    };
    passes.iter().zip(wanted).map(one).collect()
}

fn targets_of(
    py: Python<'_>,
    passes: usize,
    targets: Option<Vec<Option<Bound<'_, PyAny>>>>,
) -> PyResult<Vec<Option<Vec<i64>>>> {
    let Some(targets) = targets else { return Ok(vec![None; passes]) };
    one_a_pass(py, "targets", passes, targets.len())?;
    targets.iter().map(|one| one.as_ref().map(|array| copied("targets", array)).transpose()).collect()
}

/// The fault for a cache that another call, or another pass of the call, has in hand.
pub(crate) fn in_use(py: Python<'_>) -> PyErr {
    let what = "the prefix is in the hands of another pass or call";
    raised(py, &Fault::conflict(what, "fork it, one for each pass that runs at the same time"))
}
