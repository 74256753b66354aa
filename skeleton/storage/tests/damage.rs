//! Cuts and flipped bits at every byte of a small store: each is found, or is a torn tail that was never acknowledged.
#![allow(clippy::unwrap_used)]
use foundation::Fault;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use storage::{Memory, OpenOptions, Space, Store};

const FRAMES: u128 = 4;

fn open(folder: &Path, writer: bool) -> Result<Store, Fault> {
    let space = Some(Space { embedder: "test/1".into(), width: 2 });
    Store::open(folder, &OpenOptions { writer, space, clock: Arc::new(|| 5.0) })
}

fn memory(id: u128) -> Memory {
    Memory { id, text: "text".into(), vector: vec![1.0, 2.0], created_unix_s: 1.0, source: "s".into() }
}

/// A store of four frames; gives its log, its mark, and the log's length after the header and after each frame.
fn sample(folder: &Path) -> (Vec<u8>, Vec<u8>, Vec<usize>) {
    let store = open(folder, true).unwrap();
    let length = || fs::metadata(folder.join("log")).unwrap().len() as usize;
    let mut ends = vec![length()];
    for id in 0..FRAMES {
        store.append(&[memory(id)]).unwrap();
        ends.push(length());
    }
    (fs::read(folder.join("log")).unwrap(), fs::read(folder.join("mark")).unwrap(), ends)
}

/// The store with this log and mark; `None` where there is no mark.
fn reopen(folder: &Path, log: &[u8], mark: Option<&[u8]>, writer: bool) -> Result<Store, Fault> {
    fs::write(folder.join("log"), log).unwrap();
    match mark {
        Some(mark) => fs::write(folder.join("mark"), mark).unwrap(),
        None => fs::remove_file(folder.join("mark")).unwrap_or_default(),
    }
    open(folder, writer)
}

#[test]
fn a_log_cut_anywhere_keeps_its_whole_frames_and_tells_what_it_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _, ends) = sample(folder.path());
    for cut in 0..=log.len() {
        // Every seventeenth cut is opened to write, which waits for the disk; the others to read.
        let opened = reopen(folder.path(), &log[..cut], None, cut % 17 == 0);
        let Some(whole) = ends.iter().rposition(|&end| end <= cut) else {
            assert!(matches!(opened, Err(Fault::Corrupt { .. })), "cut at {cut}");
            continue;
        };
        let store = opened.unwrap();
        assert_eq!((store.len(), store.recovery().dropped_bytes), (whole, (cut - ends[whole]) as u64), "cut at {cut}");
        if cut % 17 == 0 {
            store.append(&[memory(99)]).unwrap();
            drop(store);
            assert_eq!(open(folder.path(), true).unwrap().len(), whole + 1, "cut at {cut}");
        }
    }
}

#[test]
fn a_cut_into_acknowledged_bytes_is_damage_when_the_mark_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (log, mark, _) = sample(folder.path());
    for cut in 0..log.len() {
        let opened = reopen(folder.path(), &log[..cut], Some(&mark), true);
        assert!(matches!(opened, Err(Fault::Corrupt { .. })), "cut at {cut}");
        assert_eq!(fs::read(folder.path().join("log")).unwrap().len(), cut, "damage is left as it is");
    }
}

#[test]
fn a_flipped_bit_anywhere_is_damage_when_the_mark_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (log, mark, _) = sample(folder.path());
    for byte in 0..log.len() {
        let mut bytes = log.clone();
        bytes[byte] ^= 1 << (byte % 8);
        let opened = reopen(folder.path(), &bytes, Some(&mark), true);
        assert!(matches!(opened, Err(Fault::Corrupt { .. })), "byte {byte}");
        assert_eq!(fs::read(folder.path().join("log")).unwrap(), bytes, "damage is left as it is");
    }
}

#[test]
fn a_flipped_bit_is_dropped_only_in_the_last_frame_and_only_without_a_mark() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _, ends) = sample(folder.path());
    let last = ends[ends.len() - 2];
    for byte in 0..log.len() {
        let mut bytes = log.clone();
        bytes[byte] ^= 1 << (byte % 8);
        match reopen(folder.path(), &bytes, None, false) {
            Ok(store) => {
                assert!(byte >= last, "byte {byte} of an earlier frame was dropped in silence");
                assert_eq!(store.recovery().dropped_bytes, (log.len() - last) as u64);
                assert!(!store.recovery().marked);
            }
            Err(Fault::Corrupt { .. }) => assert!(byte < last, "byte {byte}"),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn a_damaged_mark_is_no_mark() {
    let folder = tempfile::tempdir().unwrap();
    let (log, mark, _) = sample(folder.path());
    for byte in 0..mark.len() {
        let mut bytes = mark.clone();
        bytes[byte] ^= 0x20;
        let store = reopen(folder.path(), &log, Some(&bytes), false).unwrap();
        assert_eq!((store.len(), store.recovery().marked), (FRAMES as usize, false));
    }
}

#[test]
fn a_frame_left_out_or_put_twice_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (log, mark, ends) = sample(folder.path());
    let without = [&log[..ends[1]], &log[ends[2]..]].concat();
    let twice = [&log[..ends[2]], &log[ends[1]..]].concat();
    for bytes in [without, twice] {
        for mark in [Some(&mark[..]), None] {
            assert!(matches!(reopen(folder.path(), &bytes, mark, true), Err(Fault::Corrupt { .. })));
        }
    }
}

#[test]
fn a_frame_of_another_store_is_no_frame_of_this_one() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (log, _, ends) = sample(folder.path());
    let (foreign, _, _) = sample(other.path());
    let mixed = [&log[..ends[2]], &foreign[ends[2]..]].concat();
    let store = reopen(folder.path(), &mixed, None, false).unwrap();
    assert_eq!((store.len(), store.recovery().dropped_bytes), (2, (foreign.len() - ends[2]) as u64));
}
