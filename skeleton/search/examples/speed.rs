//! Prints recall and times of the quantised search beside the exact one; a figure, not a test.
//!
//! `speed [FILE WIDTH]`: vectors from a file of little-endian f32, or drawn ones. The last 200 rows are the queries.
use foundation::pool::Pool;
use foundation::{Fault, Outcome};
use search::{Bitmap, Effort, Flat, Metric, Quantised};
use std::time::Instant;

const QUERIES: usize = 200;

fn mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A normal number (Box and Muller 1958).
fn normal(counter: u64) -> f32 {
    let uniform = |bits: u64| ((bits >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    let (a, b) = (uniform(mix(2 * counter)), uniform(mix(2 * counter + 1)));
    ((-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()) as f32
}

/// `rows` vectors: centres, of which there are `clusters`, and noise of length `spread` around them.
fn drawn(rows: usize, width: usize, clusters: u64, spread: f32) -> Vec<f32> {
    let one = |place: usize| {
        let (row, column) = ((place / width) as u64, (place % width) as u64);
        let centre = if clusters > 0 { normal(1 << 50 | (mix(row) % clusters * width as u64 + column)) } else { 0.0 };
        centre + spread * normal(place as u64)
    };
    (0..rows * width).map(one).collect()
}

fn seconds(mut call: impl FnMut(&[f32]) -> Outcome<()>, queries: &[f32], width: usize) -> Outcome<(f64, f64)> {
    let mut times = Vec::new();
    for query in queries.chunks_exact(width) {
        let begin = Instant::now();
        call(query)?;
        times.push(begin.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok((times[times.len() / 2], times[times.len() * 99 / 100]))
}

fn report(name: &str, numbers: &[f32], width: usize, metric: Metric) -> Outcome<()> {
    let split = numbers.len() - QUERIES * width;
    let (vectors, queries) = numbers.split_at(split);
    let begin = Instant::now();
    let mut quantised = Quantised::new(width, metric, 1)?;
    quantised.extend(vectors)?;
    let build = begin.elapsed().as_secs_f64();
    let flat = Flat::new(width, metric)?;
    let (p50, p99) = seconds(|query| flat.top_k(query, vectors, 10, None).map(drop), queries, width)?;
    println!("{name} {} x {width} {metric:?}: build {build:.2} s", vectors.len() / width);
    println!("  flat          p50 {:>8.1} us  p99 {:>8.1} us", p50 * 1e6, p99 * 1e6);
    let few = Bitmap::from_bools(
        &(0..vectors.len() / width).map(|row| mix(row as u64).is_multiple_of(100)).collect::<Vec<_>>(),
    );
    for (deviations, allow) in [(2.0, None), (2.5, None), (3.0, None), (3.5, None), (3.0, Some(&few))] {
        let effort = Effort::deviations(deviations)?;
        let recall = quantised.recall(queries, vectors, 10, allow, effort)?;
        let (p50, p99) = seconds(|query| quantised.top_k(query, vectors, 10, allow, effort).map(drop), queries, width)?;
        let filter = if allow.is_some() { "1 %" } else { "all" };
        let (p50, p99) = (p50 * 1e6, p99 * 1e6);
        println!("  effort {deviations} {filter} p50 {p50:>8.1} us  p99 {p99:>8.1} us  recall@10 {recall:.4}");
    }
    let begin = Instant::now();
    Pool::new(2)?.run(|| quantised.top_k_of_each(queries, vectors, 10, None, Effort::default()))?;
    println!("  {QUERIES} queries on 2 threads: {:.1} us each", begin.elapsed().as_secs_f64() * 1e6 / QUERIES as f64);
    let begin = Instant::now();
    let bytes = quantised.to_bytes();
    let written = begin.elapsed().as_secs_f64();
    Quantised::from_bytes(&bytes, std::path::Path::new("codes"))?;
    let (read, size) = (begin.elapsed().as_secs_f64() - written, bytes.len() as f64 / 1e6);
    println!("  {size:.1} MB as bytes: {:.1} ms out, {:.1} ms in", written * 1e3, read * 1e3);
    Ok(())
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, path, width] = &arguments[..] {
        let bytes = std::fs::read(path).map_err(|e| Fault::io(path, e))?;
        let numbers: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let width = width.parse().map_err(|_| Fault::out_of_range("width", "whole numbers", width))?;
        return report(path, &numbers, width, Metric::Cosine);
    }
    for (name, clusters, spread) in [("gaussian", 0, 1.0), ("clustered", 1000, 1.0), ("tight", 1000, 0.3)] {
        let numbers = drawn(100_000 + QUERIES, 384, clusters, spread);
        for metric in [Metric::Cosine, Metric::L2] {
            report(name, &numbers, 384, metric)?;
        }
    }
    Ok(())
}
