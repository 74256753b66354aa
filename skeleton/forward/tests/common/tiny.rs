//! A tiny network in the training kit's form, of numbers that look random: for promises that need no trained weights.
use super::numbers;
use half::f16;
use std::collections::BTreeMap;
use std::path::Path;
use weights::safetensors::{Dtype, Foreign, write};

/// Its description: a vocabulary that no tile divides, one kind, grouped heads.
pub const JSON: &str = r#"{
 "format": "aios-score/1", "name": "tiny",
 "trunk": {"width": 64, "layers": 2, "heads": 2, "key_value_heads": 1, "head_size": 64, "feed_forward": 128,
           "norm_epsilon": 1e-06, "rope_theta": 10000.0, "query_key_norm": true, "tied_embedding": true},
 "attention": "prefix causal, canvas bidirectional",
 "text": {"vocabulary": 300, "prediction": "shifted", "mask": 3},
 "continuous": {"wave": {"channels": 5, "tag": 9}}
}"#;

/// Its description with a construction of another kind: the norm of queries and keys, one table for embedding and head, and what a
/// row sees and speaks of, as `score.json` says it.
pub fn variant(norms: bool, tied: bool, attention: &str, prediction: &str) -> String {
    JSON.replace("\"query_key_norm\": true", &format!("\"query_key_norm\": {norms}"))
        .replace("\"tied_embedding\": true", &format!("\"tied_embedding\": {tied}"))
        .replace("\"attention\": \"prefix causal, canvas bidirectional\"", &format!("\"attention\": {attention}"))
        .replace("\"shifted\"", &format!("{prediction:?}"))
}

/// All tensors that `variant` implies.
pub fn variant_sources(norms: bool, tied: bool) -> Vec<Source> {
    let mut all = sources();
    all.retain(|s| norms || !(s.name.ends_with(".qn.g") || s.name.ends_with(".kn.g")));
    if !tied {
        all.extend([bytes("head.q8", Dtype::I8, &[300, 64], 500), halves("head.s", &[300, 1], 501, 0.01)]);
    }
    all
}

/// A tensor of the source.
#[derive(Clone)]
pub struct Source {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

/// All tensors that `JSON` implies.
pub fn sources() -> Vec<Source> {
    let mut all = vec![bytes("emb.q8", Dtype::I8, &[300, 64], 1), halves("emb.s", &[300, 1], 2, 0.01)];
    let matrices = [
        ("wq", 128, 64),
        ("wk", 64, 64),
        ("wv", 64, 64),
        ("wo", 64, 128),
        ("gate", 128, 64),
        ("up", 128, 64),
        ("down", 64, 128),
    ];
    for layer in 0..2 {
        for (i, (name, out, inputs)) in matrices.into_iter().enumerate() {
            let seed = (10 + 10 * layer + i) as u64;
            all.push(bytes(&format!("blocks.{layer}.{name}.codes"), Dtype::U8, &[out, inputs / 4], seed));
            all.push(halves(&format!("blocks.{layer}.{name}.scales"), &[out, inputs / 64], seed + 100, 0.1));
        }
        for (name, size) in [("n1", 64), ("n2", 64), ("qn", 64), ("kn", 64)] {
            all.push(gain(&format!("blocks.{layer}.{name}.g"), size));
        }
    }
    all.push(gain("nf.g", 64));
    for (name, shape) in [
        ("time.0.weight", [64, 256]),
        ("time.2.weight", [64, 64]),
        ("mod.weight", [128, 64]),
        ("inp.wave.weight", [64, 5]),
        ("out.wave.weight", [5, 64]),
    ] {
        all.push(halves(name, &shape, name.len() as u64 + 300, 0.2));
    }
    all
}

/// Write a folder of the training kit's form.
pub fn folder(path: &Path, json: &str, sources: &[Source]) {
    std::fs::create_dir_all(path).unwrap();
    std::fs::write(path.join("score.json"), json).unwrap();
    std::fs::write(path.join("tokenizer.json"), "{}").unwrap();
    let lent: Vec<Foreign> =
        sources.iter().map(|s| Foreign { name: &s.name, dtype: s.dtype, shape: &s.shape, bytes: &s.bytes }).collect();
    write(path.join("score.safetensors"), &lent, &BTreeMap::new()).unwrap();
}

fn bytes(name: &str, dtype: Dtype, shape: &[usize], seed: u64) -> Source {
    let count = shape.iter().product();
    let bytes = numbers(seed, count).iter().map(|v| (v * 127.0) as i8 as u8).collect();
    Source { name: name.into(), dtype, shape: shape.to_vec(), bytes }
}

fn halves(name: &str, shape: &[usize], seed: u64, size: f32) -> Source {
    let values = numbers(seed, shape.iter().product());
    let bytes = values.iter().flat_map(|v| f16::from_f32(size * (v + 1.1)).to_le_bytes()).collect();
    Source { name: name.into(), dtype: Dtype::F16, shape: shape.to_vec(), bytes }
}

fn gain(name: &str, size: usize) -> Source {
    let bytes = numbers(size as u64, size).iter().flat_map(|v| (1.0 + 0.1 * v).to_le_bytes()).collect();
    Source { name: name.into(), dtype: Dtype::F32, shape: vec![size], bytes }
}
