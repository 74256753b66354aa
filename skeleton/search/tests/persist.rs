//! Codes come back from bytes as they went, and from no other bytes.
#![allow(clippy::unwrap_used)]
mod common;
use common::drawn;
use foundation::{Fault, Outcome};
use search::{Effort, Metric, Quantised};
use std::path::Path;

fn read(bytes: &[u8]) -> Outcome<Quantised> {
    Quantised::from_bytes(bytes, Path::new("codes"))
}

/// With a checksum that fits, so that what stands behind it is tested.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let body = &bytes[..bytes.len() - 4];
    [body, &crc32c::crc32c(body).to_le_bytes()].concat()
}

#[test]
fn what_was_read_searches_and_grows_as_what_was_written() {
    let (rows, width) = (1001, 70);
    let numbers = drawn(1, rows + 10, width, 0, 1.0);
    for metric in [Metric::Cosine, Metric::InnerProduct, Metric::L2] {
        let mut written = Quantised::new(width, metric, 9).unwrap();
        written.extend(&numbers[..rows * width]).unwrap();
        let mut again = read(&written.to_bytes()).unwrap();
        assert_eq!((again.len(), again.width(), again.metric()), (rows, width, metric));
        for quantised in [&mut written, &mut again] {
            quantised.extend(&numbers[rows * width..]).unwrap();
        }
        assert_eq!(written.to_bytes(), again.to_bytes());
        let top = |q: &Quantised| q.top_k(&numbers[..width], &numbers, 7, None, Effort::default()).unwrap();
        assert_eq!(top(&written), top(&again));
    }
    let none = Quantised::new(3, Metric::L2, 0).unwrap();
    assert!(read(&none.to_bytes()).unwrap().is_empty());
}

#[test]
fn the_codes_of_a_vector_are_the_same_on_every_machine() {
    let sums = [Metric::Cosine, Metric::InnerProduct, Metric::L2].map(|metric| {
        let mut quantised = Quantised::new(200, metric, 11).unwrap();
        quantised.extend(&drawn(8, 50, 200, 3, 0.5)).unwrap();
        let bytes = quantised.to_bytes();
        crc32c::crc32c(&bytes[..bytes.len() - 4])
    });
    assert_eq!(sums, [2535650323, 2546765964, 2549824745]);
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let mut quantised = Quantised::new(5, Metric::L2, 3).unwrap();
    quantised.extend(&drawn(2, 9, 5, 0, 1.0)).unwrap();
    let bytes = quantised.to_bytes();
    for length in 0..bytes.len() {
        assert!(matches!(read(&bytes[..length]), Err(Fault::Corrupt { .. })), "{length}");
    }
    assert!(read(&[&bytes[..], &[0]].concat()).is_err());
    for bit in 0..8 * bytes.len() {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(read(&bytes), Err(Fault::Corrupt { .. })), "{bit}");
        // Even where the checksum is made to fit, nothing panics and every search ends.
        if let Ok(quantised) = read(&sealed(&bytes))
            && quantised.width() == 5
        {
            let vectors = vec![1.0; quantised.len() * 5];
            quantised.top_k(&[1.0; 5], &vectors, 3, None, Effort::default()).unwrap();
        }
    }
}

#[test]
fn removed_rows_that_are_not_there_are_refused() {
    let mut quantised = Quantised::new(5, Metric::L2, 3).unwrap();
    quantised.extend(&drawn(2, 9, 5, 0, 1.0)).unwrap();
    quantised.remove(&[3, 8]).unwrap();
    let bytes = quantised.to_bytes();
    for bit in 0..8 * bytes.len() {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(read(&bytes), Err(Fault::Corrupt { .. })), "{bit}");
    }
    let last = bytes.len() - 5;
    for (bits, removed) in [(0u8, Some(1)), (1, Some(2)), (2, None), (128, None)] {
        let mut bytes = bytes.clone();
        bytes[last] = bits;
        assert_eq!(read(&sealed(&bytes)).ok().map(|read| read.removed()), removed);
    }
}

#[test]
fn a_header_that_lies_is_refused_before_anything_is_made() {
    let bytes = Quantised::new(4, Metric::Cosine, 0).unwrap().to_bytes();
    for (place, value) in [(16, 0u32), (16, u32::MAX), (20, 3), (32, 8), (32, u32::MAX), (36, u32::MAX), (0, 0)] {
        let mut bytes = bytes.clone();
        bytes[place..place + 4].copy_from_slice(&value.to_le_bytes());
        assert!(matches!(read(&sealed(&bytes)), Err(Fault::Corrupt { .. })), "{place} {value}");
    }
    let mut quantised = Quantised::new(4, Metric::Cosine, 0).unwrap();
    quantised.extend(&[1.0; 4]).unwrap();
    let bytes = quantised.to_bytes();
    for bad in [f32::NAN, f32::INFINITY, -1.0] {
        for place in [40 + 64, bytes.len() - 8] {
            let mut bytes = bytes.clone();
            bytes[place..place + 4].copy_from_slice(&bad.to_le_bytes());
            assert!(matches!(read(&sealed(&bytes)), Err(Fault::Corrupt { .. })), "{place} {bad}");
        }
    }
}
