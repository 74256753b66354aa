//! The `tokenizers` crate behind our contract: for files whose pattern or rules we do not cut by hand. Merges nothing itself.
use foundation::{Fault, Outcome};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::OnceLock;
use tokenizers::Encoding;

/// A file as that crate reads it.
pub(crate) struct Reference {
    read: tokenizers::Tokenizer,
    parsing: OnceLock<tokenizers::Tokenizer>,
    plain: OnceLock<tokenizers::Tokenizer>,
}

impl Reference {
    /// Read a file that was checked. `Corrupt` where the crate refuses it.
    pub(crate) fn read(json: &[u8], path: &Path) -> Outcome<Self> {
        let corrupt = |why: String| Fault::corrupt(path, 0, why);
        let mut read = match catch_unwind(AssertUnwindSafe(|| tokenizers::Tokenizer::from_bytes(json))) {
            Ok(Ok(inner)) => inner,
            Ok(Err(error)) => return Err(corrupt(error.to_string())),
            Err(_) => return Err(corrupt("its parser gave up".into())),
        };
        read.with_truncation(None).map_err(|error| corrupt(error.to_string()))?;
        read.with_padding(None);
        Ok(Self { read, parsing: OnceLock::new(), plain: OnceLock::new() })
    }

    pub(crate) fn id(&self, piece: &str) -> Option<u32> {
        self.read.token_to_id(piece)
    }

    pub(crate) fn to_json(&self) -> Outcome<String> {
        self.read
            .to_string(true)
            .map_err(|error| Fault::bug(format!("a tokenizer that was read is not written: {error}")))
    }

    /// Copies without a post-processor: it would add nothing to the ids and trim the spans.
    fn copy(&self, as_text: bool) -> &tokenizers::Tokenizer {
        let slot = if as_text { &self.plain } else { &self.parsing };
        slot.get_or_init(|| {
            let mut copy = self.read.clone();
            copy.with_post_processor(None::<tokenizers::PostProcessorWrapper>);
            copy.set_encode_special_tokens(as_text);
            copy
        })
    }

    pub(crate) fn encode(&self, text: &str, as_text: bool, path: &Path) -> Outcome<Vec<u32>> {
        let inner = self.copy(as_text);
        guarded(path, || inner.encode_fast(text, false)).map(|encoding| encoding.get_ids().to_vec())
    }

    pub(crate) fn encode_spans(
        &self,
        text: &str,
        as_text: bool,
        path: &Path,
    ) -> Outcome<(Vec<u32>, Vec<Range<usize>>)> {
        let inner = self.copy(as_text);
        let encoding = guarded(path, || inner.encode(text, false))?;
        let spans = encoding.get_offsets().iter().map(|&(start, end)| start..end).collect();
        Ok((encoding.get_ids().to_vec(), spans))
    }
}

fn guarded(path: &Path, encode: impl FnOnce() -> tokenizers::Result<Encoding>) -> Outcome<Encoding> {
    match catch_unwind(AssertUnwindSafe(encode)) {
        Ok(Ok(encoding)) => Ok(encoding),
        Ok(Err(error)) => Err(Fault::corrupt(path, 0, format!("it does not encode a text: {error}"))),
        Err(_) => Err(Fault::corrupt(path, 0, "its pattern gave up on a text")),
    }
}
