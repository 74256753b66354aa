//! What the promises of this crate share: the shipped network, its golden vectors, and passes over them. Promises nothing itself.
#![allow(dead_code, clippy::unwrap_used)]
pub mod reference;
pub mod tiny;

use forward::{Cache, Input, Network, Pass, See};
use foundation::pool::Pool;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use weights::Weights;
use weights::safetensors::Archive;

/// A path from the root of the repository.
pub fn from_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The shipped network on `threads` threads.
pub fn base(threads: usize) -> Network {
    open(&from_root("brain/pretrained/base"), threads)
}

/// The network in a folder of the product's form.
pub fn open(folder: &Path, threads: usize) -> Network {
    let weights = Weights::open(folder.join("weights.arrow")).unwrap();
    let json = std::fs::read_to_string(folder.join("score.json")).unwrap();
    Network::open(Arc::new(weights), &json, Pool::new(threads).unwrap()).unwrap()
}

/// The golden vectors of the shipped network.
pub struct Golden(Archive);

impl Golden {
    pub fn open() -> Self {
        Self(Archive::open(from_root("tests/parity/golden/golden.safetensors")).unwrap())
    }

    pub fn floats(&self, name: &str) -> Vec<f32> {
        let bytes = self.0.get(name).unwrap().bytes;
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    }

    pub fn codes(&self, name: &str) -> Vec<i8> {
        self.0.get(name).unwrap().bytes.iter().map(|&b| b as i8).collect()
    }

    pub fn ids(&self, name: &str) -> Vec<u32> {
        let bytes = self.0.get(name).unwrap().bytes;
        bytes.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as u32).collect()
    }
}

/// The positions `from .. from + count`.
pub fn counting(from: usize, count: usize) -> Vec<f32> {
    (from..from + count).map(|i| i as f32).collect()
}

/// A pass of text.
pub fn text<'a>(cache: &'a mut Cache, ids: &'a [u32], positions: &'a [f32], see: See) -> Pass<'a> {
    Pass { cache, input: Input::Tokens(ids), rows: positions, columns: positions, see }
}

/// The largest difference between two slices of one length.
pub fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The bits of floats, to compare them exactly.
pub fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|v| v.to_bits()).collect()
}

/// Numbers in -1 .. 1 that look random and are always the same.
pub fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let noise = forward::noise::Noise::new(seed, 0);
    (0..count as u32).map(|i| (2.0 * noise.uniform(i) - 1.0) as f32).collect()
}

/// The tiny network on `threads` threads, its files in `home`.
pub fn tiny(home: &Path, threads: usize) -> Network {
    let out = home.join("out");
    if !out.exists() {
        tiny::folder(&home.join("in"), tiny::JSON, &tiny::sources());
        forward::import::from_score_folder(home.join("in"), &out).unwrap();
    }
    open(&out, threads)
}
