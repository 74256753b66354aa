//! What `score.json` says of a network, checked whole, and the name and shape of every tensor that follows from it. Reads no tensors.
use crate::law::{Attention, MAX_BLOCK, Prediction};
use foundation::{Fault, Outcome};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The only head size that the attention kernel computes.
pub const HEAD_SIZE: usize = 64;
/// How many numbers stand for one time before the time network: cosine and sine of 128 frequencies.
pub const TIME_FEATURES: usize = 256;
/// The largest `score.json` that is read, in bytes.
pub const MAX_JSON_BYTES: usize = 4 << 20;

/// One continuous kind: its noisy vectors have `channels` numbers, its prompts end with the token `tag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Kind {
    /// Numbers in one vector.
    pub channels: usize,
    /// The token that ends its prompt.
    pub tag: u32,
}

/// What a tensor is for; it decides which schemes are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// One of the seven matrices of a block.
    Trunk,
    /// A table with a row a token: the embedding, or a head of its own.
    Embedding,
    /// The gain of a norm.
    Gain,
    /// A small matrix outside of the trunk.
    Small,
}

/// One tensor that the network must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its name in the product's file.
    pub name: String,
    /// Its logical shape, `[out, in]` for a matrix.
    pub shape: Vec<usize>,
    /// What it is for.
    pub role: Role,
}

/// The network as its description gives it. All sizes are checked against the bounds named at `Spec::parse`.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The network's name.
    pub name: String,
    /// Width of the residual stream.
    pub width: usize,
    /// How many blocks.
    pub layers: usize,
    /// Query heads a block.
    pub heads: usize,
    /// Key and value heads a block; divides `heads`.
    pub key_value_heads: usize,
    /// Inner width of the gated unit.
    pub feed_forward: usize,
    /// Epsilon of every norm.
    pub norm_epsilon: f32,
    /// Base of the rotation's frequencies.
    pub rope_theta: f64,
    /// Whether queries and keys pass a norm before they are turned.
    pub query_key_norm: bool,
    /// Whether the table of embeddings is the head too; otherwise there is a tensor `head`.
    pub tied_embedding: bool,
    /// What a row may see.
    pub attention: Attention,
    /// Which place a row of text speaks of.
    pub prediction: Prediction,
    /// How many tokens.
    pub vocabulary: usize,
    /// The mask token of text canvases.
    pub mask: u32,
    /// The continuous kinds by name.
    pub kinds: BTreeMap<String, Kind>,
}

#[derive(Deserialize)]
struct Document {
    format: String,
    name: String,
    parameters: Option<u64>,
    trunk: Trunk,
    attention: String,
    attention_block: Option<usize>,
    text: Text,
    #[serde(default)]
    continuous: BTreeMap<String, Kind>,
}

#[derive(Deserialize)]
struct Trunk {
    width: usize,
    layers: usize,
    heads: usize,
    key_value_heads: usize,
    head_size: usize,
    feed_forward: usize,
    norm_epsilon: f64,
    rope_theta: f64,
    query_key_norm: bool,
    tied_embedding: bool,
}

#[derive(Deserialize)]
struct Text {
    vocabulary: usize,
    prediction: String,
    mask: u32,
}

impl Spec {
    /// Read the text of a `score.json`.
    ///
    /// Bounds: width and feed_forward multiples of 64 up to 16,384 and 65,536; layers and heads 1 to 256; vocabulary
    /// 16 to 2^20; channels 1 to 4,096; at most 64 kinds. Errors: `Corrupt` for what is not such a document, `OutOfRange`
    /// for a size out of bounds, `Unsupported` for a network of another construction.
    pub fn parse(json: &str) -> Outcome<Self> {
        if json.len() > MAX_JSON_BYTES {
            return Err(Fault::out_of_range("score.json in bytes", format!("0 ..= {MAX_JSON_BYTES}"), json.len()));
        }
        let document: Document = serde_json::from_str(json).map_err(|e| corrupt(json, &e))?;
        document.refuse_other_networks()?;
        let spec = document.into_spec()?;
        spec.check()?;
        Ok(spec.0)
    }

