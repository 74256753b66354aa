//! Networks of other constructions, as imported checkpoints have them: each computes what the plain reference does, and keeps the law of rows.
#![allow(clippy::unwrap_used)]
mod common;
use common::reference::Reference;
use common::tiny::{folder, variant, variant_sources};
use common::{apart, bits, counting, open, text};
use forward::import::from_score_folder;
use forward::noise::Noise;
use forward::{Ask, Choice, Network, Precision, Proposal, See};
use foundation::Cancel;
use std::ops::Range;
use std::path::Path;

const PREFIX_CANVAS: &str = r#""prefix causal, canvas bidirectional""#;
const BIDIRECTIONAL: &str = r#""bidirectional""#;
const BLOCKS: &str = r#""block-causal", "attention_block": 4"#;
const IDS: [u32; 11] = [5, 9, 250, 17, 4, 88, 3, 3, 120, 3, 77];
const EXACT: Precision = Precision::F32;

fn made(home: &Path, norms: bool, tied: bool, attention: &str, prediction: &str) -> Network {
    folder(&home.join("in"), &variant(norms, tied, attention, prediction), &variant_sources(norms, tied));
    from_score_folder(home.join("in"), home.join("out")).unwrap();
    open(&home.join("out"), 2)
}

/// Logits of `IDS`, cut into passes that end at `ends`; all but the last are kept, and the last where it sees causally.
fn logits(network: &Network, ends: &[usize], last: See) -> Vec<f32> {
    let (mut cache, positions, mut start, mut all) = (network.cache(), counting(0, IDS.len()), 0, Vec::new());
    for &end in ends {
        let see = if end == ends[ends.len() - 1] { last } else { See::Causal };
        let mut pass = [text(&mut cache, &IDS[start..end], &positions[start..end], see)];
        all.extend(network.logits(&mut pass, EXACT, &Cancel::never()).unwrap().remove(0));
        start = end;
    }
    all
}

#[test]
fn every_construction_gives_the_logits_of_the_plain_reference() {
    for (norms, tied) in [(true, true), (false, true), (true, false), (false, false)] {
        for (attention, prefix, ends, last) in [
            (PREFIX_CANVAS, 11, &[11][..], See::Causal),
            (PREFIX_CANVAS, 4, &[4, 11], See::Canvas),
            (BIDIRECTIONAL, 0, &[11], See::Canvas),
            (BLOCKS, 0, &[11], See::Canvas),
            (BLOCKS, 0, &[8, 11], See::Canvas),
            (BLOCKS, 0, &[4, 8, 11], See::Canvas),
            (BLOCKS, 0, &[4, 11], See::Canvas),
        ] {
            let home = tempfile::tempdir().unwrap();
            let network = made(home.path(), norms, tied, attention, "shifted");
            let want = Reference::open(&home.path().join("out")).logits(&IDS, prefix);
            let difference = apart(&logits(&network, ends, last), &want);
            assert!(difference < 1e-4, "norms {norms}, tied {tied}, {attention}, {ends:?}: {difference}");
        }
    }
}

#[test]
fn each_switch_makes_a_difference() {
    let one = |norms, tied, attention: &str| {
        let home = tempfile::tempdir().unwrap();
        logits(&made(home.path(), norms, tied, attention, "shifted"), &[11], See::Canvas)
    };
    let plain = one(true, true, PREFIX_CANVAS);
    for (norms, tied, attention) in [(false, true, PREFIX_CANVAS), (true, false, PREFIX_CANVAS), (true, true, BLOCKS)] {
        assert!(apart(&one(norms, tied, attention), &plain) > 0.01);
    }
    assert_eq!(bits(&one(true, true, BIDIRECTIONAL)), bits(&plain), "a canvas behind nothing sees all of itself");
}

#[test]
fn a_block_causal_prefix_kept_in_pieces_equals_one_pass_to_the_bit() {
    let home = tempfile::tempdir().unwrap();
    let network = made(home.path(), true, false, BLOCKS, "same");
    let whole = bits(&logits(&network, &[8, 11], See::Canvas));
    for ends in [&[11][..], &[4, 11], &[4, 8, 11]] {
        assert_eq!(bits(&logits(&network, ends, See::Canvas)), whole, "{ends:?}");
    }
}

/// What is said of some rows of `IDS[4..]` behind a kept prefix of four tokens (none in a bidirectional network).
fn said(network: &Network, kept: usize, see: See, precision: Precision, rows: Range<usize>) -> (Proposal, usize) {
    let (mut cache, positions, never) = (network.cache(), counting(0, IDS.len()), Cancel::never());
    if kept > 0 {
        network
            .trunk(&mut [text(&mut cache, &IDS[..kept], &positions[..kept], See::Causal)], precision, &never)
            .unwrap();
    }
    let end = if see == See::Causal { 8 } else { IDS.len() };
    let choice = Choice { temperature: 0.8, seed: 5, ..Choice::default() };
    let targets = vec![7; rows.len()];
    let ask = Ask { choice: &choice, rows, targets: Some(&targets) };
    let mut pass = [text(&mut cache, &IDS[kept..end], &positions[kept..end], see)];
    let proposal = network.propose(&mut pass, &[ask], precision, &never).unwrap().remove(0);
    (proposal, cache.len())
}

fn some(all: &Proposal, rows: Range<usize>) -> Proposal {
    Proposal {
        token: all.token[rows.clone()].to_vec(),
        log_prob: all.log_prob[rows.clone()].to_vec(),
        entropy: all.entropy[rows.clone()].to_vec(),
        margin: all.margin[rows.clone()].to_vec(),
        target_log_prob: all.target_log_prob[rows].to_vec(),
    }
}

