//! A folder of the training kit becomes the product's form to the bit, and a hostile one is refused by name.
#![allow(clippy::unwrap_used)]
mod common;
use common::tiny::{JSON, Source, folder, sources};
use common::{apart, counting, open, text};
use forward::import::from_score_folder;
use forward::{Network, Precision, See, Spec};
use foundation::pool::Pool;
use foundation::{Cancel, Fault};
use proptest::prelude::*;
use quant::{Rule, Scheme};
use std::path::Path;
use std::sync::Arc;
use weights::{Dtype, PLAIN, Part, Weights, Writer};

#[test]
fn codes_and_scales_keep_their_values_to_the_bit() {
    let home = tempfile::tempdir().unwrap();
    folder(&home.path().join("in"), JSON, &sources());
    std::fs::write(home.path().join("in/CARD.md"), "a card").unwrap();
    let made = from_score_folder(home.path().join("in"), home.path().join("out")).unwrap();
    let out = Weights::open(home.path().join("out/weights.arrow")).unwrap();
    out.verify().unwrap();
    assert_eq!((made.tensors, made.bytes), (out.len(), out.len_bytes()));
    assert_eq!(made.parameters, Spec::parse(JSON).unwrap().parameters());
    let all = sources();
    let source = |name: &str| all.iter().find(|s| s.name == name).unwrap().bytes.clone();
    for tensor in out.tensors() {
        match tensor.scheme {
            "int2.g64.r16" => {
                let (rows, columns) = tensor.matrix().unwrap();
                let back = quant::int2_to_codes(tensor.packed, tensor.scale_bits().unwrap(), rows, columns).unwrap();
                assert_eq!(back.bytes, source(&format!("{}.codes", tensor.name)));
                let scales: Vec<u8> = back.scales.iter().flat_map(|s| s.to_le_bytes()).collect();
                assert_eq!(scales, source(&format!("{}.scales", tensor.name)));
            }
            "int8.row" => assert_eq!((tensor.packed, tensor.scales), (&source("emb.q8")[..], &source("emb.s")[..])),
            _ => {
                let ending = if tensor.dtype == Dtype::F32 { "g" } else { "weight" };
                assert_eq!(tensor.packed, source(&format!("{}.{ending}", tensor.name)));
            }
        }
    }
    for (file, want) in [("score.json", JSON), ("tokenizer.json", "{}"), ("CARD.md", "a card")] {
        assert_eq!(std::fs::read_to_string(home.path().join("out").join(file)).unwrap(), want);
    }
    let again = from_score_folder(home.path().join("in"), home.path().join("out"));
    assert!(matches!(again, Err(Fault::Conflict { .. })), "weights that are there are never written over");
}

#[test]
fn the_shipped_weights_are_whole() {
    let weights = Weights::open(common::from_root("brain/pretrained/base/weights.arrow")).unwrap();
    weights.verify().unwrap();
    let network = common::base(1);
    let own = weights.names().filter(|name| !forward::latent::is_part(name)).count();
    assert_eq!((network.spec().parameters(), own), (35_000_064, 121));
    assert_eq!(weights.len(), 121 + 50 + 46, "the network, the picture decoder and the vocoder");
}

/// Import the tiny sources after `edit`; nothing may be left behind by a refusal.
fn refused(edit: impl Fn(&mut Vec<Source>)) -> &'static str {
    let home = tempfile::tempdir().unwrap();
    let mut all = sources();
    edit(&mut all);
    folder(&home.path().join("in"), JSON, &all);
    let fault = from_score_folder(home.path().join("in"), home.path().join("out")).unwrap_err();
    assert!(!home.path().join("out").exists(), "a refusal left a folder behind");
    fault.name()
}

fn named<'a>(all: &'a mut [Source], name: &str) -> &'a mut Source {
    all.iter_mut().find(|s| s.name == name).unwrap()
}

