//! The network's tensors, found by name and lent for one call as matrices and gains. Computes nothing.
use crate::linear::{Matrix, gain};
use crate::spec::{Role, Spec, TensorSpec};
use foundation::{Fault, Outcome};
use std::collections::BTreeMap;
use weights::Weights;

/// The tensors of one block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockTensors<'w> {
    pub wq: Matrix<'w>,
    pub wk: Matrix<'w>,
    pub wv: Matrix<'w>,
    pub wo: Matrix<'w>,
    pub gate: Matrix<'w>,
    pub up: Matrix<'w>,
    pub down: Matrix<'w>,
    pub n1: &'w [f32],
    pub n2: &'w [f32],
    /// Gain of the norm of queries, where the network has one.
    pub qn: Option<&'w [f32]>,
    /// Gain of the norm of keys.
    pub kn: Option<&'w [f32]>,
}

/// All tensors of the network.
#[derive(Debug)]
pub(crate) struct Body<'w> {
    pub embedding: Matrix<'w>,
    /// What gives the logits; the embedding where it is tied.
    pub head: Matrix<'w>,
    pub blocks: Vec<BlockTensors<'w>>,
    /// Gain of the last norm.
    pub last_norm: &'w [f32],
    /// First and second matrix of the time network.
    pub time: [Matrix<'w>; 2],
    /// Modulation of the continuous outputs by the time.
    pub modulation: Matrix<'w>,
    /// Input and output matrix of each kind.
    pub kinds: BTreeMap<&'w str, (Matrix<'w>, Matrix<'w>)>,
}

impl<'w> Body<'w> {
    /// Find all tensors, in the order that `Spec::tensors` gives, which is `specs`. Refuses a missing tensor (`NotFound`),
    /// another shape (`Shape`), or a scheme that is not computed (`Dtype`). Cost: one look-up a tensor, some microseconds.
    pub fn find(weights: &'w Weights, spec: &'w Spec, specs: &[TensorSpec]) -> Outcome<Self> {
        let mut reader = Reader { weights, specs: specs.iter() };
        let embedding = reader.matrix()?;
        let blocks = (0..spec.layers).map(|_| reader.block(spec.query_key_norm)).collect::<Outcome<Vec<_>>>()?;
        let last_norm = reader.gain()?;
        let head = if spec.tied_embedding { embedding } else { reader.matrix()? };
        let time = [reader.matrix()?, reader.matrix()?];
        let modulation = reader.matrix()?;
        let mut kinds = BTreeMap::new();
        for name in spec.kinds.keys() {
            kinds.insert(name.as_str(), (reader.matrix()?, reader.matrix()?));
        }
        Ok(Self { embedding, head, blocks, last_norm, time, modulation, kinds })
    }

    /// Input and output matrix of a kind.
    pub fn kind(&self, name: &str) -> Outcome<&(Matrix<'w>, Matrix<'w>)> {
        self.kinds.get(name).ok_or_else(|| Fault::not_found(format!("the kind {name:?}")))
    }
}

struct Reader<'w, 's> {
    weights: &'w Weights,
    specs: std::slice::Iter<'s, TensorSpec>,
}

impl<'w> Reader<'w, '_> {
    fn next(&mut self) -> Outcome<&TensorSpec> {
        self.specs.next().ok_or_else(|| Fault::bug("the spec names every tensor that the body reads"))
    }

    fn matrix(&mut self) -> Outcome<Matrix<'w>> {
        let weights = self.weights;
        let want = self.next()?;
        Matrix::of(&weights.get(&want.name)?, want)
    }

    fn gain(&mut self) -> Outcome<&'w [f32]> {
        let weights = self.weights;
        let want = self.next()?;
        debug_assert_eq!(want.role, Role::Gain);
        gain(&weights.get(&want.name)?, want)
    }

    fn block(&mut self, query_key_norm: bool) -> Outcome<BlockTensors<'w>> {
        Ok(BlockTensors {
            wq: self.matrix()?,
            wk: self.matrix()?,
            wv: self.matrix()?,
            wo: self.matrix()?,
            gate: self.matrix()?,
            up: self.matrix()?,
            down: self.matrix()?,
            n1: self.gain()?,
            n2: self.gain()?,
            qn: query_key_norm.then(|| self.gain()).transpose()?,
            kn: query_key_norm.then(|| self.gain()).transpose()?,
        })
    }
}
