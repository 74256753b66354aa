//! Safetensors in and out.
#![allow(clippy::unwrap_used)]
use foundation::Fault;
use std::collections::BTreeMap;
use weights::safetensors::{Archive, Dtype, Foreign, write};

fn tensor<'a>(name: &'a str, shape: &'a [usize], bytes: &'a [u8]) -> Foreign<'a> {
    Foreign { name, dtype: Dtype::F16, shape, bytes }
}

#[test]
fn a_file_comes_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let metadata = BTreeMap::from([("k".to_string(), "v".to_string())]);
    write(&path, &[tensor("x", &[2, 2], &[1, 2, 3, 4, 5, 6, 7, 8]), tensor("s", &[], &[9, 9])], &metadata).unwrap();
    let archive = Archive::open(&path).unwrap();
    assert_eq!(archive.names().collect::<Vec<_>>(), ["s", "x"]);
    assert_eq!(archive.metadata(), metadata);
    let x = archive.get("x").unwrap();
    assert_eq!(
        (x.shape, x.bytes, x.dtype.to_string()),
        (&[2, 2][..], &[1, 2, 3, 4, 5, 6, 7, 8][..], "F16".to_string())
    );
    assert!(matches!(archive.get("y"), Err(Fault::NotFound { .. })));
}

#[test]
fn a_folder_is_read_as_one_and_a_name_in_two_files_is_a_conflict() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Archive::open(folder.path()), Err(Fault::NotFound { .. })));
    let none = BTreeMap::new();
    write(folder.path().join("1.safetensors"), &[tensor("a", &[1], &[1, 2])], &none).unwrap();
    write(folder.path().join("2.safetensors"), &[tensor("b", &[1], &[3, 4])], &none).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not weights").unwrap();
    let archive = Archive::open(folder.path()).unwrap();
    let all: Vec<_> = archive.tensors().map(|t| (t.name, t.bytes)).collect();
    assert_eq!(all, [("a", &[1, 2][..]), ("b", &[3, 4][..])]);
    write(folder.path().join("3.safetensors"), &[tensor("a", &[1], &[5, 6])], &none).unwrap();
    assert!(matches!(Archive::open(folder.path()), Err(Fault::Conflict { .. })));
}

#[test]
fn a_damaged_header_is_corrupt_and_a_wrong_length_a_shape_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    write(&path, &[tensor("x", &[2], &[1, 2, 3, 4])], &BTreeMap::new()).unwrap();
    let sound = std::fs::read(&path).unwrap();
    for length in 0..sound.len() {
        std::fs::write(&path, &sound[..length]).unwrap();
        assert!(matches!(Archive::open(&path), Err(Fault::Corrupt { .. })), "cut at {length}");
    }
    for at in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x55;
        std::fs::write(&path, bytes).unwrap();
        if let Ok(archive) = Archive::open(&path) {
            assert!(archive.tensors().all(|t| t.bytes.len() <= 4));
        }
    }
    let short = tensor("x", &[3], &[1, 2]);
    assert!(matches!(write(&path, &[short], &BTreeMap::new()), Err(Fault::Shape { .. })));
    let twice = [tensor("x", &[1], &[1, 2]); 2];
    assert!(matches!(write(&path, &twice, &BTreeMap::new()), Err(Fault::Conflict { .. })));
}
