//! What is written comes back as it was, in place, and any Arrow reader can read it.
#![allow(clippy::unwrap_used)]
use arrow_array::cast::AsArray;
use arrow_array::types::{UInt32Type, UInt64Type};
use foundation::Fault;
use std::path::Path;
use weights::{Dtype, PLAIN, Part, Weights, Writer};

fn sample(path: &Path) -> u64 {
    let floats: Vec<u8> = [1.5f32, -2.0, 0.25].iter().flat_map(|x| x.to_le_bytes()).collect();
    let codes: Vec<u8> = (0..16 * 64 / 4).map(|i| i as u8).collect();
    let scales: Vec<u8> = (0..16u16).flat_map(|i| (0x3c00 + i).to_le_bytes()).collect();
    let bytes: Vec<u8> = (0..=255).collect();
    let mut writer = Writer::new();
    writer.metadata("trained by", "us").unwrap();
    let part = |name, shape, dtype, scheme, packed, scales| Part { name, shape, dtype, scheme, packed, scales };
    writer.add(part("nf", &[3], Dtype::F32, PLAIN, &floats, &[])).unwrap();
    writer.add(part("blocks.0.wq", &[16, 64], Dtype::U8, "int2.g64.r16", &codes, &scales)).unwrap();
    writer.add(part("emb", &[4, 64], Dtype::I8, "int8.row", &bytes, &scales[..8])).unwrap();
    writer.add(part("one", &[], Dtype::F16, PLAIN, &[0, 0x3c], &[])).unwrap();
    writer.write(path).unwrap()
}

#[test]
fn tensors_come_back_with_shape_type_bytes_and_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.arrow");
    let length = sample(&path);
    let weights = Weights::open(&path).unwrap();
    assert_eq!(weights.len_bytes(), length);
    assert_eq!(weights.names().collect::<Vec<_>>(), ["nf", "blocks.0.wq", "emb", "one"]);
    assert_eq!(weights.metadata().get("trained by").map(String::as_str), Some("us"));
    assert_eq!(weights.metadata().len(), 1);
    assert_eq!(weights.get("nf").unwrap().f32s().unwrap(), [1.5, -2.0, 0.25]);
    let wq = weights.get("blocks.0.wq").unwrap();
    assert_eq!((wq.matrix().unwrap(), wq.scheme, wq.packed.len()), ((16, 64), "int2.g64.r16", 256));
    assert_eq!(wq.scale_bits().unwrap(), (0..16).map(|i| 0x3c00 + i).collect::<Vec<u16>>());
    assert_eq!(weights.get("emb").unwrap().i8s().unwrap()[255], -1);
    let one = weights.get("one").unwrap();
    assert_eq!((one.f16_bits().unwrap(), one.elements(), one.shape), (&[0x3c00u16][..], 1, &[][..]));
    weights.verify().unwrap();
}

#[test]
fn tensors_lie_in_the_map_at_multiples_of_64() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.arrow");
    sample(&path);
    let weights = Weights::open(&path).unwrap();
    let map = weights.mapped().as_ptr_range();
    for tensor in weights.tensors() {
        for bytes in [tensor.packed, tensor.scales].into_iter().filter(|bytes| !bytes.is_empty()) {
            let range = bytes.as_ptr_range();
            assert!(map.start <= range.start && range.end <= map.end, "{} was copied", tensor.name);
            assert_eq!(range.start as usize % 64, 0, "{}", tensor.name);
        }
    }
}

#[test]
fn any_arrow_reader_reads_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.arrow");
    sample(&path);
    let mut reader = arrow_ipc::reader::FileReader::try_new(std::fs::File::open(&path).unwrap(), None).unwrap();
    let batch = reader.next().unwrap().unwrap();
    assert_eq!(batch.num_rows(), 4);
    let column = |name| batch.column_by_name(name).unwrap();
    assert_eq!(column("name").as_string::<i32>().value(2), "emb");
    assert_eq!(column("bytes").as_primitive::<UInt64Type>().values(), &[12, 256, 256, 2]);
    assert_eq!(column("group").as_primitive::<UInt32Type>().values(), &[0, 64, 64, 0]);
    assert_eq!(column("packed").as_binary::<i64>().value(0).len(), 64);
    assert_eq!(column("shape").as_list::<i32>().value(1).as_primitive::<UInt64Type>().values(), &[16, 64]);
}

#[test]
fn equal_tensors_make_equal_files_and_a_file_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a"), folder.path().join("b"));
    sample(&first);
    std::fs::write(&second, b"an older file").unwrap();
    sample(&second);
    assert_eq!(std::fs::read(first).unwrap(), std::fs::read(second).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file stays");
}

#[test]
fn a_writer_refuses_what_a_reader_would() {
    let mut writer = Writer::new();
    let part = Part { name: "a", shape: &[2], dtype: Dtype::U8, scheme: PLAIN, packed: &[1, 2], scales: &[] };
    writer.add(part).unwrap();
    assert!(matches!(writer.add(part), Err(Fault::Conflict { .. })));
    assert!(matches!(writer.add(Part { name: "", ..part }), Err(Fault::OutOfRange { .. })));
    assert!(matches!(writer.add(Part { name: "b", packed: &[1], ..part }), Err(Fault::Shape { .. })));
    assert!(matches!(writer.add(Part { name: "b", scales: &[1], ..part }), Err(Fault::Shape { .. })));
    assert!(matches!(writer.add(Part { name: "b", scheme: "int2", ..part }), Err(Fault::Shape { .. })));
    assert!(matches!(writer.metadata("format", "mine"), Err(Fault::OutOfRange { .. })));
}

#[test]
fn a_view_of_the_wrong_type_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.arrow");
    sample(&path);
    let weights = Weights::open(&path).unwrap();
    assert!(matches!(weights.get("nf").unwrap().f16_bits(), Err(Fault::Dtype { .. })));
    assert!(matches!(weights.get("blocks.0.wq").unwrap().f32s(), Err(Fault::Dtype { .. })));
    assert!(matches!(weights.get("nf").unwrap().matrix(), Err(Fault::Shape { .. })));
    assert!(matches!(weights.get("nf").unwrap().i8s(), Err(Fault::Dtype { .. })));
    assert!(matches!(weights.get("absent"), Err(Fault::NotFound { .. })));
    assert!(matches!(Weights::open(folder.path().join("absent")), Err(Fault::Io { .. })));
}

#[test]
fn an_empty_model_is_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.arrow");
    Writer::new().write(&path).unwrap();
    let weights = Weights::open(&path).unwrap();
    assert!(weights.is_empty() && weights.verify().is_ok());
}

#[test]
fn each_of_many_tensors_is_found_by_its_name_and_no_other_name_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.arrow");
    let mut writer = Writer::new();
    let names: Vec<String> = (0..3000).map(|i| format!("block.{i}.é")).collect();
    for (value, name) in names.iter().enumerate() {
        let packed = (value as f32).to_le_bytes();
        writer.add(Part { name, shape: &[1], dtype: Dtype::F32, scheme: PLAIN, packed: &packed, scales: &[] }).unwrap();
    }
    writer.write(&path).unwrap();
    let weights = Weights::open(&path).unwrap();
    for (value, name) in names.iter().enumerate() {
        assert_eq!(weights.get(name).unwrap().f32s().unwrap(), [value as f32]);
    }
    for wrong in ["", "block.3000.é", "block.1", "block.1.é "] {
        assert!(matches!(weights.get(wrong), Err(Fault::NotFound { .. })));
    }
}
