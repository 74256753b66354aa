//! The quantised search gives what the exact one gives, but for a chance of a miss that the effort names.
#![allow(clippy::unwrap_used)]
mod common;
use common::drawn;
use foundation::{Fault, pool::Pool};
use proptest::prelude::*;
use search::{Bitmap, Effort, Flat, Hit, Metric, Quantised};

const METRICS: [Metric; 3] = [Metric::Cosine, Metric::InnerProduct, Metric::L2];

fn of(vectors: &[f32], width: usize, metric: Metric) -> Quantised {
    let mut quantised = Quantised::new(width, metric, 1).unwrap();
    quantised.extend(vectors).unwrap();
    quantised
}

fn deviations(deviations: f32) -> Effort {
    Effort::deviations(deviations).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// A very great effort lets every row through the codes, so that they themselves are tested, not the way around them.
    #[test]
    fn an_effort_that_covers_all_finds_what_the_exact_search_finds(
        width in 1usize..150,
        rows in 300usize..2000,
        seed in any::<u32>(),
        whole in any::<bool>(),
        k in 1usize..60,
        kept in prop::option::of(1u64..6),
        metric in prop::sample::select(METRICS.to_vec()),
    ) {
        let mut numbers = drawn(u64::from(seed) % 1000, rows + 1, width, 0, 2.0);
        // Whole numbers make ties.
        numbers.iter_mut().filter(|_| whole).for_each(|x| *x = x.round());
        let (query, vectors) = numbers.split_at(width);
        let allow = kept.map(|kept| Bitmap::from_bools(&(0..rows as u64).map(|r| common::mix(r).is_multiple_of(kept)).collect::<Vec<_>>()));
        let want = Flat::new(width, metric).unwrap().top_k(query, vectors, k, allow.as_ref()).unwrap();
        let quantised = of(vectors, width, metric);
        for effort in [Effort::ALL, deviations(1e4)] {
            prop_assert_eq!(&quantised.top_k(query, vectors, k, allow.as_ref(), effort).unwrap(), &want);
        }
    }

    /// Whatever the effort: allowed rows only, as many as there are, true scores, best first, ties by the lower row.
    #[test]
    fn hits_are_allowed_true_and_in_order_at_any_effort(
        width in 1usize..100,
        rows in 300usize..1500,
        effort in 0f32..4.0,
        k in 1usize..40,
        kept in 1u64..5,
        metric in prop::sample::select(METRICS.to_vec()),
    ) {
        let mut numbers = drawn(3, rows + 1, width, 5, 0.7);
        numbers.iter_mut().for_each(|x| *x = x.round());
        let (query, vectors) = numbers.split_at(width);
        let allow = Bitmap::from_bools(&(0..rows as u64).map(|r| common::mix(r).is_multiple_of(kept)).collect::<Vec<_>>());
        let all = Flat::new(width, metric).unwrap().top_k(query, vectors, rows, Some(&allow)).unwrap();
        let hits = of(vectors, width, metric).top_k(query, vectors, k, Some(&allow), deviations(effort)).unwrap();
        prop_assert_eq!(hits.len(), k.min(allow.count()));
        // In the order of the full list, with its scores, each once.
        let mut rest = all.iter();
        prop_assert!(hits.iter().all(|hit| rest.any(|one| one == hit)), "{hits:?}");
    }

    /// Codes are made row by row: how they came does not matter.
    #[test]
    fn appending_in_parts_is_appending_at_once(width in 1usize..130, parts in prop::collection::vec(0usize..40, 1..8)) {
        let vectors = drawn(4, parts.iter().sum(), width, 0, 1.0);
        for metric in METRICS {
            let mut grown = Quantised::new(width, metric, 1).unwrap();
            let mut rest = &vectors[..];
            for part in &parts {
                let (now, later) = rest.split_at(part * width);
                grown.extend(now).unwrap();
                rest = later;
            }
            prop_assert_eq!(grown.len(), vectors.len() / width);
            prop_assert_eq!(grown.to_bytes(), of(&vectors, width, metric).to_bytes());
        }
    }
}