    /// Width of all query heads together.
    pub fn query_width(&self) -> usize {
        self.heads * HEAD_SIZE
    }

    /// Width of all key heads together, which is that of the values too.
    pub fn key_width(&self) -> usize {
        self.key_value_heads * HEAD_SIZE
    }

    /// The kind called `name`, or `NotFound` with the names there are.
    pub fn kind(&self, name: &str) -> Outcome<Kind> {
        self.kinds.get(name).copied().ok_or_else(|| {
            let known: Vec<&str> = self.kinds.keys().map(String::as_str).collect();
            Fault::not_found(format!("the kind {name:?} in the network {:?} (it has {})", self.name, known.join(", ")))
        })
    }

    /// Every tensor of the network, in a fixed order: embedding, blocks, last norm, head of its own, time, modulation, kinds.
    pub fn tensors(&self) -> Vec<TensorSpec> {
        let matrix =
            |name: String, out: usize, inputs: usize, role| TensorSpec { name, shape: vec![out, inputs], role };
        let gain = |name: String, width: usize| TensorSpec { name, shape: vec![width], role: Role::Gain };
        let (width, inner) = (self.width, self.feed_forward);
        let mut all = vec![matrix("emb".into(), self.vocabulary, width, Role::Embedding)];
        for layer in 0..self.layers {
            for (name, out, inputs) in [
                ("wq", self.query_width(), width),
                ("wk", self.key_width(), width),
                ("wv", self.key_width(), width),
                ("wo", width, self.query_width()),
                ("gate", inner, width),
                ("up", inner, width),
                ("down", width, inner),
            ] {
                all.push(matrix(format!("blocks.{layer}.{name}"), out, inputs, Role::Trunk));
            }
            let norms = [("n1", width), ("n2", width), ("qn", HEAD_SIZE), ("kn", HEAD_SIZE)];
            for (name, size) in &norms[..if self.query_key_norm { 4 } else { 2 }] {
                all.push(gain(format!("blocks.{layer}.{name}"), *size));
            }
        }
        all.push(gain("nf".into(), width));
        if !self.tied_embedding {
            all.push(matrix("head".into(), self.vocabulary, width, Role::Embedding));
        }
        all.push(matrix("time.0".into(), width, TIME_FEATURES, Role::Small));
        all.push(matrix("time.2".into(), width, width, Role::Small));
        all.push(matrix("mod".into(), 2 * width, width, Role::Small));
        for (name, kind) in &self.kinds {
            all.push(matrix(format!("inp.{name}"), width, kind.channels, Role::Small));
            all.push(matrix(format!("out.{name}"), kind.channels, width, Role::Small));
        }
        all
    }

    /// How many parameters the network has.
    pub fn parameters(&self) -> u64 {
        self.tensors().iter().map(|t| t.shape.iter().map(|&n| n as u64).product::<u64>()).sum()
    }
}

struct Unchecked(Spec, Option<u64>);

impl Unchecked {
    fn check(&self) -> Outcome<()> {
        let spec = &self.0;
        within("trunk.width", spec.width, 64, 16_384, 64)?;
        within("trunk.feed_forward", spec.feed_forward, 64, 65_536, 64)?;
        within("trunk.layers", spec.layers, 1, 256, 1)?;
        within("trunk.heads", spec.heads, 1, 256, 1)?;
        within("trunk.key_value_heads", spec.key_value_heads, 1, spec.heads, 1)?;
        within("text.vocabulary", spec.vocabulary, 16, 1 << 20, 1)?;
        within("how many continuous kinds", spec.kinds.len(), 0, 64, 1)?;
        if !spec.heads.is_multiple_of(spec.key_value_heads) {
            let want = format!("the divisors of {} heads", spec.heads);
            return Err(Fault::out_of_range("trunk.key_value_heads", want, spec.key_value_heads));
        }
        if !(spec.norm_epsilon > 0.0 && spec.norm_epsilon <= 1.0) {
            return Err(Fault::out_of_range("trunk.norm_epsilon", "(0, 1]", spec.norm_epsilon));
        }
        if !(spec.rope_theta >= 1.0 && spec.rope_theta <= 1e12) {
            return Err(Fault::out_of_range("trunk.rope_theta", "[1, 1e12]", spec.rope_theta));
        }
        let token = |what: &str, id: u32| within(what, id as usize, 0, spec.vocabulary - 1, 1);
        token("text.mask", spec.mask)?;
        for (name, kind) in &spec.kinds {
            within(&format!("continuous.{name}.channels"), kind.channels, 1, 4096, 1)?;
            token(&format!("continuous.{name}.tag"), kind.tag)?;
        }
        match self.1 {
            Some(claimed) if claimed != spec.parameters() => {
                Err(Fault::out_of_range("parameters", format!("the sum of the shapes, {}", spec.parameters()), claimed))
            }
            _ => Ok(()),
        }
    }
}

