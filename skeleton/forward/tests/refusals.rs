//! What the network cannot compute it refuses by name, before anything has an effect.
#![allow(clippy::unwrap_used)]
mod common;
use common::{counting, text, tiny};
use forward::{Ask, Cache, Choice, Input, Network, Pass, Precision, See};
use foundation::pool::Pool;
use foundation::{Cancel, Fault};
use std::sync::Arc;
use weights::{Dtype, PLAIN, Part, Weights, Writer};

fn refused(network: &Network, pass: Pass) -> &'static str {
    network.trunk(&mut [pass], Precision::Int8, &Cancel::never()).unwrap_err().name()
}

#[test]
fn passes_that_are_no_passes_are_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let network = tiny(home.path(), 1);
    let (mut cache, p, ids) = (network.cache(), counting(0, 4), [1u32, 2, 3, 4]);
    assert_eq!(refused(&network, text(&mut cache, &[1, 2, 300, 4], &p, See::Causal)), "OutOfRange");
    assert_eq!(refused(&network, text(&mut cache, &ids[..3], &p, See::Causal)), "Shape");
    assert_eq!(refused(&network, text(&mut cache, &[], &[], See::Causal)), "Shape");
    assert_eq!(refused(&network, text(&mut cache, &ids, &[0.0, 1.0, f32::NAN, 3.0], See::Causal)), "OutOfRange");
    assert_eq!(refused(&network, text(&mut cache, &ids, &[0.0, 1.0, 2.0, f32::INFINITY], See::Causal)), "OutOfRange");
    let columns = Pass { cache: &mut cache, input: Input::Tokens(&ids), rows: &p, columns: &p[..2], see: See::Causal };
    assert_eq!(refused(&network, columns), "Shape");
    let many = counting(0, forward::pass::MAX_ROWS + 1);
    assert_eq!(refused(&network, text(&mut cache, &vec![1; many.len()], &many, See::Canvas)), "Exhausted");
    let mut other =
        Cache::new(&forward::Spec::parse(&common::tiny::JSON.replace("\"layers\": 2", "\"layers\": 3")).unwrap());
    assert_eq!(refused(&network, text(&mut other, &ids, &p, See::Causal)), "Shape");
    assert_eq!(cache.len(), 0);
}

#[test]
fn vectors_that_are_no_canvas_are_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let network = tiny(home.path(), 1);
    let (p, x, time) = (counting(0, 2), vec![0.5f32; 10], [0.5f32, 1.0]);
    let refuse = |kind: &str, x: &[f32], time: &[f32], see: See| {
        let mut cache = network.cache();
        refused(
            &network,
            Pass { cache: &mut cache, input: Input::Vectors { kind, x, time }, rows: &p, columns: &p, see },
        )
    };
    assert_eq!(refuse("smell", &x, &time, See::Canvas), "NotFound");
    assert_eq!(refuse("wave", &x[..9], &time, See::Canvas), "Shape");
    assert_eq!(refuse("wave", &x, &time[..1], See::Canvas), "Shape");
    assert_eq!(refuse("wave", &x, &[0.5, 1.01], See::Canvas), "OutOfRange");
    assert_eq!(refuse("wave", &x, &[f32::NAN, 1.0], See::Canvas), "OutOfRange");
    assert_eq!(refuse("wave", &[f32::NAN; 10], &time, See::Canvas), "OutOfRange");
    assert_eq!(refuse("wave", &x, &time, See::Causal), "Unsupported");
}

#[test]
fn questions_that_a_pass_cannot_answer_are_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let network = tiny(home.path(), 1);
    let (p, ids, never) = (counting(0, 4), [1u32, 2, 3, 4], Cancel::never());
    let refuse = |choice: Choice, rows: std::ops::Range<usize>, targets: Option<&[i64]>| {
        let mut cache = network.cache();
        let ask = Ask { choice: &choice, rows, targets };
        let fault = network.propose(&mut [text(&mut cache, &ids, &p, See::Causal)], &[ask], Precision::Int8, &never);
        assert_eq!(cache.len(), 0);
        fault.unwrap_err().name()
    };
    let greedy = Choice::default;
    assert_eq!(refuse(Choice { temperature: -1.0, ..greedy() }, 0..4, None), "OutOfRange");
    assert_eq!(refuse(Choice { temperature: f32::NAN, ..greedy() }, 0..4, None), "OutOfRange");
    assert_eq!(refuse(Choice { temperature: 1e-9, ..greedy() }, 0..4, None), "OutOfRange");
    assert_eq!(refuse(Choice { min_p: 1.5, ..greedy() }, 0..4, None), "OutOfRange");
    assert_eq!(refuse(Choice { forbid: vec![300], ..greedy() }, 0..4, None), "OutOfRange");
    assert_eq!(refuse(Choice { forbid: (0..300).collect(), ..greedy() }, 0..4, None), "OutOfRange");
    assert_eq!(refuse(greedy(), 0..5, None), "OutOfRange");
    assert_eq!(refuse(greedy(), 0..4, Some(&[1, 2])), "Shape");
    assert_eq!(refuse(greedy(), 0..2, Some(&[1, 300])), "OutOfRange");
    assert_eq!(refuse(greedy(), 0..2, Some(&[1, -2])), "OutOfRange");
    let mut cache = network.cache();
    let none = network.propose(&mut [text(&mut cache, &ids, &p, See::Causal)], &[], Precision::Int8, &never);
    assert_eq!(none.unwrap_err().name(), "Shape");
    let tokens = network.velocity(&mut [text(&mut cache, &ids, &p, See::Canvas)], Precision::Int8, &never);
    assert_eq!(tokens.unwrap_err().name(), "Unsupported");
    let choice = greedy();
    let input = Input::Vectors { kind: "wave", x: &[0.0; 20], time: &[0.5; 4] };
    let mut pass = [Pass { cache: &mut cache, input, rows: &p, columns: &p, see: See::Canvas }];
    let ask = Ask { choice: &choice, rows: 0..1, targets: None };
    assert_eq!(network.propose(&mut pass, &[ask], Precision::Int8, &never).unwrap_err().name(), "Unsupported");
    assert_eq!(network.block(2, &[0.0; 64], &[0.0], See::Causal, Precision::Int8).unwrap_err().name(), "OutOfRange");
    assert_eq!(network.block(0, &[0.0; 63], &[0.0], See::Causal, Precision::Int8).unwrap_err().name(), "Shape");
    assert!(matches!(network.cache().truncate(1), Err(Fault::OutOfRange { .. })));
}

