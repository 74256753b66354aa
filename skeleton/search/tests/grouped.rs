//! Groups change what is read, not what is a hit: whatever reads all gives what codes without groups give.
#![allow(clippy::unwrap_used)]
mod common;
use common::drawn;
use foundation::{Fault, Outcome, pool::Pool};
use search::{Bitmap, Effort, Metric, Quantised};
use std::path::Path;
use std::sync::OnceLock;

const METRICS: [Metric; 3] = [Metric::Cosine, Metric::InnerProduct, Metric::L2];
const ROWS: usize = 17_000;
const WIDTH: usize = 24;

/// 100 tight clusters.
fn vectors() -> &'static [f32] {
    static VECTORS: OnceLock<Vec<f32>> = OnceLock::new();
    VECTORS.get_or_init(|| drawn(21, ROWS + 100, WIDTH, 100, 0.2))
}

fn plain(metric: Metric) -> Quantised {
    let mut quantised = Quantised::new(WIDTH, metric, 1).unwrap();
    quantised.extend(&vectors()[..ROWS * WIDTH]).unwrap();
    quantised
}

fn grouped(metric: Metric) -> Quantised {
    let mut quantised = plain(metric);
    assert!(quantised.group(&vectors()[..ROWS * WIDTH]).unwrap(), "{metric:?}");
    assert_eq!(quantised.grouped(), ROWS);
    quantised
}

fn queries() -> impl Iterator<Item = &'static [f32]> {
    vectors()[..40 * WIDTH].chunks_exact(WIDTH)
}

fn read(bytes: &[u8]) -> Outcome<Quantised> {
    Quantised::from_bytes(bytes, Path::new("codes"))
}

#[test]
fn rows_with_clusters_are_found_among_the_groups_near_the_query() {
    for metric in [Metric::Cosine, Metric::L2] {
        let quantised = grouped(metric);
        let rows = &vectors()[..ROWS * WIDTH];
        for (deviations, least) in [(2.0, 0.985), (3.0, 0.995)] {
            let effort = Effort::deviations(deviations).unwrap();
            let recall = quantised.recall(&rows[..200 * WIDTH], rows, 10, None, effort).unwrap();
            assert!(recall >= least, "{metric:?} {deviations} {recall}");
        }
    }
}

#[test]
fn what_reads_all_groups_gives_what_codes_without_groups_give() {
    let far = Effort::deviations(1e4).unwrap();
    let allow = Bitmap::from_bools(&(0..ROWS as u64).map(|r| common::mix(r).is_multiple_of(3)).collect::<Vec<_>>());
    for metric in METRICS {
        let (plain, rows) = (plain(metric), &vectors()[..ROWS * WIDTH]);
        let mut quantised = plain.clone();
        quantised.group(rows).unwrap();
        for query in queries() {
            for (allow, effort) in [(None, far), (Some(&allow), far), (Some(&allow), Effort::ALL)] {
                let want = plain.top_k(query, rows, 9, allow, effort).unwrap();
                assert_eq!(quantised.top_k(query, rows, 9, allow, effort).unwrap(), want);
            }
        }
    }
}

#[test]
fn rows_that_come_and_go_after_the_grouping_are_found_and_gone() {
    let mut quantised = grouped(Metric::Cosine);
    quantised.extend(&vectors()[ROWS * WIDTH..]).unwrap();
    assert_eq!((quantised.len(), quantised.grouped()), (ROWS + 100, ROWS));
    let top = |quantised: &Quantised, row: usize| {
        let query = &vectors()[row * WIDTH..][..WIDTH];
        let hits = quantised.top_k(query, vectors(), 3, None, Effort::default()).unwrap();
        hits.iter().map(|hit| hit.row).collect::<Vec<_>>()
    };
    let mine = [5, 9_000, ROWS + 1, ROWS + 99];
    mine.iter().for_each(|&row| assert_eq!(top(&quantised, row)[0], row));
    quantised.remove(&mine).unwrap();
    for again in [read(&quantised.to_bytes()).unwrap(), quantised.clone()] {
        mine.iter().for_each(|&row| assert!(!top(&again, row).contains(&row) && top(&again, row).len() == 3));
    }
    // With most rows gone, as many hits come as were asked for.
    let most: Vec<usize> = (0..ROWS + 100).filter(|row| row % 50 != 7).collect();
    quantised.remove(&most).unwrap();
    let hits = quantised.top_k(&vectors()[..WIDTH], vectors(), 300, None, Effort::default()).unwrap();
    assert!(hits.len() == 300 && hits.iter().all(|hit| hit.row % 50 == 7));
}

#[test]
fn groups_come_back_from_bytes_and_are_the_same_on_any_number_of_threads() {
    let alone = grouped(Metric::L2);
    let again = read(&alone.to_bytes()).unwrap();
    assert_eq!((again.grouped(), again.to_bytes()), (ROWS, alone.to_bytes()));
    let pooled = Pool::new(3).unwrap().run(|| grouped(Metric::L2));
    assert_eq!(pooled.to_bytes(), alone.to_bytes());
    for query in queries() {
        let top = |q: &Quantised| q.top_k(query, &vectors()[..ROWS * WIDTH], 5, None, Effort::default()).unwrap();
        assert_eq!(top(&again), top(&alone));
    }
}

#[test]
fn groups_that_cannot_be_are_refused_and_those_that_can_do_no_harm() {
    let bytes = grouped(Metric::Cosine).to_bytes();
    let seal = |mut bytes: Vec<u8>| {
        let body = bytes.len() - 4;
        let sum = crc32c::crc32c(&bytes[..body]).to_le_bytes();
        bytes[body..].copy_from_slice(&sum);
        bytes
    };
    let start = 40 + ROWS * (72 + 8) + ROWS / 8;
    let lies = [
        (0, 0u32),
        (0, 1),
        (0, u32::MAX),
        (4, 1),
        (8, 0),
        (8, u32::MAX),
        (12, 1),
        (16, u32::MAX),
        (24, 1 << 31),
        (24, 7),
    ];
    for (place, value) in lies {
        let mut bytes = bytes.clone();
        bytes[start + place..][..4].copy_from_slice(&value.to_le_bytes());
        let refused = matches!(read(&seal(bytes)), Err(Fault::Corrupt { .. }));
        assert!(refused, "{place} {value}");
    }
    for place in (0..bytes.len()).step_by(7001).chain(start..start + 40) {
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x40;
        assert!(matches!(read(&bytes), Err(Fault::Corrupt { .. })), "{place}");
        if let Ok(quantised) = read(&seal(bytes))
            && quantised.width() == WIDTH
        {
            quantised.top_k(&vectors()[..WIDTH], &vectors()[..ROWS * WIDTH], 3, None, Effort::default()).unwrap();
        }
    }
    for length in (0..bytes.len()).step_by(9973) {
        assert!(read(&seal(bytes[..length.max(4)].to_vec())).is_err(), "{length}");
    }
}

#[test]
fn few_rows_and_rows_without_clusters_are_left_as_they_are() {
    for (rows, width) in [(1000, WIDTH), (17_000, 100)] {
        let numbers = drawn(3, rows, width, 0, 1.0);
        let mut quantised = Quantised::new(width, Metric::Cosine, 1).unwrap();
        quantised.extend(&numbers).unwrap();
        let before = quantised.to_bytes();
        assert!(!quantised.group(&numbers).unwrap());
        assert_eq!((quantised.grouped(), quantised.to_bytes()), (0, before));
        assert!(matches!(quantised.group(&numbers[width..]), Err(Fault::Shape { .. })));
    }
}
