//! What Parquet promises: every tensor there and back to the byte; what is damaged or another's is refused, never a panic.
#![allow(clippy::unwrap_used)]
use foundation::Fault;
use quant::{Rule, Scheme, quantise};
use std::path::Path;
use weights::{Dtype, PLAIN, Part, Weights, Writer, parquet};

/// A file with a tensor of every scheme, a plain one and a single number.
fn sample(path: &Path) -> Weights {
    let mut writer = Writer::new();
    let floats: Vec<f32> = (0..32 * 128).map(|i| ((i * 37 % 101) as f32 - 50.0) / 40.0).collect();
    let plain: Vec<u8> = floats.iter().flat_map(|w| w.to_le_bytes()).collect();
    let one = Part { name: "number", shape: &[], dtype: Dtype::F32, scheme: PLAIN, packed: &plain[..4], scales: &[] };
    writer.add(one).unwrap();
    writer.add(Part { name: "plain", shape: &[32, 128], packed: &plain, ..one }).unwrap();
    for scheme in Scheme::ALL {
        let packed = quantise(&floats, 32, 128, scheme, scheme.rules()[0]).unwrap();
        let scales: Vec<u8> = packed.scales.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let dtype = if scheme.is_signed() { Dtype::I8 } else { Dtype::U8 };
        let name = scheme.name();
        writer
            .add(Part { name, shape: &[32, 128], dtype, scheme: name, packed: &packed.bytes, scales: &scales })
            .unwrap();
    }
    writer.metadata("network", "test").unwrap();
    writer.write(path).unwrap();
    Weights::open(path).unwrap()
}

#[test]
fn a_model_comes_back_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let weights = sample(&at("first.arrow"));
    let length = parquet::write(&weights, at("table.parquet")).unwrap();
    assert_eq!(length, std::fs::metadata(at("table.parquet")).unwrap().len());
    parquet::read(at("table.parquet")).unwrap().write(at("second.arrow")).unwrap();
    assert_eq!(std::fs::read(at("first.arrow")).unwrap(), std::fs::read(at("second.arrow")).unwrap());
}

#[test]
fn every_scheme_is_held_and_read_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let weights = sample(&folder.path().join("all.arrow"));
    weights.verify().unwrap();
    for scheme in Scheme::ALL {
        let tensor = weights.get(scheme.name()).unwrap();
        assert_eq!(tensor.quantisation().unwrap(), Some(scheme));
        let freed = quant::dequantise(tensor.packed, tensor.scale_bits().unwrap(), 32, 128, scheme).unwrap();
        let plain = weights.get("plain").unwrap().f32s().unwrap();
        assert!(quant::relative_error(plain, &freed).unwrap() < 0.5, "{}", scheme.name());
    }
}

#[test]
fn damage_anywhere_is_refused_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut writer = Writer::new();
    let x: Vec<f32> = (0..1024).map(|i| (i % 7) as f32 - 3.0).collect();
    let packed = quantise(&x, 16, 64, Scheme::Int2G64, Rule::MeanAbs).unwrap();
    let scales: Vec<u8> = packed.scales.iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let name = "int2.g64.r16";
    let part =
        Part { name: "a", shape: &[16, 64], dtype: Dtype::U8, scheme: name, packed: &packed.bytes, scales: &scales };
    writer.add(part).unwrap();
    writer.write(at("sound")).unwrap();
    parquet::write(&Weights::open(at("sound")).unwrap(), at("table")).unwrap();
    let sound = std::fs::read(at("table")).unwrap();
    let ours = std::fs::read(at("sound")).unwrap();
    let hostile = |bytes: &[u8]| {
        std::fs::write(at("hostile"), bytes).unwrap();
        parquet::read(at("hostile"))
    };
    for cut in (0..sound.len()).step_by(7) {
        assert!(hostile(&sound[..cut]).is_err(), "cut to {cut}");
    }
    let mut taken = 0;
    for place in (0..sound.len()).step_by(3) {
        let mut bytes = sound.clone();
        bytes[place] ^= 0xff;
        if let Ok(writer) = hostile(&bytes) {
            // A byte of the format that nobody asks for, or of the free metadata or a name: the numbers are the same.
            taken += 1;
            writer.write(at("taken")).unwrap();
            let taken = Weights::open(at("taken")).unwrap();
            assert_eq!(taken.tensors().next().unwrap().packed, packed.bytes);
        }
    }
    assert!(taken < sound.len() / 3 / 2, "{taken} of {} damaged files were taken", sound.len() / 3);
    assert!(matches!(hostile(&ours), Err(Fault::Corrupt { .. })));
    assert!(matches!(parquet::read(at("nothing")), Err(Fault::Io { .. })));
}

/// Files that a fuzzer found: the crate that reads Parquet asserted what they do not keep.
#[test]
fn what_was_found_by_fuzzing_stays_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/found");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        assert!(matches!(parquet::read(file.unwrap().path()), Err(Fault::Corrupt { .. })));
        count += 1;
    }
    assert!(count > 0);
}