#[test]
fn tensors_that_score_json_does_not_imply_are_refused_by_name() {
    use weights::safetensors::Dtype as Foreign;
    assert_eq!(refused(|all| all.retain(|s| s.name != "blocks.1.up.scales")), "NotFound");
    assert_eq!(refused(|all| all.push(Source { name: "blocks.2.n1.g".into(), ..all[0].clone() })), "Conflict");
    assert_eq!(refused(|all| named(all, "emb.q8").dtype = Foreign::U8), "Dtype");
    assert_eq!(refused(|all| named(all, "nf.g").shape = vec![8, 8]), "Shape");
    assert_eq!(refused(|all| named(all, "emb.s").shape = vec![300]), "Shape");
    for (name, at) in [("blocks.0.wq.scales", 1), ("emb.s", 1), ("mod.weight", 21), ("blocks.0.kn.g", 3)] {
        let spoil = |all: &mut Vec<Source>| named(all, name).bytes[at - 1..=at].copy_from_slice(&[0xff, 0x7f]);
        assert_eq!(refused(spoil), "Corrupt", "{name}");
    }
}

#[test]
fn folders_that_lack_files_or_hold_broken_ones_are_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let import = |spoil: &dyn Fn(&Path)| {
        let source = home.path().join("in");
        folder(&source, JSON, &sources());
        spoil(&source);
        from_score_folder(&source, home.path().join("out")).unwrap_err().name()
    };
    assert_eq!(import(&|f| std::fs::remove_file(f.join("score.json")).unwrap()), "NotFound");
    assert_eq!(import(&|f| std::fs::remove_file(f.join("tokenizer.json")).unwrap()), "NotFound");
    assert_eq!(import(&|f| std::fs::write(f.join("score.json"), [0xff, 0xfe]).unwrap()), "Corrupt");
    assert_eq!(import(&|f| std::fs::write(f.join("score.json"), "{\"format\": 1}").unwrap()), "Corrupt");
    assert_eq!(import(&|f| std::fs::write(f.join("score.json"), vec![b' '; 5 << 20]).unwrap()), "OutOfRange");
    let whole = |f: &Path| std::fs::read(f.join("score.safetensors")).unwrap();
    for cut in [0, 7, 100] {
        assert_eq!(import(&|f| std::fs::write(f.join("score.safetensors"), &whole(f)[..cut]).unwrap()), "Corrupt");
    }
    assert_eq!(import(&|f| std::fs::write(f.join("score.safetensors"), &whole(f)[1..]).unwrap()), "Corrupt");
}