#[test]
fn a_call_with_no_passes_has_no_answers() {
    let home = tempfile::tempdir().unwrap();
    let network = tiny(home.path(), 1);
    assert!(network.propose(&mut [], &[], Precision::Int8, &Cancel::never()).unwrap().is_empty());
    assert!(network.velocity(&mut [], Precision::F32, &Cancel::never()).unwrap().is_empty());
}

/// The tiny network's file with one tensor changed by `edit`, or left out when it gives none.
fn reopened(
    home: &std::path::Path,
    edit: impl Fn(&str, &[u64]) -> Option<(Vec<u64>, Option<Vec<f32>>)>,
) -> Result<Network, Fault> {
    tiny(home, 1);
    let old = Weights::open(home.join("out/weights.arrow")).unwrap();
    let mut writer = Writer::new();
    for t in old.tensors() {
        let Some((shape, values)) = edit(t.name, t.shape) else { continue };
        let (dtype, scheme) = if values.is_some() { (Dtype::F32, PLAIN) } else { (t.dtype, t.scheme) };
        let bytes: Option<Vec<u8>> = values.map(|v| v.iter().flat_map(|v| v.to_le_bytes()).collect());
        let scales = if bytes.is_some() { &[] } else { t.scales };
        writer
            .add(Part {
                name: t.name,
                shape: &shape,
                dtype,
                scheme,
                packed: bytes.as_deref().unwrap_or(t.packed),
                scales,
            })
            .unwrap();
    }
    let path = home.join("edited.arrow");
    writer.write(&path).unwrap();
    Network::open(Arc::new(Weights::open(path).unwrap()), common::tiny::JSON, Pool::new(1).unwrap())
}

#[test]
fn weights_that_are_not_the_networks_are_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let same = |shape: &[u64]| Some((shape.to_vec(), None));
    assert!(reopened(home.path(), |_, shape| same(shape)).is_ok());
    let missing = reopened(home.path(), |name, shape| if name == "blocks.1.wo" { None } else { same(shape) });
    assert!(matches!(missing, Err(Fault::NotFound { .. })));
    let turned = |name: &str, shape: &[u64]| match name {
        "inp.wave" => Some((vec![5, 64], Some(vec![0.0; 320]))),
        _ => same(shape),
    };
    assert!(matches!(reopened(home.path(), turned), Err(Fault::Shape { .. })));
    let json = common::tiny::JSON.replace("\"wave\"", "\"tide\"");
    let weights = Weights::open(home.path().join("out/weights.arrow")).unwrap();
    assert!(Network::open(Arc::new(weights), &json, Pool::new(1).unwrap()).is_err());
    let fewer = common::tiny::JSON.replace("\"wave\": {\"channels\": 5, \"tag\": 9}", "");
    let weights = Weights::open(home.path().join("out/weights.arrow")).unwrap();
    assert!(matches!(Network::open(Arc::new(weights), &fewer, Pool::new(1).unwrap()), Err(Fault::Conflict { .. })));
}

#[test]
fn logits_that_are_not_finite_are_a_fault_and_not_a_token() {
    let home = tempfile::tempdir().unwrap();
    let network = reopened(home.path(), |name, shape| match name {
        "nf" => Some((shape.to_vec(), Some(vec![f32::NAN; 64]))),
        _ => Some((shape.to_vec(), None)),
    })
    .unwrap();
    let (mut cache, choice) = (network.cache(), Choice::default());
    let ask = Ask { choice: &choice, rows: 0..1, targets: None };
    let mut pass = [text(&mut cache, &[1], &[0.0], See::Causal)];
    let found = network.propose(&mut pass, &[ask], Precision::Int8, &Cancel::never());
    assert!(matches!(found, Err(Fault::OutOfRange { .. })));
    assert_eq!(cache.len(), 0);
}
