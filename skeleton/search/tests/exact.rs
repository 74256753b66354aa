//! Exact search gives what sorting everything gives.
#![allow(clippy::unwrap_used)]
use foundation::Fault;
use proptest::prelude::*;
use search::{Bitmap, Flat, Hit, Metric};

const METRICS: [Metric; 3] = [Metric::Cosine, Metric::InnerProduct, Metric::L2];

/// The score in f64, by the definition.
fn naive(metric: Metric, query: &[f32], row: &[f32]) -> f64 {
    let pairs = || query.iter().zip(row).map(|(a, b)| (f64::from(*a), f64::from(*b)));
    let dot: f64 = pairs().map(|(a, b)| a * b).sum();
    let norms = (pairs().map(|(a, _)| a * a).sum::<f64>() * pairs().map(|(_, b)| b * b).sum::<f64>()).sqrt();
    // Minus zero and zero are one score.
    let score = match metric {
        Metric::InnerProduct => dot,
        Metric::Cosine => {
            if norms == 0.0 {
                0.0
            } else {
                dot / norms
            }
        }
        Metric::L2 => -pairs().map(|(a, b)| (a - b) * (a - b)).sum::<f64>(),
    };
    score + 0.0
}

fn sorted(metric: Metric, query: &[f32], vectors: &[f32], k: usize, allow: Option<&Bitmap>) -> Vec<(usize, f64)> {
    let rows =
        vectors.chunks(query.len()).enumerate().filter(|(row, _)| allow.is_none_or(|allow| allow.contains(*row)));
    let mut all: Vec<_> = rows.map(|(row, vector)| (row, naive(metric, query, vector))).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.truncate(k);
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Small whole numbers: inner products and squared distances are exact in f32 and ties are many.
    #[test]
    fn hits_are_the_head_of_a_full_sort(
        width in 1usize..40,
        seed in prop::collection::vec(-3i8..=3, 1..4000),
        k in 0usize..60,
        filter in prop::option::of(prop::collection::vec(any::<bool>(), 4000)),
        metric in prop::sample::select(vec![Metric::InnerProduct, Metric::L2]),
    ) {
        prop_assume!(seed.len() >= width);
        let numbers: Vec<f32> = seed.iter().map(|&x| f32::from(x)).collect();
        let (query, rest) = numbers.split_at(width);
        let vectors = &rest[..rest.len() / width * width];
        let allow = filter.map(|bits| Bitmap::from_bools(&bits[..vectors.len() / width]));
        let hits = Flat::new(width, metric).unwrap().top_k(query, vectors, k, allow.as_ref()).unwrap();
        let want = sorted(metric, query, vectors, k, allow.as_ref());
        prop_assert_eq!(hits.iter().map(|hit| (hit.row, f64::from(hit.score))).collect::<Vec<_>>(), want);
    }

    /// Any numbers: f32 may order near-equal rows otherwise, but each place's score is right within rounding.
    #[test]
    fn scores_place_by_place_are_those_of_a_full_sort(
        width in 1usize..200,
        numbers in prop::collection::vec(-1f32..1.0, 200..6000),
        k in 1usize..20,
    ) {
        let (query, rest) = numbers.split_at(width);
        let vectors = &rest[..rest.len() / width * width];
        for metric in METRICS {
            let hits = Flat::new(width, metric).unwrap().top_k(query, vectors, k, None).unwrap();
            let want = sorted(metric, query, vectors, k, None);
            prop_assert_eq!(hits.len(), want.len());
            for (hit, (_, score)) in hits.iter().zip(want) {
                prop_assert!((f64::from(hit.score) - score).abs() <= 1e-6 * width as f64 + 1e-6, "{hit:?} {score}");
            }
        }
    }
}

#[test]
fn equal_scores_come_by_row_across_blocks() {
    let vectors = vec![1.0f32; 5000];
    let hits = Flat::new(1, Metric::InnerProduct).unwrap().top_k(&[2.0], &vectors, 3000, None).unwrap();
    assert!(hits.iter().enumerate().all(|(place, hit)| *hit == Hit { row: place, score: 2.0 }));
    let zeros = [-0.0f32, 0.0, -0.0];
    let hits = Flat::new(1, Metric::InnerProduct).unwrap().top_k(&[1.0], &zeros, 3, None).unwrap();
    assert_eq!(hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn more_than_there_is_gives_what_there_is() {
    for metric in METRICS {
        let flat = Flat::new(2, metric).unwrap();
        assert_eq!(flat.top_k(&[1.0, 0.0], &[1.0, 0.0, 0.0, 1.0], usize::MAX, None).unwrap().len(), 2);
        assert!(flat.top_k(&[1.0, 0.0], &[], 3, None).unwrap().is_empty());
        assert!(flat.top_k(&[1.0, 0.0], &[1.0, 0.0], 0, None).unwrap().is_empty());
        assert!(flat.top_k(&[1.0, 0.0], &[1.0, 0.0], 1, Some(&Bitmap::none(1))).unwrap().is_empty());
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused_where_they_count() {
    for metric in METRICS {
        let flat = Flat::new(2, metric).unwrap();
        for bad in [f32::NAN, f32::INFINITY] {
            assert!(matches!(flat.top_k(&[bad, 1.0], &[1.0, 1.0], 1, None), Err(Fault::OutOfRange { .. })));
        }
        for bad in [f32::NAN, f32::INFINITY, f32::MAX] {
            let vectors = [1.0, 1.0, bad, bad];
            assert!(matches!(flat.top_k(&[1.0, 1.0], &vectors, 1, None), Err(Fault::OutOfRange { .. })), "{bad}");
        }
        let vectors = [1.0, 1.0, f32::NAN, 1.0];
        let allow = Bitmap::from_bools(&[true, false]);
        assert_eq!(flat.top_k(&[1.0, 1.0], &vectors, 2, Some(&allow)).unwrap().len(), 1);
    }
}

#[test]
fn the_zero_vector_has_the_cosine_zero() {
    let flat = Flat::new(2, Metric::Cosine).unwrap();
    let hits = flat.top_k(&[1.0, 0.0], &[0.0, 0.0, -1.0, 0.0, 2.0, 0.0], 3, None).unwrap();
    assert_eq!(hits.iter().map(|hit| (hit.row, hit.score)).collect::<Vec<_>>(), [(2, 1.0), (0, 0.0), (1, -1.0)]);
}

#[test]
fn shapes_that_disagree_are_refused() {
    let flat = Flat::new(2, Metric::L2).unwrap();
    assert!(matches!(flat.top_k(&[1.0], &[1.0, 2.0], 1, None), Err(Fault::Shape { .. })));
    assert!(matches!(flat.top_k(&[1.0, 2.0], &[1.0; 3], 1, None), Err(Fault::Shape { .. })));
    assert!(matches!(flat.top_k(&[1.0, 2.0], &[1.0; 4], 1, Some(&Bitmap::none(3))), Err(Fault::Shape { .. })));
    assert!(matches!(Flat::new(0, Metric::L2), Err(Fault::OutOfRange { .. })));
}

#[test]
fn a_bitmap_holds_what_was_put_in() {
    let mut bitmap = Bitmap::none(130);
    [0, 64, 129].iter().for_each(|&row| bitmap.insert(row).unwrap());
    assert!(bitmap.contains(129) && !bitmap.contains(1) && !bitmap.contains(1 << 40));
    assert_eq!((bitmap.count(), bitmap.len(), bitmap.is_empty()), (3, 130, false));
    assert!(matches!(bitmap.insert(130), Err(Fault::OutOfRange { .. })));
}
