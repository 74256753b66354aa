//! Files by an enemy: every cut, every flipped bit, exchanged lengths. The answer is a named fault or sound tensors.
#![allow(clippy::unwrap_used)]
use foundation::Fault;
use proptest::prelude::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;
use weights::{Dtype, PLAIN, Part, Weights, Writer};

/// Remembers the largest single allocation of each thread, so that a test can bound it.
struct Watch;
thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.set(LARGEST.get().max(layout.size()));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static WATCH: Watch = Watch;

fn sample(folder: &Path) -> Vec<u8> {
    let mut writer = Writer::new();
    let packed: Vec<u8> = (0..=255).collect();
    let scales: Vec<u8> = (0..32).collect();
    let base = Part { name: "a", shape: &[64], dtype: Dtype::F32, scheme: PLAIN, packed: &packed, scales: &[] };
    writer.add(base).unwrap();
    let int2 = Part { shape: &[16, 64], dtype: Dtype::U8, scheme: "int2.g64.r16", scales: &scales, ..base };
    writer.add(Part { name: "b", ..int2 }).unwrap();
    writer
        .add(Part { name: "c", shape: &[8, 32], dtype: Dtype::I8, scheme: "int8.row", scales: &scales[..16], ..base })
        .unwrap();
    writer.metadata("key", "value").unwrap();
    writer.write(folder.join("sound")).unwrap();
    std::fs::read(folder.join("sound")).unwrap()
}

/// Open the bytes as a file; whatever comes out must be a `Corrupt` fault or tensors that can be read to the end.
fn survives(folder: &Path, bytes: &[u8]) -> bool {
    let path = folder.join("hostile");
    std::fs::write(&path, bytes).unwrap();
    LARGEST.set(0);
    let opened = Weights::open(&path);
    let largest = LARGEST.get();
    assert!(largest <= bytes.len() + (64 << 10), "an allocation of {largest} for a file of {}", bytes.len());
    match opened {
        Ok(weights) => {
            let map = weights.mapped().as_ptr_range();
            for tensor in weights.tensors() {
                assert!(map.contains(&tensor.packed.as_ptr()) && !tensor.packed.is_empty());
                let expected =
                    if tensor.scheme == "int2.g64.r16" { tensor.elements() / 4 } else { tensor.packed.len() as u64 };
                assert_eq!(tensor.packed.len() as u64, expected);
                assert!(tensor.scale_bits().is_ok());
            }
            matches!(weights.verify(), Ok(()) | Err(Fault::Corrupt { .. }))
        }
        Err(Fault::Corrupt { why, .. }) => !why.is_empty(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sound = sample(folder.path());
    for length in 0..sound.len() {
        let path = folder.path().join("cut");
        std::fs::write(&path, &sound[..length]).unwrap();
        assert!(matches!(Weights::open(&path), Err(Fault::Corrupt { .. })), "cut at {length}");
    }
}

#[test]
fn a_flipped_bit_anywhere_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let sound = sample(folder.path());
    for byte in 0..sound.len() {
        for bit in [0, 3, 7] {
            let mut bytes = sound.clone();
            bytes[byte] ^= 1 << bit;
            assert!(survives(folder.path(), &bytes), "bit {bit} of byte {byte}");
        }
    }
}

#[test]
fn a_flipped_bit_in_a_tensor_is_found_by_verify() {
    let folder = tempfile::tempdir().unwrap();
    let sound = sample(folder.path());
    let path = folder.path().join("sound");
    let places: Vec<usize> = {
        let weights = Weights::open(&path).unwrap();
        let start = weights.mapped().as_ptr() as usize;
        let slices = weights.tensors().flat_map(|t| [t.packed, t.scales]);
        slices
            .filter(|s| !s.is_empty())
            .flat_map(|s| {
                let at = s.as_ptr() as usize - start;
                [at, at + s.len() - 1]
            })
            .collect()
    };
    for place in places {
        let mut bytes = sound.clone();
        bytes[place] ^= 0x10;
        let hostile = folder.path().join("flipped");
        std::fs::write(&hostile, bytes).unwrap();
        assert!(matches!(Weights::open(&hostile).unwrap().verify(), Err(Fault::Corrupt { .. })), "byte {place}");
    }
}

#[test]
fn every_word_replaced_by_extreme_numbers_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let sound = sample(folder.path());
    let extremes = [0u64, 1, 63, 64, u64::from(u32::MAX), i32::MAX as u64, i64::MAX as u64, u64::MAX, 1 << 40];
    for at in (0..sound.len() - 8).step_by(8) {
        for extreme in extremes {
            let mut bytes = sound.clone();
            bytes[at..at + 8].copy_from_slice(&extreme.to_le_bytes());
            assert!(survives(folder.path(), &bytes), "{extreme} at {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exchanged_words_never_panic(pairs in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6)) {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = sample(folder.path());
        for (first, second) in pairs {
            let (first, second) = (first.index(bytes.len() / 4 - 1) * 4, second.index(bytes.len() / 4 - 1) * 4);
            for i in 0..4 {
                bytes.swap(first + i, second + i);
            }
        }
        prop_assert!(survives(folder.path(), &bytes));
    }

    #[test]
    fn noise_between_two_magics_never_panics(noise in prop::collection::vec(any::<u8>(), 0..600), length in any::<u16>()) {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = b"ARROW1\0\0".to_vec();
        bytes.extend(noise);
        bytes.extend(i32::from(length % 700).to_le_bytes());
        bytes.extend(b"ARROW1");
        prop_assert!(survives(folder.path(), &bytes));
    }
}
