//! An open network: its tensors checked once, its doors for scores, velocities and hidden states. Knows no text and no files but its weights.
use crate::block::{self, Place};
use crate::body::Body;
use crate::cache::Cache;
use crate::choice::{Ask, Proposal};
use crate::embed::{self, Times};
use crate::latent::is_part;
use crate::linear::HeadInput;
use crate::operand::Precision;
use crate::pass::{Input, Pass, check_all};
use crate::propose::{self, RowAsk};
use crate::scratch::{KEEP_ROWS, Scratch};
use crate::spec::{HEAD_SIZE, Spec, TensorSpec};
use crate::turns::Turns;
use foundation::pool::Pool;
use foundation::{Cancel, Fault, Outcome};
use kernels::{norm, rope};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use weights::Weights;

/// A score network over a mapped weight file. Share it in an `Arc`. A call has all of its pool; with as many calls at once as the pool
/// has threads each has one thread, and further calls wait.
///
/// Law of rows: what a row becomes depends, to the bit, on its own inputs and on what it sees, not on the other passes of the call,
/// on whether what it sees comes from the cache, or on the number of threads.
pub struct Network {
    weights: Arc<Weights>,
    spec: Spec,
    tensors: Vec<TensorSpec>,
    turns: Turns,
    scratches: Mutex<Vec<Scratch>>,
}

/// What the trunk leaves for a door to read.
struct Trunk<'s> {
    body: &'s Body<'s>,
    /// The residual stream after the last block, `[R, width]`, of the asked rows.
    x: &'s [f32],
    /// Which of these rows belong to each pass.
    ranges: &'s [Range<usize>],
    times: Vec<Option<Times>>,
}

/// How far a call has come through the blocks.
struct Way<'s> {
    /// The rows of each pass among those of all.
    ranges: &'s [Range<usize>],
    /// Which rows of each pass the door reads, counted within the pass.
    asked: &'s [Range<usize>],
    /// The next block.
    layer: usize,
    times: Option<Vec<Option<Times>>>,
}

impl Network {
    /// Check that the weights hold every tensor that `score_json` implies, in shapes and schemes that are computed here.
    ///
    /// Errors: those of `Spec::parse`; `NotFound`, `Shape` or `Dtype` for a tensor; `Conflict` for one that neither the network nor its decoders have.
    pub fn open(weights: Arc<Weights>, score_json: &str, pool: Pool) -> Outcome<Self> {
        let spec = Spec::parse(score_json)?;
        let tensors = spec.tensors();
        Body::find(&weights, &spec, &tensors)?;
        if let Some(extra) = weights.names().find(|name| !is_part(name) && !tensors.iter().any(|t| t.name == *name)) {
            let what = format!("the weights hold a tensor {extra:?} that the network {:?} does not have", spec.name);
            return Err(Fault::conflict(what, "use the score.json that belongs to these weights"));
        }
        Ok(Self { weights, spec, tensors, turns: Turns::new(pool), scratches: Mutex::default() })
    }

    /// What the network is.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The pool that it computes on.
    pub fn pool(&self) -> &Pool {
        self.turns.pool()
    }

    /// An empty prefix for it.
    pub fn cache(&self) -> Cache {
        Cache::new(&self.spec)
    }

    /// Run passes only for what they leave in their caches.
    ///
    /// As for every door: Errors: those of a pass (`Shape`, `OutOfRange`, `NotFound`, `Unsupported`, `Exhausted`), `Cancelled`, `Deadline`;
    /// after an error every cache is as it was. The token is read between layers.
    pub fn trunk(&self, passes: &mut [Pass], precision: Precision, cancel: &Cancel) -> Outcome<()> {
        let none = vec![0..0; passes.len()];
        self.run(passes, &none, precision, cancel, |_| Ok(()))
    }

    /// Choose a token at the place that each of the asked rows speaks of, and say how sure the network is: one `Proposal` a pass, in order.
    ///
    /// A row at position p speaks of place p + 1 (`Prediction::Same`: of p), which with the seed decides its noise. The last block is
    /// computed for the asked rows only, beyond its keys and values. Passes must be of tokens.
    pub fn propose(
        &self,
        passes: &mut [Pass],
        asks: &[Ask],
        precision: Precision,
        cancel: &Cancel,
    ) -> Outcome<Vec<Proposal>> {
        let forbidden = self.check_asks(passes, asks)?;
        let mut rows = Vec::new();
        for ((pass, ask), forbid) in passes.iter().zip(asks).zip(&forbidden) {
            rows.extend(ask.rows.clone().enumerate().map(|(i, row)| RowAsk {
                race: ask.choice.race(pass.rows[row], self.spec.prediction),
                forbid,
                target: ask.targets.and_then(|targets| u32::try_from(targets[i]).ok()),
            }));
        }
        let wanted: Vec<Range<usize>> = asks.iter().map(|ask| ask.rows.clone()).collect();
        self.run(passes, &wanted, precision, cancel, |trunk| {
            let hidden = self.norm_of(&trunk, 0..rows.len())?;
            cancel.check()?;
            let head = &trunk.body.head;
            let mut all = propose::rows(head, self.spec.vocabulary, self.spec.width, &hidden, precision, &rows)?;
            Ok(wanted.iter().map(|rows| all.take(rows.len())).collect())
        })
    }