#[test]
fn what_is_said_of_a_row_does_not_depend_on_which_rows_are_asked() {
    for (attention, kept, see) in [
        (PREFIX_CANVAS, 4, See::Canvas),
        (PREFIX_CANVAS, 4, See::Causal),
        (PREFIX_CANVAS, 0, See::Causal),
        (BIDIRECTIONAL, 0, See::Canvas),
        (BLOCKS, 4, See::Canvas),
        (BLOCKS, 4, See::Causal),
        (BLOCKS, 0, See::Canvas),
    ] {
        let home = tempfile::tempdir().unwrap();
        let network = made(home.path(), true, true, attention, "same");
        for precision in [EXACT, Precision::Int8] {
            let rows = if see == See::Causal { 8 } else { IDS.len() } - kept;
            let (all, length) = said(&network, kept, see, precision, 0..rows);
            for asked in [0..0, 0..1, rows - 1..rows, 1..3, 2..rows] {
                let (found, same_length) = said(&network, kept, see, precision, asked.clone());
                assert_eq!(found, some(&all, asked.clone()), "{attention} {see:?} {precision:?} {asked:?}");
                assert_eq!(length, same_length);
            }
        }
    }
}

#[test]
fn asking_few_rows_of_a_batch_leaves_the_prefixes_that_asking_all_leaves() {
    let network = common::base(2);
    let (ids, positions, never) = (common::Golden::open().ids("causal.ids"), counting(0, 64), Cancel::never());
    let choice = Choice::default();
    let run = |asked: [Range<usize>; 3]| {
        let mut caches = [network.cache(), network.cache(), network.cache()];
        let [a, b, c] = &mut caches;
        network.trunk(&mut [text(b, &ids[..5], &positions[..5], See::Causal)], Precision::Int8, &never).unwrap();
        let mut passes = [
            text(a, &ids, &positions[..ids.len()], See::Causal),
            text(b, &ids[5..12], &positions[5..12], See::Canvas),
            text(c, &ids[..9], &positions[..9], See::Causal),
        ];
        let asks = asked.map(|rows| Ask { choice: &choice, rows, targets: None });
        let said = network.propose(&mut passes, &asks, Precision::Int8, &never).unwrap();
        let behind = caches.each_mut().map(|cache| {
            let at = cache.len();
            let mut pass = [text(cache, &ids[..4], &positions[at..at + 4], See::Causal)];
            bits(&network.hidden(&mut pass, Precision::Int8, &never).unwrap()[0])
        });
        (said, behind)
    };
    let (all, behind) = run([0..ids.len(), 0..7, 0..9]);
    let few = [ids.len() - 1..ids.len(), 2..5, 0..0];
    let (said, behind_few) = run(few.clone());
    assert_eq!(behind, behind_few);
    for ((all, said), rows) in all.iter().zip(&said).zip(few) {
        let all = some(all, rows);
        assert_eq!((&all.token, bits(&all.log_prob)), (&said.token, bits(&said.log_prob)));
        assert_eq!((bits(&all.entropy), bits(&all.margin)), (bits(&said.entropy), bits(&said.margin)));
    }
}

#[test]
fn a_network_of_the_same_place_draws_with_the_noise_of_that_place() {
    for (prediction, ahead) in [("same", 0), ("shifted", 1)] {
        let home = tempfile::tempdir().unwrap();
        let network = made(home.path(), true, true, BIDIRECTIONAL, prediction);
        let (said, _) = said(&network, 0, See::Canvas, EXACT, 0..IDS.len());
        for (place, row) in logits(&network, &[11], See::Canvas).chunks_exact(300).enumerate() {
            let noise = Noise::new(5, (place + ahead) as u64);
            let score = |token: u32| f64::from(row[token as usize]) / f64::from(0.8f32) + noise.gumbel(token);
            let winner = (0..300).max_by(|&a, &b| score(a).total_cmp(&score(b))).unwrap();
            assert_eq!(said.token[place], winner, "{prediction} at {place}");
        }
    }
}

#[test]
fn passes_that_a_law_of_attention_has_no_place_for_are_refused_by_name() {
    let (positions, never) = (counting(0, 11), Cancel::never());
    let refused = |network: &Network, kept: usize, rows: usize, see: See| {
        let mut cache = network.cache();
        if kept > 0 {
            network.trunk(&mut [text(&mut cache, &IDS[..8], &positions[..8], See::Causal)], EXACT, &never).unwrap();
            cache.truncate(kept).unwrap();
        }
        let mut pass = [text(&mut cache, &IDS[..rows], &positions[..rows], see)];
        let fault = network.trunk(&mut pass, EXACT, &never).unwrap_err().name();
        assert_eq!(cache.len(), kept);
        fault
    };
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let blocks = made(homes[0].path(), true, true, BLOCKS, "same");
    assert_eq!(refused(&blocks, 0, 3, See::Causal), "OutOfRange", "a block that is not whole");
    assert_eq!(refused(&blocks, 6, 2, See::Canvas), "OutOfRange", "a prefix that ends in a block");
    assert_eq!(blocks.block(0, &[0.0; 64], &[0.0], See::Causal, EXACT).unwrap_err().name(), "OutOfRange");
    let whole = made(homes[1].path(), true, true, BIDIRECTIONAL, "same");
    assert_eq!(refused(&whole, 0, 4, See::Causal), "Unsupported");
}
