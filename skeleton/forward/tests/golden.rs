//! The shipped network gives the golden vectors of the code that trained it: the proof that this body computes that network.
#![allow(clippy::unwrap_used)]
mod common;
use common::{Golden, apart, base, bits, counting, text};
use forward::{Input, Network, Pass, Precision, See};
use foundation::Cancel;
use kernels::{act8, norm};
use weights::Weights;

const VOCABULARY: usize = 8192;
/// Largest difference that float rounding may make in ten layers.
const TOLERANCE: f32 = 1e-4;
/// Rows in which a tie inside of the block may round the other way; a step of an INT8 code then moves the row.
const TIES: usize = 2;

#[test]
fn a_causal_pass_gives_the_golden_logits() {
    let (network, golden) = (base(2), Golden::open());
    let ids = golden.ids("causal.ids");
    let (mut cache, positions) = (network.cache(), counting(0, ids.len()));
    let mut passes = [text(&mut cache, &ids, &positions, See::Causal)];
    let logits = network.logits(&mut passes, Precision::F32, &Cancel::never()).unwrap().remove(0);
    let last = &logits[(ids.len() - 4) * VOCABULARY..];
    let difference = apart(last, &golden.floats("causal.logits_last4.f32"));
    assert!(difference < TOLERANCE, "{difference}");
}

#[test]
fn a_canvas_behind_a_prefix_gives_the_golden_logits() {
    let (network, golden) = (base(2), Golden::open());
    let (ids, prefix) = (golden.ids("canvas.ids"), golden.ids("canvas.prefix")[0] as usize);
    let (mut cache, positions) = (network.cache(), counting(0, ids.len()));
    let (never, exact) = (Cancel::never(), Precision::F32);
    network.trunk(&mut [text(&mut cache, &ids[..prefix], &positions[..prefix], See::Causal)], exact, &never).unwrap();
    let mut passes = [text(&mut cache, &ids[prefix..], &positions[prefix..], See::Canvas)];
    let logits = network.logits(&mut passes, exact, &never).unwrap().remove(0);
    let difference = apart(&logits, &golden.floats("canvas.logits.f32"));
    assert!(difference < TOLERANCE, "{difference}");
    assert_eq!(cache.len(), prefix);
}

fn velocity(network: &Network, golden: &Golden, kind: &str, prefix: &[f32], rows: &[f32], columns: &[f32]) -> Vec<f32> {
    let (never, exact) = (Cancel::never(), Precision::F32);
    let (ids, mut cache) = (golden.ids(&format!("{kind}.ids")), network.cache());
    network.trunk(&mut [text(&mut cache, &ids, prefix, See::Causal)], exact, &never).unwrap();
    let (x, time) = (golden.floats(&format!("{kind}.x")), golden.floats(&format!("{kind}.t")));
    let input = Input::Vectors { kind, x: &x, time: &time };
    let mut passes = [Pass { cache: &mut cache, input, rows, columns, see: See::Canvas }];
    network.velocity(&mut passes, exact, &never).unwrap().remove(0)
}

#[test]
fn a_picture_gives_the_golden_velocity() {
    let (network, golden) = (base(2), Golden::open());
    let n = golden.ids("image.ids").len();
    let rows: Vec<f32> = (0..256).map(|i| (n + i / 16) as f32).collect();
    let columns: Vec<f32> = (0..256).map(|i| (n + i % 16) as f32).collect();
    let found = velocity(&network, &golden, "image", &counting(0, n), &rows, &columns);
    let difference = apart(&found, &golden.floats("image.velocity.f32"));
    assert!(difference < TOLERANCE, "{difference}");
}

#[test]
fn speech_gives_the_golden_velocity() {
    let (network, golden) = (base(2), Golden::open());
    let (n, vectors) = (golden.ids("audio.ids").len(), golden.floats("audio.t").len());
    let prefix: Vec<f32> = (0..n).map(|j| j as f32 * vectors as f32 / n as f32).collect();
    let positions = counting(0, vectors);
    let found = velocity(&network, &golden, "audio", &prefix, &positions, &positions);
    let difference = apart(&found, &golden.floats("audio.velocity.f32"));
    assert!(difference < TOLERANCE, "{difference}");
}

#[test]
fn a_plan_with_known_ends_gives_the_golden_velocity() {
    let (network, golden) = (base(2), Golden::open());
    let n = golden.ids("plan.ids").len();
    let positions = counting(n, 64);
    let found = velocity(&network, &golden, "plan", &counting(0, n), &positions, &positions);
    let difference = apart(&found, &golden.floats("plan.velocity.f32"));
    assert!(difference < TOLERANCE, "{difference}");
}

#[test]
fn int8_activations_follow_the_rule_of_training_in_the_first_block() {
    let (network, golden) = (base(2), Golden::open());
    let weights = Weights::open(common::from_root("brain/pretrained/base/weights.arrow")).unwrap();
    let gain = weights.get("blocks.0.n1").unwrap().f32s().unwrap();
    let (input, width) = (golden.floats("int8.block0.input"), network.spec().width);
    let rows = input.len() / width;
    let mut normed = vec![0.0; input.len()];
    norm::rms(&mut normed, &input, gain, network.spec().norm_epsilon, width).unwrap();
    assert!(apart(&normed, &golden.floats("int8.block0.norm")) < 1e-5);

    let (mut codes, mut scales) = (vec![0i8; input.len()], vec![0.0; rows]);
    act8::quantise(&normed, width, &mut codes, &mut scales, None).unwrap();
    assert!(apart(&scales, &golden.floats("int8.block0.scale")) < 1e-6);
    for (i, (&ours, theirs)) in codes.iter().zip(golden.codes("int8.block0.codes")).enumerate() {
        let exact = normed[i] / scales[i / width];
        let is_a_tie = (exact.fract().abs() - 0.5).abs() < 1e-4;
        assert!(ours == theirs || is_a_tie, "code {i} is {ours}, not {theirs}, for {exact}");
    }

    let positions = counting(0, rows);
    let output = network.block(0, &input, &positions, See::Causal, Precision::Int8).unwrap();
    let golden_output = golden.floats("int8.block0.output");
    let of_rows: Vec<f32> =
        output.chunks_exact(width).zip(golden_output.chunks_exact(width)).map(|(a, b)| apart(a, b)).collect();
    let equal = of_rows.iter().filter(|&&difference| difference < 2e-5).count();
    assert!(equal + TIES >= rows && of_rows.iter().all(|&d| d < 0.1), "{of_rows:?}");
    let float = network.block(0, &input, &positions, See::Causal, Precision::F32).unwrap();
    assert_ne!(bits(&output), bits(&float), "the precision made no difference");
}

#[test]
fn int8_activations_cost_next_to_nothing_in_loss() {
    let (network, golden) = (base(2), Golden::open());
    let ids = golden.ids("causal.ids");
    let positions = counting(0, ids.len());
    let mut loss = [0.0f64; 2];
    for (loss, precision) in loss.iter_mut().zip([Precision::F32, Precision::Int8]) {
        let mut cache = network.cache();
        let mut passes = [text(&mut cache, &ids, &positions, See::Causal)];
        let logits = network.logits(&mut passes, precision, &Cancel::never()).unwrap().remove(0);
        for (row, &next) in logits.chunks_exact(VOCABULARY).zip(&ids[1..]) {
            let sum: f64 = row.iter().map(|&l| f64::from(l).exp()).sum();
            *loss += (sum.ln() - f64::from(row[next as usize])) / (ids.len() - 1) as f64;
        }
    }
    assert!((loss[0] - loss[1]).abs() < 0.03, "{loss:?}");
}