    /// The velocity noise - data `[M, channels]` of each pass of vectors, at each vector's own position and time.
    pub fn velocity(&self, passes: &mut [Pass], precision: Precision, cancel: &Cancel) -> Outcome<Vec<Vec<f32>>> {
        let kinds = passes.iter().map(kind_of).collect::<Outcome<Vec<_>>>()?;
        self.run(passes, &everything(passes), precision, cancel, |trunk| {
            let mut all = Vec::with_capacity(kinds.len());
            for ((kind, rows), times) in kinds.iter().zip(trunk.ranges).zip(&trunk.times) {
                let mut h = self.norm_of(&trunk, rows.clone())?;
                if let Some(times) = times {
                    times.modulate(trunk.body, self.spec.width, &mut h)?;
                }
                let mut velocity = vec![0.0; rows.len() * self.spec.kind(kind)?.channels];
                trunk.body.kind(kind)?.1.apply_f32(&mut velocity, &h)?;
                all.push(velocity);
            }
            Ok(all)
        })
    }

    /// The trunk's output `[M, width]` of each pass after the last norm.
    pub fn hidden(&self, passes: &mut [Pass], precision: Precision, cancel: &Cancel) -> Outcome<Vec<Vec<f32>>> {
        self.run(passes, &everything(passes), precision, cancel, |trunk| {
            trunk.ranges.iter().map(|rows| self.norm_of(&trunk, rows.clone())).collect()
        })
    }

    /// All logits `[M, vocabulary]` of each pass of tokens: for parity and probes, as `propose` needs no such array.
    pub fn logits(&self, passes: &mut [Pass], precision: Precision, cancel: &Cancel) -> Outcome<Vec<Vec<f32>>> {
        self.run(passes, &everything(passes), precision, cancel, |trunk| {
            let one = |rows: &Range<usize>| {
                let mut logits = vec![0.0; rows.len() * self.spec.vocabulary];
                let (head, hidden) = (&trunk.body.head, self.norm_of(&trunk, rows.clone())?);
                HeadInput::of(head, &hidden, self.spec.width, precision)?.logits(head, &mut logits)?;
                Ok(logits)
            };
            trunk.ranges.iter().map(one).collect()
        })
    }

    /// The output `[M, width]` of block `layer` alone on the rows `x` `[M, width]`, which see each other by `see` and no prefix: a probe.
    pub fn block(
        &self,
        layer: usize,
        x: &[f32],
        positions: &[f32],
        see: crate::See,
        precision: Precision,
    ) -> Outcome<Vec<f32>> {
        if layer >= self.spec.layers {
            return Err(Fault::out_of_range("a layer", format!("0 ..= {}", self.spec.layers - 1), layer));
        }
        if positions.is_empty() || x.len() != positions.len() * self.spec.width {
            return Err(Fault::shape("x", format!("[{}, {}]", positions.len(), self.spec.width), x.len()));
        }
        let body = self.body()?;
        let mut cache = self.cache();
        self.spec.attention.check(see, &cache, positions.len())?;
        let pass = Pass { cache: &mut cache, input: Input::Tokens(&[]), rows: positions, columns: positions, see };
        let mut s = self.scratch(precision, positions.len());
        s.x.copy_from_slice(x);
        let rows = 0..positions.len();
        self.turns.pool().run(|| {
            let ranges = [rows];
            let mut passes = [pass];
            self.angles(&passes, &ranges, &mut s)?;
            let place = Place { layer, pending: false, ranges: &ranges, asked: &ranges };
            block::run(&body.blocks[layer], place, &self.spec, &mut passes, &mut s)
        })?;
        s.x.iter_mut().zip(&s.added[..]).for_each(|(x, &more)| *x += more);
        let out = s.x.to_vec();
        self.keep(s);
        Ok(out)
    }

    fn check_asks(&self, passes: &[Pass], asks: &[Ask]) -> Outcome<Vec<Vec<u32>>> {
        if asks.len() != passes.len() {
            return Err(Fault::shape("asks", format!("[{}], one a pass", passes.len()), format!("[{}]", asks.len())));
        }
        let mut forbidden = Vec::with_capacity(asks.len());
        for (pass, ask) in passes.iter().zip(asks) {
            if let Input::Vectors { kind, .. } = pass.input {
                let what = format!("a proposal of tokens from vectors of {kind}");
                return Err(Fault::Unsupported { what, instead: "ask for their velocity".into() });
            }
            ask.check(pass.len(), self.spec.vocabulary)?;
            forbidden.push(ask.choice.check(self.spec.vocabulary)?);
        }
        Ok(forbidden)
    }

