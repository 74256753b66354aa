//! The scale, and bias, of one group: by rule, or by least squares weighed by how much each input matters. Packs nothing.
use crate::levels::Levels;
use crate::scheme::{Rule, Scheme};
use foundation::{Fault, Outcome};
use half::f16;

/// Least squared error of levels ±.5 s, ±1.5 s for a normal law: s = 1.248 mean |w| = .9957 root mean square (Max 1960).
const OF_MEAN: f32 = 1.248;
const OF_DEVIATION: f32 = 0.9957;
/// Where least squares starts from, as parts of the simple rule's scale, and how often it alternates.
const STARTS: [f32; 5] = [0.6, 0.8, 1.0, 1.2, 1.5];
const STARTS_INT4: [f32; 5] = [0.7, 0.8, 0.875, 0.94, 1.0];

/// A group's numbers are level x scale + bias.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Grid {
    pub(crate) scale: f32,
    pub(crate) bias: f32,
}

/// A grid as it is stored, rounded to f16.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    pub(crate) scale: u16,
    pub(crate) bias: u16,
    pub(crate) grid: Grid,
}

impl Grid {
    /// Round to f16, never to a scale of 0; `OutOfRange` for what a f16 cannot hold.
    pub(crate) fn stored(self) -> Outcome<Stored> {
        /// The smallest positive f16.
        const SMALLEST: f32 = 5.960_464_5e-8;
        let (scale, bias) = (f16::from_f32(self.scale.max(SMALLEST)), f16::from_f32(self.bias));
        for (what, half, value) in [("scale", scale, self.scale), ("bias", bias, self.bias)] {
            if !half.is_finite() {
                return Err(Fault::out_of_range(
                    format!("{what} of a group"),
                    "what a f16 holds, 65504 at most",
                    value,
                ));
            }
        }
        let grid = Self { scale: scale.to_f32(), bias: bias.to_f32() };
        Ok(Stored { scale: scale.to_bits(), bias: bias.to_bits(), grid })
    }

    /// The grid's level that is nearest to a weight.
    pub(crate) fn nearest(self, w: f32, levels: Levels) -> f32 {
        levels.nearest((w - self.bias) * (1.0 / self.scale))
    }
}

/// The grid of a group by `rule`. `weigh` says how much the square of each weight's error matters; only least squares asks.
pub(crate) fn grid(w: &[f32], weigh: Option<&[f32]>, scheme: Scheme, rule: Rule) -> Outcome<Grid> {
    if !scheme.rules().contains(&rule) {
        return Err(no_rule(scheme, rule));
    }
    Ok(match rule {
        Rule::LeastSquares => least_squares(w, weigh, scheme),
        _ => simple(w, scheme, rule),
    })
}

/// The fault for a rule that a scheme does not have.
pub(crate) fn no_rule(scheme: Scheme, rule: Rule) -> Fault {
    let names: Vec<String> = scheme.rules().iter().map(|rule| format!("{rule:?}")).collect();
    let what = format!("the rule {rule:?} for {}", scheme.name());
    Fault::Unsupported { what, instead: format!("use {}", names.join(" or ")) }
}

fn simple(w: &[f32], scheme: Scheme, rule: Rule) -> Grid {
    let count = w.len() as f32;
    let levels = Levels::of(scheme);
    let scale = match rule {
        Rule::MeanAbs => w.iter().map(|v| v.abs()).sum::<f32>() / count * OF_MEAN,
        Rule::Deviation => (w.iter().map(|v| v * v).sum::<f32>() / count).sqrt() * OF_DEVIATION,
        _ if scheme.is_affine() => {
            let (low, high) = ends(w);
            return Grid { scale: (high - low) / levels.most, bias: low };
        }
        _ => w.iter().fold(0.0f32, |top, v| top.max(v.abs())) / levels.most,
    };
    Grid { scale, bias: 0.0 }
}

fn ends(w: &[f32]) -> (f32, f32) {
    w.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)))
}

/// The grid of least weighed squared error among those that alternating levels and grid reach from several starts.
fn least_squares(w: &[f32], weigh: Option<&[f32]>, scheme: Scheme) -> Grid {
    let symmetric_int2 = scheme.bits() == 2 && !scheme.is_affine();
    let (starts, rounds) = if scheme.bits() == 2 { (STARTS, 6) } else { (STARTS_INT4, 3) };
    let first = simple(w, scheme, if symmetric_int2 { Rule::MeanAbs } else { Rule::Range });
    let levels = Levels::of(scheme);
    let middle = first.bias + first.scale * levels.most / 2.0;
    let (mut best, mut least) = (first, f32::INFINITY);
    for part in starts {
        let scale = first.scale * part;
        let bias = if scheme.is_affine() { middle - scale * levels.most / 2.0 } else { 0.0 };
        let mut grid = Grid { scale, bias };
        for _ in 0..rounds {
            if !grid.scale.is_normal() {
                break;
            }
            let (next, error) = refit(w, weigh, grid, levels, scheme.is_affine());
            if error < least {
                (best, least) = (next, error);
            }
            grid = next;
        }
    }
    best
}

/// The best grid for the levels that `grid` gives, and the weighed squared error that it leaves.
fn refit(w: &[f32], weigh: Option<&[f32]>, grid: Grid, levels: Levels, affine: bool) -> (Grid, f32) {
    let mut sums = Sums::default();
    for (place, &w) in w.iter().enumerate() {
        sums.add(w, grid.nearest(w, levels), weigh.map_or(1.0, |weigh| weigh[place]));
    }
    sums.solve(affine)
}

/// Weighed sums of a regression of weights w on levels l.
#[derive(Default)]
struct Sums {
    all: f32,
    w: f32,
    l: f32,
    wl: f32,
    ll: f32,
    ww: f32,
}

impl Sums {
    fn add(&mut self, w: f32, l: f32, weigh: f32) {
        self.all += weigh;
        self.w += weigh * w;
        self.l += weigh * l;
        self.wl += weigh * w * l;
        self.ll += weigh * l * l;
        self.ww += weigh * w * w;
    }

    /// The grid of least squares, and Σ w² - (Σ w l)² / Σ l², both sums about their means where there is a bias.
    fn solve(&self, affine: bool) -> (Grid, f32) {
        let (mean_w, mean_l) = if affine { (self.w / self.all, self.l / self.all) } else { (0.0, 0.0) };
        let along = self.wl - self.all * mean_w * mean_l;
        let length = self.ll - self.all * mean_l * mean_l;
        let square = self.ww - self.all * mean_w * mean_w;
        let scale = along / length;
        (Grid { scale, bias: mean_w - scale * mean_l }, square - along * along / length)
    }
}
