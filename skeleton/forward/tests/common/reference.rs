//! The network once more, place by place in plain float32 from the tensors of its file: the measure of what the body computes.
use super::counting;
use forward::{Attention, Spec};
use quant::Scheme;
use std::path::Path;
use weights::{Dtype, Tensor, Weights};

const HEAD: usize = 64;

/// A network of text, all its tensors as floats.
pub struct Reference {
    weights: Weights,
    spec: Spec,
}

impl Reference {
    pub fn open(folder: &Path) -> Self {
        let json = std::fs::read_to_string(folder.join("score.json")).unwrap();
        Self { weights: Weights::open(folder.join("weights.arrow")).unwrap(), spec: Spec::parse(&json).unwrap() }
    }

    /// Logits `[ids, vocabulary]` of a text of which the first `prefix` tokens are a prefix and the rest a canvas.
    pub fn logits(&self, ids: &[u32], prefix: usize) -> Vec<f32> {
        let (spec, width) = (&self.spec, self.spec.width);
        let table = self.floats("emb");
        let mut x: Vec<Vec<f32>> = ids.iter().map(|&id| table[id as usize * width..][..width].to_vec()).collect();
        for layer in 0..spec.layers {
            self.block(layer, prefix, &mut x);
        }
        let head = if spec.tied_embedding { table } else { self.floats("head") };
        x.iter().flat_map(|x| product(&head, &norm(x, &self.floats("nf"), spec.norm_epsilon))).collect()
    }

    fn sees(&self, row: usize, key: usize, prefix: usize) -> bool {
        match self.spec.attention {
            Attention::PrefixCanvas => key <= row || row >= prefix,
            Attention::Bidirectional => true,
            Attention::BlockCausal(block) => key / block <= row / block,
        }
    }

    fn block(&self, layer: usize, prefix: usize, x: &mut [Vec<f32>]) {
        let (spec, eps) = (&self.spec, self.spec.norm_epsilon);
        let get = |name: &str| self.floats(&format!("blocks.{layer}.{name}"));
        let normed: Vec<_> = x.iter().map(|x| norm(x, &get("n1"), eps)).collect();
        let turned = |matrix: &str, gain: &str| -> Vec<Vec<f32>> {
            let (matrix, gain) = (get(matrix), spec.query_key_norm.then(|| get(gain)));
            let rows = normed.iter().zip(counting(0, x.len()));
            rows.map(|(h, position)| turn(product(&matrix, h), gain.as_deref(), eps, position)).collect()
        };
        let (queries, keys) = (turned("wq", "qn"), turned("wk", "kn"));
        let values: Vec<_> = normed.iter().map(|h| product(&get("wv"), h)).collect();
        for (row, x) in x.iter_mut().enumerate() {
            let seen: Vec<usize> = (0..keys.len()).filter(|&key| self.sees(row, key, prefix)).collect();
            let mut mixed = Vec::new();
            for head in 0..spec.heads {
                let of = head * spec.key_value_heads / spec.heads * HEAD;
                let query = &queries[row][head * HEAD..][..HEAD];
                let scores: Vec<f32> = seen.iter().map(|&k| dot(query, &keys[k][of..][..HEAD]) / 8.0).collect();
                let most = scores.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
                let total: f32 = scores.iter().map(|s| (s - most).exp()).sum();
                let part = |d: usize| {
                    seen.iter().zip(&scores).map(|(&k, s)| (s - most).exp() / total * values[k][of + d]).sum()
                };
                mixed.extend((0..HEAD).map(part).collect::<Vec<f32>>());
            }
            add(x, &product(&get("wo"), &mixed));
            let h = norm(x, &get("n2"), eps);
            let (gate, up) = (product(&get("gate"), &h), product(&get("up"), &h));
            let inner: Vec<f32> = gate.iter().zip(up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
            add(x, &product(&get("down"), &inner));
        }
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let tensor: Tensor = self.weights.get(name).unwrap();
        if tensor.scheme == "plain" {
            assert_eq!(tensor.dtype, Dtype::F32);
            return tensor.f32s().unwrap().to_vec();
        }
        let (rows, columns) = tensor.matrix().unwrap();
        let scheme =
            [Scheme::Int2G64, Scheme::Int4G64, Scheme::Int8Row].into_iter().find(|s| s.name() == tensor.scheme);
        quant::dequantise(tensor.packed, tensor.scale_bits().unwrap(), rows, columns, scheme.unwrap()).unwrap()
    }
}

fn add(x: &mut [f32], more: &[f32]) {
    x.iter_mut().zip(more).for_each(|(x, m)| *x += m);
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn product(matrix: &[f32], x: &[f32]) -> Vec<f32> {
    matrix.chunks_exact(x.len()).map(|row| dot(row, x)).collect()
}

fn norm(x: &[f32], gain: &[f32], epsilon: f32) -> Vec<f32> {
    let root = (dot(x, x) / x.len() as f32 + epsilon).sqrt();
    x.iter().zip(gain).map(|(x, g)| x / root * g).collect()
}

fn turn(mut x: Vec<f32>, gain: Option<&[f32]>, epsilon: f32, position: f32) -> Vec<f32> {
    for head in x.chunks_exact_mut(HEAD) {
        if let Some(gain) = gain {
            head.copy_from_slice(&norm(head, gain, epsilon));
        }
        for i in 0..HEAD / 2 {
            let angle = f64::from(position) * 10_000f64.powf(-2.0 * i as f64 / HEAD as f64);
            let (sine, cosine) = (angle.sin() as f32, angle.cos() as f32);
            let (a, b) = (head[i], head[i + HEAD / 2]);
            (head[i], head[i + HEAD / 2]) = (a * cosine - b * sine, a * sine + b * cosine);
        }
    }
    x
}
