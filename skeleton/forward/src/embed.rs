//! How tokens and noisy vectors enter the residual stream, and what the time of a vector adds to it and later modulates.
use crate::body::Body;
use crate::pass::{Input, Pass};
use crate::spec::Spec;
use crate::time;
use foundation::Outcome;
use kernels::silu;
use std::ops::Range;

/// The times of one canvas of vectors: each distinct one once.
#[derive(Debug)]
pub(crate) struct Times {
    /// time(t) of each distinct t, `[distinct, width]`.
    vectors: Vec<f32>,
    /// Which of them belongs to each vector.
    index: Vec<usize>,
}

/// Write the rows of all passes into `x` `[R, width]`; gives the times of each pass of vectors.
pub(crate) fn enter(
    body: &Body,
    spec: &Spec,
    passes: &[Pass],
    ranges: &[Range<usize>],
    x: &mut [f32],
) -> Outcome<Vec<Option<Times>>> {
    let width = spec.width;
    let mut all = Vec::with_capacity(passes.len());
    for (pass, rows) in passes.iter().zip(ranges) {
        let x = &mut x[rows.start * width..rows.end * width];
        all.push(match pass.input {
            Input::Tokens(ids) => {
                let mut rows = ids.iter().zip(x.chunks_exact_mut(width));
                rows.try_for_each(|(&id, row)| body.embedding.read_row(id as usize, row))?;
                None
            }
            Input::Vectors { kind, x: vectors, time } => {
                body.kind(kind)?.0.apply_f32(x, vectors)?;
                let times = Times::of(body, width, time)?;
                for (row, &i) in x.chunks_exact_mut(width).zip(&times.index) {
                    row.iter_mut().zip(&times.vectors[i * width..]).for_each(|(x, &t)| *x += t);
                }
                Some(times)
            }
        });
    }
    Ok(all)
}

impl Times {
    /// time(t) = W2 silu(W1 features(t)) of each distinct time.
    fn of(body: &Body, width: usize, times: &[f32]) -> Outcome<Self> {
        let (distinct, index) = time::distinct(times);
        let mut inner = vec![0.0; distinct.len() * width];
        body.time[0].apply_f32(&mut inner, &time::features(&distinct))?;
        silu::silu(&mut inner)?;
        let mut vectors = vec![0.0; distinct.len() * width];
        body.time[1].apply_f32(&mut vectors, &inner)?;
        Ok(Self { vectors, index })
    }

    /// h = h (1 + a) + b row by row, `[a, b]` = mod silu(time(t)).
    pub fn modulate(&self, body: &Body, width: usize, h: &mut [f32]) -> Outcome<()> {
        let mut gated = self.vectors.clone();
        silu::silu(&mut gated)?;
        let mut both = vec![0.0; gated.len() * 2];
        body.modulation.apply_f32(&mut both, &gated)?;
        for (row, &i) in h.chunks_exact_mut(width).zip(&self.index) {
            let (a, b) = both[i * 2 * width..(i + 1) * 2 * width].split_at(width);
            row.iter_mut().zip(a).zip(b).for_each(|((h, &a), &b)| *h = *h * (1.0 + a) + b);
        }
        Ok(())
    }
}
