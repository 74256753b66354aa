//! A tour of the body: open the shipped network, read a prompt, draft sixteen places at once, verify them in one causal pass.
//! `draft_and_verify [FOLDER]`. Prints tokens, not text: the tokenizer is another room.
use forward::{Ask, Cache, Choice, Input, Network, Pass, Precision, Proposal, See};
use foundation::pool::Pool;
use foundation::{Cancel, Fault, Outcome};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use weights::Weights;

const BLOCK: usize = 16;

fn main() -> Outcome<()> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../brain/pretrained/base");
    let folder: PathBuf = std::env::args().nth(1).map_or(shipped, Into::into);
    let json = std::fs::read_to_string(folder.join("score.json")).map_err(|e| Fault::io(&folder, e))?;
    let network = Network::open(Arc::new(Weights::open(folder.join("weights.arrow"))?), &json, Pool::new(2)?)?;
    let spec = network.spec();
    println!("{}: {} layers, {} wide, {} tokens", spec.name, spec.layers, spec.width, spec.vocabulary);

    let prompt = [1, 300, 411, 502, 613];
    let mut prefix = network.cache();
    let first = pass(&network, &mut prefix, &prompt, See::Causal)?;
    let anchor = first.token[prompt.len() - 1];
    println!("after the prompt: token {anchor}, ln p {:.2}", first.log_prob[prompt.len() - 1]);

    // The canvas sees itself whole; it leaves the prefix as it was.
    let mut draft = [spec.mask; BLOCK];
    draft[0] = anchor;
    let guess = pass(&network, &mut prefix, &draft, See::Canvas)?;
    draft[1..].copy_from_slice(&guess.token[..BLOCK - 1]);
    // The causal pass gives each place the exact next-token choice, and makes the prefix longer.
    let truth = pass(&network, &mut prefix, &draft, See::Causal)?;
    let kept = 1 + (1..BLOCK).take_while(|&k| draft[k] == truth.token[k - 1]).count();
    prefix.truncate(prompt.len() + kept)?;
    println!("drafted {draft:?}\nkept {kept}; the prefix has {} tokens in {} bytes", prefix.len(), prefix.len_bytes());
    Ok(())
}

fn pass(network: &Network, cache: &mut Cache, ids: &[u32], see: See) -> Outcome<Proposal> {
    let at: Vec<f32> = (cache.len()..cache.len() + ids.len()).map(|i| i as f32).collect();
    let greedy = Choice { forbid: vec![network.spec().mask], ..Choice::default() };
    let ask = Ask { choice: &greedy, rows: 0..ids.len(), targets: None };
    let one = Pass { cache, input: Input::Tokens(ids), rows: &at, columns: &at, see };
    let mut all = network.propose(&mut [one], &[ask], Precision::Int8, &Cancel::never())?;
    all.pop().ok_or_else(|| Fault::bug("one pass has one proposal"))
}
