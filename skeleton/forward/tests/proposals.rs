//! What the streaming head says equals what the whole row of logits says.
#![allow(clippy::unwrap_used)]
mod common;
use common::{Golden, counting, text, tiny};
use forward::noise::Noise;
use forward::{Ask, Choice, Network, Precision, Proposal, See};
use foundation::Cancel;

/// Nats that the streaming sums may differ by.
const TOLERANCE: f64 = 1e-5;

/// What float64 over all logits of a row says: token, log-probability, entropy, margin.
fn naive(logits: &[f32], choice: &Choice, place: u64) -> (u32, f64, f64, f64) {
    let kept = |t: &usize| !choice.forbid.contains(&(*t as u32));
    let tokens: Vec<usize> = (0..logits.len()).filter(kept).collect();
    let sum = tokens.iter().map(|&t| f64::from(logits[t]).exp()).sum::<f64>().ln();
    let p = |t: usize| (f64::from(logits[t]) - sum).exp();
    let mut order: Vec<usize> = tokens.clone();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
    let noise = Noise::new(choice.seed, place);
    let score = |t: usize| f64::from(logits[t]) / f64::from(choice.temperature) + noise.gumbel(t as u32);
    let least = f64::from(logits[order[0]]) + f64::from(choice.min_p).ln();
    let token = match choice.temperature {
        0.0 => order[0],
        _ => {
            let likely = tokens.iter().copied().filter(|&t| f64::from(logits[t]) >= least);
            likely.max_by(|&a, &b| score(a).total_cmp(&score(b)).then(b.cmp(&a))).unwrap()
        }
    };
    let entropy = tokens.iter().map(|&t| -p(t) * p(t).ln()).sum();
    (token as u32, f64::from(logits[token]) - sum, entropy, p(order[0]) - p(order[1]))
}

/// Propose over `ids` and compare every number with the naive ones.
fn compare(network: &Network, ids: &[u32], choice: &Choice, targets: &[i64]) -> Proposal {
    let (positions, never) = (counting(0, ids.len()), Cancel::never());
    let (mut cache, mut again) = (network.cache(), network.cache());
    let mut pass = [text(&mut cache, ids, &positions, See::Causal)];
    let logits = network.logits(&mut pass, Precision::Int8, &never).unwrap().remove(0);
    let ask = Ask { choice, rows: 1..ids.len(), targets: Some(targets) };
    let mut pass = [text(&mut again, ids, &positions, See::Causal)];
    let found = network.propose(&mut pass, &[ask], Precision::Int8, &never).unwrap().remove(0);
    for (i, logits) in logits.chunks_exact(network.spec().vocabulary).skip(1).enumerate() {
        let (token, log_prob, entropy, margin) = naive(logits, choice, i as u64 + 2);
        assert_eq!(found.token[i], token, "row {i} under {choice:?}");
        let pairs = [(found.log_prob[i], log_prob), (found.entropy[i], entropy), (found.margin[i], margin)];
        assert!(
            pairs.iter().all(|(f, n)| (f64::from(*f) - n).abs() < TOLERANCE),
            "row {i} under {choice:?}: {pairs:?}"
        );
        let sum = logits.iter().map(|&l| f64::from(l).exp()).sum::<f64>().ln();
        match usize::try_from(targets[i]) {
            Ok(t) => assert!((f64::from(found.target_log_prob[i]) - (f64::from(logits[t]) - sum)).abs() < TOLERANCE),
            Err(_) => assert!(found.target_log_prob[i].is_nan()),
        }
    }
    found
}

fn choices(mask: u32) -> Vec<Choice> {
    let mut all = vec![Choice::default(), Choice { forbid: vec![mask, 0, mask, 299, 230], ..Choice::default() }];
    for (seed, temperature, min_p) in
        [(0, 1.0, 0.0), (1, 0.5, 0.0), (2, 1.7, 0.1), (3, 0.001, 0.0), (u64::MAX, 3.0, 1e-4), (5, 1.0, 1.0)]
    {
        all.push(Choice { temperature, min_p, seed, forbid: vec![mask] });
    }
    all
}

#[test]
fn every_number_of_a_proposal_is_that_of_the_whole_row_of_logits() {
    let network = common::base(2);
    let ids = Golden::open().ids("causal.ids");
    let targets: Vec<i64> =
        ids[1..].iter().enumerate().map(|(i, &t)| if i % 5 == 0 { -1 } else { i64::from(t) }).collect();
    for choice in choices(network.spec().mask) {
        compare(&network, &ids, &choice, &targets);
    }
}

#[test]
fn a_vocabulary_that_no_tile_divides_loses_no_token() {
    let home = tempfile::tempdir().unwrap();
    let network = tiny(home.path(), 2);
    let ids: Vec<u32> = (0..90).map(|i| i * 3).collect();
    let targets: Vec<i64> = (0..89).map(|i| 211 + i).collect();
    for choice in choices(network.spec().mask) {
        compare(&network, &ids, &choice, &targets);
    }
    let all_but_last = Choice { forbid: (0..299).collect(), ..Choice::default() };
    let (positions, mut cache) = (counting(0, 2), network.cache());
    let ask = Ask { choice: &all_but_last, rows: 1..2, targets: Some(&[5]) };
    let mut pass = [text(&mut cache, &[1, 2], &positions, See::Causal)];
    let found = network.propose(&mut pass, &[ask], Precision::Int8, &Cancel::never()).unwrap().remove(0);
    assert_eq!((found.token[0], found.log_prob[0], found.entropy[0], found.margin[0]), (299, 0.0, 0.0, 1.0));
    assert!(found.target_log_prob[0].is_finite(), "a target is scored over the whole vocabulary");
}

#[test]
fn a_proposal_of_many_rows_has_an_answer_for_each_pass_in_order() {
    let home = tempfile::tempdir().unwrap();
    let network = tiny(home.path(), 2);
    let (positions, greedy) = (counting(0, 150), Choice::default());
    let ids: Vec<u32> = (0..150).map(|i| (i * 7) % 300).collect();
    let (mut a, mut b, mut c) = (network.cache(), network.cache(), network.cache());
    let mut passes = [
        text(&mut a, &ids, &positions, See::Causal),
        text(&mut b, &ids[..5], &positions[..5], See::Canvas),
        text(&mut c, &ids[..9], &positions[..9], See::Causal),
    ];
    let ask = |rows| Ask { choice: &greedy, rows, targets: None };
    let asks = [ask(0..150), ask(2..2), ask(3..9)];
    let found = network.propose(&mut passes, &asks, Precision::Int8, &Cancel::never()).unwrap();
    assert_eq!(found.iter().map(|p| p.token.len()).collect::<Vec<_>>(), [150, 0, 6]);
    assert_eq!(found[2].token, found[0].token[3..9], "equal rows of two passes answer alike");
}