#[test]
fn networks_of_another_construction_are_refused_by_name() {
    let parse = |from: &str, to: &str| {
        let json = JSON.replace(from, to);
        assert_ne!(json, JSON);
        Spec::parse(&json).unwrap_err().name()
    };
    assert_eq!(parse("aios-score/1", "aios-score/2"), "Unsupported");
    assert_eq!(parse("prefix causal, canvas bidirectional", "causal"), "Unsupported");
    assert_eq!(parse("shifted", "backwards"), "Unsupported");
    assert_eq!(parse("\"head_size\": 64", "\"head_size\": 128"), "Unsupported");
    assert_eq!(parse("prefix causal, canvas bidirectional", "block-causal"), "Unsupported", "blocks of no size");
    assert_eq!(parse("\"text\"", "\"attention_block\": 4, \"text\""), "Unsupported", "a law without blocks");
    for (from, to) in [
        ("\"width\": 64", "\"width\": 65"),
        ("\"width\": 64", "\"width\": 18446744073709551615"),
        ("\"layers\": 2", "\"layers\": 0"),
        ("\"key_value_heads\": 1", "\"key_value_heads\": 0"),
        ("\"heads\": 2", "\"heads\": 0"),
        ("\"vocabulary\": 300", "\"vocabulary\": 4000000000"),
        ("\"mask\": 3", "\"mask\": 300"),
        ("\"tag\": 9", "\"tag\": 301"),
        ("\"channels\": 5", "\"channels\": 0"),
        ("1e-06", "0.0"),
        ("10000.0", "-1.0"),
        ("\"trunk\"", "\"parameters\": 7, \"trunk\""),
    ] {
        assert_eq!(parse(from, to), "OutOfRange", "{to}");
    }
    for (from, to) in
        [("\"width\": 64", "\"width\": -64"), ("\"layers\": 2", "\"layers\": 2.5"), ("\"mask\": 3", "\"mask\": null")]
    {
        assert_eq!(parse(from, to), "Corrupt", "{to}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_spec_panic(at in 0usize..700, cut in 0usize..40, put in "[0-9a-z\"{}:, .-]{0,12}") {
        let at = at.min(JSON.len());
        let json = format!("{}{put}{}", &JSON[..at], &JSON[(at + cut).min(JSON.len())..]);
        if let Ok(spec) = Spec::parse(&json) {
            prop_assert!(spec.parameters() > 0 && spec.heads.is_multiple_of(spec.key_value_heads));
        }
    }
}

/// The tiny network with its trunk stored in another scheme, or as floats.
fn stored_as(home: &Path, scheme: Option<Scheme>) -> Network {
    let old = Weights::open(home.join("out/weights.arrow")).unwrap();
    let mut writer = Writer::new();
    for t in old.tensors() {
        if t.scheme != "int2.g64.r16" {
            let part = Part {
                name: t.name,
                shape: t.shape,
                dtype: t.dtype,
                scheme: t.scheme,
                packed: t.packed,
                scales: t.scales,
            };
            writer.add(part).unwrap();
            continue;
        }
        let (rows, columns) = t.matrix().unwrap();
        let floats = quant::dequantise(t.packed, t.scale_bits().unwrap(), rows, columns, Scheme::Int2G64).unwrap();
        let (dtype, name, packed, scales) = match scheme {
            None => (Dtype::F32, PLAIN, floats.iter().flat_map(|v| v.to_le_bytes()).collect(), vec![]),
            Some(scheme) => {
                let packed = quant::quantise(&floats, rows, columns, scheme, Rule::Range).unwrap();
                let dtype = if scheme == Scheme::Int8Row { Dtype::I8 } else { Dtype::U8 };
                (dtype, scheme.name(), packed.bytes, packed.scales.iter().flat_map(|s| s.to_le_bytes()).collect())
            }
        };
        writer
            .add(Part { name: t.name, shape: t.shape, dtype, scheme: name, packed: &packed, scales: &scales })
            .unwrap();
    }
    let path = home.join(format!("{scheme:?}.arrow"));
    writer.write(&path).unwrap();
    Network::open(Arc::new(Weights::open(path).unwrap()), JSON, Pool::new(2).unwrap()).unwrap()
}

fn hidden(network: &Network, precision: Precision) -> Vec<f32> {
    let (ids, positions, mut cache) = ([5u32, 9, 250, 17, 4], counting(0, 5), network.cache());
    let mut pass = [text(&mut cache, &ids, &positions, See::Causal)];
    network.hidden(&mut pass, precision, &Cancel::never()).unwrap().remove(0)
}

#[test]
fn a_trunk_in_any_scheme_computes_the_same_network() {
    let home = tempfile::tempdir().unwrap();
    folder(&home.path().join("in"), JSON, &sources());
    from_score_folder(home.path().join("in"), home.path().join("out")).unwrap();
    let int2 = open(&home.path().join("out"), 2);
    for (scheme, bound) in [(None, 1e-4), (Some(Scheme::Int8Row), 0.3), (Some(Scheme::Int4G64), 1.0)] {
        let other = stored_as(home.path(), scheme);
        let exact = apart(&hidden(&other, Precision::F32), &hidden(&int2, Precision::F32));
        assert!(exact < bound, "{scheme:?} in float differs by {exact}");
        let rounded = apart(&hidden(&other, Precision::Int8), &hidden(&other, Precision::F32));
        assert!(rounded > 0.0 && rounded < 0.5, "{scheme:?} in INT8 differs by {rounded}");
    }
}