#[test]
fn the_default_effort_misses_about_one_hit_in_a_thousand_at_most() {
    let (rows, width, count) = (20_000, 128, 60);
    for (clusters, spread) in [(0, 1.0), (200, 1.0), (200, 0.3)] {
        let numbers = drawn(5, rows + count, width, clusters, spread);
        let (queries, vectors) = numbers.split_at(count * width);
        for metric in METRICS {
            let quantised = of(vectors, width, metric);
            let recall = |effort| quantised.recall(queries, vectors, 10, None, effort).unwrap();
            assert!(recall(Effort::default()) >= 0.998, "{clusters} {spread} {metric:?} {}", recall(Effort::default()));
            assert!(recall(deviations(0.0)) < 1.0);
            assert_eq!(recall(Effort::ALL), 1.0);
        }
    }
}

#[test]
fn a_deleted_row_is_gone_and_the_next_takes_its_place() {
    let (rows, width) = (3000, 64);
    let numbers = drawn(6, rows, width, 0, 1.0);
    let quantised = of(&numbers, width, Metric::Cosine);
    let mut allow = Bitmap::all(rows);
    let top = |allow: &Bitmap| quantised.top_k(&numbers[..width], &numbers, 3, Some(allow), Effort::default()).unwrap();
    let before = top(&allow);
    assert_eq!(before[0].row, 0);
    allow.remove(0).unwrap();
    assert_eq!(top(&allow)[..2], before[1..]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Removing is leaving out of every search, in any number of steps, before and after appending.
    #[test]
    fn a_removed_row_is_one_that_no_filter_allows(
        width in 1usize..80,
        parts in prop::collection::vec((0usize..600, prop::collection::vec(any::<prop::sample::Index>(), 0..40)), 1..4),
        kept in prop::option::of(1u64..4),
        effort in prop::sample::select(vec![0.5f32, 3.0, f32::INFINITY]),
    ) {
        let rows: usize = parts.iter().map(|(rows, _)| rows).sum();
        let numbers = drawn(9, rows + 1, width, 0, 1.0);
        let (query, vectors) = numbers.split_at(width);
        let mut thinned = Quantised::new(width, Metric::L2, 1).unwrap();
        let mut left = vec![true; rows];
        for (rows, removed) in &parts {
            let old = thinned.len();
            thinned.extend(&vectors[old * width..][..rows * width]).unwrap();
            let removed: Vec<usize> = removed.iter().filter(|_| !thinned.is_empty()).map(|r| r.index(thinned.len())).collect();
            thinned.remove(&removed).unwrap();
            removed.iter().for_each(|&row| left[row] = false);
        }
        prop_assert_eq!(thinned.removed(), left.iter().filter(|left| !**left).count());
        let allow = kept.map(|kept| (0..rows as u64).map(|r| common::mix(r).is_multiple_of(kept)).collect::<Vec<_>>());
        let both: Vec<bool> = left.iter().enumerate().map(|(r, left)| *left && allow.as_ref().is_none_or(|a| a[r])).collect();
        let allow = allow.map(|allow| Bitmap::from_bools(&allow));
        let hits = thinned.top_k(query, vectors, 9, allow.as_ref(), deviations(effort)).unwrap();
        let want = of(vectors, width, Metric::L2).top_k(query, vectors, 9, Some(&Bitmap::from_bools(&both)), deviations(effort));
        prop_assert_eq!(hits, want.unwrap());
        prop_assert_eq!(thinned.recall(query, vectors, 9, allow.as_ref(), Effort::ALL).unwrap(), 1.0);
        let again = Quantised::from_bytes(&thinned.to_bytes(), std::path::Path::new("codes")).unwrap();
        prop_assert_eq!((again.removed(), again.to_bytes()), (thinned.removed(), thinned.to_bytes()));
    }
}

#[test]
fn a_search_of_many_parts_gives_the_same_bits_on_any_number_of_threads() {
    let (rows, width) = (600_000, 8);
    let numbers = drawn(10, rows, width, 0, 1.0);
    let quantised = of(&numbers, width, Metric::InnerProduct);
    let search = || quantised.top_k(&numbers[..width], &numbers, 10, None, Effort::default()).unwrap();
    let want = search();
    assert_eq!(Pool::new(3).unwrap().run(search), want);
    let exact = Flat::new(width, Metric::InnerProduct).unwrap().top_k(&numbers[..width], &numbers, 10, None).unwrap();
    assert!(want.iter().filter(|hit| exact.contains(hit)).count() >= 9, "{want:?} {exact:?}");
}

#[test]
fn rows_that_are_all_the_same_come_by_row() {
    let vectors = [0.3f32, -0.7, 2.0].repeat(5000);
    for metric in METRICS {
        let hits = of(&vectors, 3, metric).top_k(&[1.0, 0.5, 0.2], &vectors, 20, None, Effort::default()).unwrap();
        assert_eq!(hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
        let zeros = vec![0.0; 3000];
        let hits = of(&zeros, 3, metric).top_k(&[0.0; 3], &zeros, 2, None, Effort::default()).unwrap();
        assert_eq!(hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), [0, 1]);
    }
}

#[test]
fn a_batch_gives_what_one_by_one_gives_whatever_the_threads() {
    let (rows, width) = (4000, 100);
    let numbers = drawn(7, rows, width, 20, 0.5);
    let queries = &numbers[..30 * width];
    let alone = of(&numbers, width, Metric::L2);
    let search = |q: &Quantised| q.top_k_of_each(queries, &numbers, 5, None, Effort::default()).unwrap();
    let want: Vec<Vec<Hit>> =
        queries.chunks(width).map(|query| alone.top_k(query, &numbers, 5, None, Effort::default()).unwrap()).collect();
    assert_eq!(search(&alone), want);
    let pool = Pool::new(3).unwrap();
    let pooled = pool.run(|| of(&numbers, width, Metric::L2));
    assert_eq!(pooled.to_bytes(), alone.to_bytes());
    assert_eq!(pool.run(|| search(&pooled)), want);
}

#[test]
fn what_is_no_vector_is_refused_and_nothing_is_appended() {
    for metric in METRICS {
        let mut quantised = of(&[1.0, 2.0], 2, metric);
        for bad in [f32::NAN, f32::INFINITY, f32::MAX] {
            assert!(matches!(quantised.extend(&[1.0, 1.0, bad, bad]), Err(Fault::OutOfRange { .. })));
        }
        assert!(matches!(quantised.extend(&[1.0; 3]), Err(Fault::Shape { .. })));
        assert!(matches!(quantised.remove(&[0, 1]), Err(Fault::OutOfRange { .. })));
        assert_eq!(quantised.removed(), 0);
        assert_eq!((quantised.len(), quantised.is_empty()), (1, false));
        let top = |query: &[f32], vectors: &[f32]| quantised.top_k(query, vectors, 1, None, Effort::default());
        assert!(matches!(top(&[f32::NAN, 0.0], &[1.0, 2.0]), Err(Fault::OutOfRange { .. })));
        assert!(matches!(top(&[1.0], &[1.0, 2.0]), Err(Fault::Shape { .. })));
        assert!(matches!(top(&[1.0, 0.0], &[1.0; 4]), Err(Fault::Shape { .. })));
        assert!(matches!(top(&[1.0, 0.0], &[]), Err(Fault::Shape { .. })));
        assert!(top(&[1.0, 0.0], &[1.0, 2.0]).is_ok());
        assert!(matches!(quantised.top_k_of_each(&[1.0], &[1.0, 2.0], 1, None, Effort::ALL), Err(Fault::Shape { .. })));
        let empty = Quantised::new(2, metric, 0).unwrap();
        assert!(empty.top_k(&[1.0, 0.0], &[], 5, None, Effort::default()).unwrap().is_empty());
        assert_eq!(empty.recall(&[1.0, 0.0], &[], 5, None, Effort::default()).unwrap(), 1.0);
    }
    assert!(matches!(Quantised::new(0, Metric::L2, 0), Err(Fault::OutOfRange { .. })));
    assert!(matches!(Quantised::new(65_537, Metric::L2, 0), Err(Fault::OutOfRange { .. })));
    assert!(matches!(Effort::deviations(f32::NAN), Err(Fault::OutOfRange { .. })));
    assert!(matches!(Effort::deviations(-1.0), Err(Fault::OutOfRange { .. })));
}
