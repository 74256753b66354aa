//! The laws that self-speculation, batching and caches stand on: a row's bits are its own, whatever stands beside it.
#![allow(clippy::unwrap_used)]
mod common;
use common::{Golden, base, bits, counting, numbers, text};
use forward::{Ask, Cache, Choice, Input, Network, Pass, Precision, Proposal, See};
use foundation::{Cancel, Fault};
use std::time::{Duration, Instant};

fn hidden(network: &Network, passes: &mut [Pass], precision: Precision) -> Vec<Vec<u32>> {
    network.hidden(passes, precision, &Cancel::never()).unwrap().iter().map(|h| bits(h)).collect()
}

fn propose_all(network: &Network, pass: Pass, choice: &Choice) -> Proposal {
    let ask = Ask { choice, rows: 0..pass.len(), targets: None };
    network.propose(&mut [pass], &[ask], Precision::Int8, &Cancel::never()).unwrap().remove(0)
}

#[test]
fn a_prefix_built_in_pieces_equals_one_pass_to_the_bit() {
    let (network, ids) = (base(2), Golden::open().ids("causal.ids"));
    let positions = counting(0, ids.len());
    for precision in [Precision::Int8, Precision::F32] {
        let mut whole = network.cache();
        let at_once = hidden(&network, &mut [text(&mut whole, &ids, &positions, See::Causal)], precision).remove(0);
        for piece in [1, 5] {
            let (mut cache, mut found) = (network.cache(), Vec::new());
            for (ids, positions) in ids.chunks(piece).zip(positions.chunks(piece)) {
                found.extend(
                    hidden(&network, &mut [text(&mut cache, ids, positions, See::Causal)], precision).remove(0),
                );
            }
            assert_eq!(found, at_once, "pieces of {piece} in {precision:?}");
            assert_eq!(cache.len(), whole.len());
        }
    }
}

/// A prefix of each length, and passes of every sort behind them.
fn sorts<'a>(
    caches: &'a mut [Cache],
    ids: &'a [u32],
    positions: &'a [f32],
    x: &'a [f32],
    time: &'a [f32],
) -> Vec<Pass<'a>> {
    let mut passes = Vec::new();
    for (i, cache) in caches.iter_mut().enumerate() {
        let n = cache.len();
        passes.push(match i {
            0 => text(cache, &ids[n..n + 1], &positions[n..n + 1], See::Causal),
            1 => text(cache, &ids[n..], &positions[n..ids.len()], See::Causal),
            2 => text(cache, &ids[..7], &positions[n..n + 7], See::Canvas),
            _ => {
                let rows = &positions[n..n + time.len()];
                Pass { cache, input: Input::Vectors { kind: "plan", x, time }, rows, columns: rows, see: See::Canvas }
            }
        });
    }
    passes
}

#[test]
fn a_batch_of_unequal_passes_equals_each_pass_alone_on_any_number_of_threads() {
    let (ids, positions) = (Golden::open().ids("causal.ids"), counting(0, 100));
    let (x, time) = (numbers(4, 64 * 24), [vec![0.0; 3], vec![0.7; 61]].concat());
    let mut seen = Vec::new();
    for threads in [1, 2] {
        let network = base(threads);
        let mut caches: Vec<Cache> = (0..4).map(|_| network.cache()).collect();
        for (cache, n) in caches.iter_mut().zip([0, 3, 11, 20]) {
            let prefix = text(cache, &ids[..n], &positions[..n], See::Causal);
            if n > 0 {
                network.trunk(&mut [prefix], Precision::Int8, &Cancel::never()).unwrap();
            }
        }
        let mut alone_caches = caches.clone();
        let alone: Vec<Vec<u32>> = sorts(&mut alone_caches, &ids, &positions, &x, &time)
            .into_iter()
            .map(|pass| hidden(&network, &mut [pass], Precision::Int8).remove(0))
            .collect();
        let together = hidden(&network, &mut sorts(&mut caches, &ids, &positions, &x, &time), Precision::Int8);
        assert_eq!(together, alone);
        seen.push(together);
    }
    assert_eq!(seen[0], seen[1]);
}

/// `count` tokens behind a prompt, one pass a token.
fn next_token(network: &Network, prompt: &[u32], count: usize, choice: &Choice) -> Vec<u32> {
    let positions = counting(0, prompt.len() + count);
    let (mut cache, mut ids) = (network.cache(), prompt.to_vec());
    while ids.len() < prompt.len() + count {
        let from = cache.len();
        let pass = text(&mut cache, &ids[from..], &positions[from..ids.len()], See::Causal);
        let token = propose_all(network, pass, choice).token;
        ids.push(token[token.len() - 1]);
    }
    ids.split_off(prompt.len())
}

/// The same by drafting `block` places on a canvas and verifying them in one causal pass; also how many passes it took.
fn speculate(network: &Network, prompt: &[u32], count: usize, choice: &Choice, block: usize) -> (Vec<u32>, usize) {
    let positions = counting(0, prompt.len() + count + block);
    let (mut cache, mut ids, mut passes) = (network.cache(), prompt.to_vec(), 1);
    let first = propose_all(network, text(&mut cache, prompt, &positions[..prompt.len()], See::Causal), choice).token;
    let mut anchor = first[prompt.len() - 1];
    let no_mask = Choice { forbid: vec![network.spec().mask], ..choice.clone() };
    while ids.len() < prompt.len() + count {
        let start = cache.len();
        let places = &positions[start..start + block];
        let mut draft = vec![network.spec().mask; block];
        draft[0] = anchor;
        let guess = propose_all(network, text(&mut cache, &draft, places, See::Canvas), &no_mask).token;
        draft[1..].copy_from_slice(&guess[..block - 1]);
        let truth = propose_all(network, text(&mut cache, &draft, places, See::Causal), choice).token;
        let kept = 1 + (1..block).take_while(|&k| draft[k] == truth[k - 1]).count();
        cache.truncate(start + kept).unwrap();
        ids.extend(&draft[..kept]);
        anchor = truth[kept - 1];
        passes += 2;
    }
    ids.truncate(prompt.len() + count);
    (ids.split_off(prompt.len()), passes)
}