    /// Run the trunk over all passes, and its end over the rows of each that are `asked`; give what it leaves to `door`, and only then let the caches grow.
    fn run<T: Send>(
        &self,
        passes: &mut [Pass],
        asked: &[Range<usize>],
        precision: Precision,
        cancel: &Cancel,
        door: impl FnOnce(Trunk) -> Outcome<T> + Send,
    ) -> Outcome<T> {
        let total = check_all(passes, &self.spec)?;
        let body = self.body()?;
        let mut turn = self.turns.enter(cancel)?;
        let mut s = self.scratch(precision, total);
        let ranges = one_after_the_other(passes.iter().map(Pass::len));
        let mut way = Way { ranges: &ranges, asked, layer: 0, times: None };
        let mut door = Some(door);
        let answer = loop {
            let crowded = self.turns.crowded();
            let step = turn.run(crowded, || {
                if !self.go(&body, passes, &mut way, &mut s, cancel, crowded)? {
                    return Ok(None);
                }
                let left = one_after_the_other(asked.iter().map(Range::len));
                let trunk = Trunk { body: &body, x: &s.x, ranges: &left, times: way.times.take().unwrap_or_default() };
                door.take().map(|door| door(trunk)).transpose()
            });
            match step.and_then(|step| step) {
                Ok(Some(answer)) => break Ok(answer),
                Ok(None) => {}
                Err(fault) => break Err(fault),
            }
        };
        self.keep(s);
        let answer = answer?;
        for pass in passes.iter_mut().filter(|pass| pass.causal()) {
            let rows = pass.len();
            pass.cache.grow(rows);
        }
        Ok(answer)
    }

    /// Go on through the blocks to the end, or until there are more or fewer calls than it was (`crowded`); whether the end is reached.
    fn go(
        &self,
        body: &Body,
        passes: &mut [Pass],
        way: &mut Way,
        s: &mut Scratch,
        cancel: &Cancel,
        crowded: bool,
    ) -> Outcome<bool> {
        cancel.check()?;
        if passes.is_empty() {
            return Ok(true);
        }
        if way.times.is_none() {
            way.times = Some(embed::enter(body, &self.spec, passes, way.ranges, &mut s.x)?);
            self.angles(passes, way.ranges, s)?;
        }
        let last: Vec<_> =
            way.ranges.iter().zip(way.asked).map(|(all, a)| all.start + a.start..all.start + a.end).collect();
        for (layer, tensors) in body.blocks.iter().enumerate().skip(way.layer) {
            cancel.check()?;
            if self.turns.crowded() != crowded {
                return Ok(false);
            }
            let asked = if layer + 1 < body.blocks.len() { way.ranges } else { &last };
            let place = Place { layer, pending: layer > 0, ranges: way.ranges, asked };
            block::run(tensors, place, &self.spec, passes, s)?;
            way.layer = layer + 1;
        }
        s.x.iter_mut().zip(&s.added[..]).for_each(|(x, &more)| *x += more);
        Ok(true)
    }

    fn angles(&self, passes: &[Pass], ranges: &[Range<usize>], s: &mut Scratch) -> Outcome<()> {
        for (pass, rows) in passes.iter().zip(ranges) {
            let here = rows.start * HEAD_SIZE / 2..rows.end * HEAD_SIZE / 2;
            let (cosines, sines) = rope::angles(pass.rows, pass.columns, self.spec.rope_theta, HEAD_SIZE)?;
            s.cosines[here.clone()].copy_from_slice(&cosines);
            s.sines[here].copy_from_slice(&sines);
        }
        Ok(())
    }

    /// The last norm of some of the rows that the trunk left.
    fn norm_of(&self, trunk: &Trunk, rows: Range<usize>) -> Outcome<Vec<f32>> {
        let width = self.spec.width;
        let x = &trunk.x[rows.start * width..rows.end * width];
        let mut out = vec![0.0; x.len()];
        norm::rms(&mut out, x, trunk.body.last_norm, self.spec.norm_epsilon, width)?;
        Ok(out)
    }

    fn body(&self) -> Outcome<Body<'_>> {
        Body::find(&self.weights, &self.spec, &self.tensors)
    }

    fn scratch(&self, precision: Precision, rows: usize) -> Scratch {
        let kept = self.scratches.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scratch = kept.unwrap_or_default();
        scratch.shape(&self.spec, precision, rows);
        scratch
    }

    fn keep(&self, scratch: Scratch) {
        if scratch.rows(&self.spec) <= KEEP_ROWS {
            self.scratches.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        }
    }
}

fn kind_of(pass: &Pass) -> Outcome<String> {
    match pass.input {
        Input::Vectors { kind, .. } => Ok(kind.to_string()),
        Input::Tokens(_) => {
            Err(Fault::Unsupported { what: "a velocity of tokens".into(), instead: "ask for a proposal".into() })
        }
    }
}

/// All rows of each pass.
fn everything(passes: &[Pass]) -> Vec<Range<usize>> {
    passes.iter().map(|pass| 0..pass.len()).collect()
}

/// The ranges that pieces of such lengths have when they stand one after the other.
fn one_after_the_other(lengths: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut next = 0;
    let range = |length: usize| {
        next += length;
        next - length..next
    };
    lengths.map(range).collect()
}