impl Document {
    fn refuse_other_networks(&self) -> Outcome<()> {
        let ask = |what: &str, got: &str, want: &str| match got == want {
            true => Ok(()),
            false => Err(unsupported(format!("{what} {got:?}"), format!("{want:?}"))),
        };
        ask("score.json of the format", &self.format, "aios-score/1")?;
        if self.trunk.head_size != HEAD_SIZE {
            return Err(unsupported(format!("trunk.head_size {}", self.trunk.head_size), HEAD_SIZE.to_string()));
        }
        Ok(())
    }

    fn attention(&self) -> Outcome<Attention> {
        match (self.attention.as_str(), self.attention_block) {
            ("prefix causal, canvas bidirectional", None) => Ok(Attention::PrefixCanvas),
            ("bidirectional", None) => Ok(Attention::Bidirectional),
            ("block-causal", Some(block)) => {
                within("attention_block", block, 1, MAX_BLOCK, 1)?;
                Ok(Attention::BlockCausal(block))
            }
            (word, block) => {
                let taken = "\"prefix causal, canvas bidirectional\", \"bidirectional\", or \"block-causal\" with attention_block";
                Err(unsupported(format!("attention {word:?} with attention_block {block:?}"), taken.into()))
            }
        }
    }

    fn prediction(&self) -> Outcome<Prediction> {
        match self.text.prediction.as_str() {
            "shifted" => Ok(Prediction::Shifted),
            "same" => Ok(Prediction::Same),
            word => Err(unsupported(format!("text.prediction {word:?}"), "\"shifted\" or \"same\"".into())),
        }
    }

    fn into_spec(self) -> Outcome<Unchecked> {
        let (attention, prediction) = (self.attention()?, self.prediction()?);
        let trunk = self.trunk;
        let spec = Spec {
            name: self.name,
            width: trunk.width,
            layers: trunk.layers,
            heads: trunk.heads,
            key_value_heads: trunk.key_value_heads,
            feed_forward: trunk.feed_forward,
            norm_epsilon: trunk.norm_epsilon as f32,
            rope_theta: trunk.rope_theta,
            query_key_norm: trunk.query_key_norm,
            tied_embedding: trunk.tied_embedding,
            attention,
            prediction,
            vocabulary: self.text.vocabulary,
            mask: self.text.mask,
            kinds: self.continuous,
        };
        Ok(Unchecked(spec, self.parameters))
    }
}

fn unsupported(what: String, taken: String) -> Fault {
    Fault::Unsupported { what, instead: format!("this body computes {taken}; convert the model, or use another body") }
}

fn within(what: &str, value: usize, low: usize, high: usize, step: usize) -> Outcome<()> {
    if value < low || value > high || !value.is_multiple_of(step) {
        let range =
            if step == 1 { format!("{low} ..= {high}") } else { format!("{low} ..= {high} in steps of {step}") };
        return Err(Fault::out_of_range(what, range, value));
    }
    Ok(())
}

fn corrupt(json: &str, error: &serde_json::Error) -> Fault {
    let before: usize = json.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let offset = (before + error.column().saturating_sub(1)).min(json.len());
    Fault::corrupt(Path::new("score.json"), offset as u64, error.to_string())
}