#[test]
fn greedy_self_speculation_gives_the_tokens_of_next_token_decoding() {
    let (network, prompt) = (base(2), Golden::open().ids("causal.ids"));
    let greedy = Choice::default();
    let plain = next_token(&network, &prompt, 40, &greedy);
    for block in [4, 16] {
        let (found, passes) = speculate(&network, &prompt, 40, &greedy, block);
        assert_eq!(found, plain, "blocks of {block}");
        assert!(passes < 41, "drafts were of no use: {passes} passes for 40 tokens");
    }
}

#[test]
fn seeded_self_speculation_gives_the_tokens_of_seeded_next_token_decoding() {
    let (network, prompt) = (base(2), Golden::open().ids("causal.ids"));
    for (seed, temperature, min_p) in [(1, 0.6, 0.0), (2, 0.9, 0.05), (3, 1.0, 0.0)] {
        let choice = Choice { temperature, min_p, seed, ..Choice::default() };
        let plain = next_token(&network, &prompt, 24, &choice);
        assert_eq!(plain, next_token(&network, &prompt, 24, &choice), "the same seed gave other tokens");
        assert_eq!(speculate(&network, &prompt, 24, &choice, 8).0, plain, "seed {seed}");
    }
    let drawn = |seed| next_token(&network, &prompt, 24, &Choice { temperature: 1.0, seed, ..Choice::default() });
    assert_ne!(drawn(1), drawn(2), "two seeds gave the same 24 tokens");
}

#[test]
fn a_fork_and_its_origin_grow_apart() {
    let (network, ids) = (base(1), Golden::open().ids("causal.ids"));
    let positions = counting(0, ids.len());
    let mut origin = network.cache();
    network
        .trunk(&mut [text(&mut origin, &ids[..8], &positions[..8], See::Causal)], Precision::Int8, &Cancel::never())
        .unwrap();
    let mut fork = origin.clone();
    let other = [ids[12], ids[13]];
    hidden(&network, &mut [text(&mut fork, &other, &positions[8..10], See::Causal)], Precision::Int8);
    assert_eq!((origin.len(), fork.len()), (8, 10));
    let behind_origin =
        hidden(&network, &mut [text(&mut origin, &ids[8..], &positions[8..], See::Causal)], Precision::Int8);
    let mut fresh = network.cache();
    let fresh = hidden(&network, &mut [text(&mut fresh, &ids, &positions, See::Causal)], Precision::Int8);
    assert_eq!(behind_origin[0], fresh[0][8 * network.spec().width..]);
}

#[test]
fn a_call_that_ends_between_layers_leaves_its_prefix_as_it_was() {
    let (network, ids) = (base(1), Golden::open().ids("causal.ids"));
    let positions = counting(0, 4096);
    let mut cache = network.cache();
    network
        .trunk(&mut [text(&mut cache, &ids[..5], &positions[..5], See::Causal)], Precision::Int8, &Cancel::never())
        .unwrap();
    let long = vec![ids[5]; 4000];
    let soon = Cancel::at(Instant::now() + Duration::from_millis(20));
    let ended = network.trunk(&mut [text(&mut cache, &long, &positions[5..4005], See::Causal)], Precision::Int8, &soon);
    assert!(matches!(ended, Err(Fault::Deadline)));
    let withdrawn = Cancel::never();
    withdrawn.cancel();
    let ended =
        network.trunk(&mut [text(&mut cache, &long, &positions[5..4005], See::Causal)], Precision::Int8, &withdrawn);
    assert!(matches!(ended, Err(Fault::Cancelled)));
    assert_eq!(cache.len(), 5);
    let behind =
        hidden(&network, &mut [text(&mut cache, &ids[5..], &positions[5..ids.len()], See::Causal)], Precision::Int8);
    let mut fresh = network.cache();
    let fresh = hidden(&network, &mut [text(&mut fresh, &ids, &positions[..ids.len()], See::Causal)], Precision::Int8);
    assert_eq!(behind[0], fresh[0][5 * network.spec().width..]);
}

#[test]
fn callers_at_the_same_time_get_what_each_gets_alone_to_the_bit() {
    let (network, ids) = (base(2), Golden::open().ids("causal.ids"));
    let work = |from: usize| {
        let (mut cache, positions) = (network.cache(), counting(0, ids.len()));
        let mut all = Vec::new();
        for _ in 0..6 {
            let pass = text(&mut cache, &ids[from..], &positions[from..], See::Canvas);
            all.extend(hidden(&network, &mut [pass], Precision::Int8));
        }
        all
    };
    let alone: Vec<_> = (0..4).map(work).collect();
    let together: Vec<_> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|from| {
                scope.spawn({
                    let work = &work;
                    move || work(from)
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert_eq!(together, alone);
}
