//! Our own way from text to ids: added tokens, words, whole pieces, merges. Reads no file; another kind is `reference`.
use crate::added::{Finder, Part};
use crate::compose::compose;
use crate::cuts::Cuts;
use crate::merges::Merges;
use crate::split::{Splitter, Window};
use crate::whole::Whole;
use crate::words::{FEW, Key, SHORT, Words, hash};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Words that are looked up together.
const BATCH: usize = 32;
/// Caches that are kept for later texts.
const MOST_SPARE: usize = 64;

/// Everything that text is turned to ids by.
pub(crate) struct Encoder {
    pub splitter: Splitter,
    pub merges: Merges,
    pub whole: Whole,
    /// Tokens that are looked for before a text is normalised.
    pub raw: Finder,
    /// Tokens that are looked for after.
    pub normalised: Finder,
    /// Whether text is brought to the normal form C.
    pub composed: bool,
    /// Whether a space is put before a text that has none.
    pub prefix_space: bool,
    pub spare: Spare,
}

/// What a thread encodes with: room for cuts, and the words that it remembers.
pub(crate) struct Store {
    cuts: Cuts,
    words: Words,
    fresh: Vec<u32>,
}

impl Store {
    fn new() -> Self {
        Self { cuts: Cuts::new(), words: Words::new(), fresh: Vec::new() }
    }
}

/// Caches that no thread uses just now.
#[derive(Default)]
pub(crate) struct Spare(Mutex<Vec<Store>>);

/// A cache on loan; it comes back when this goes.
pub(crate) struct Lent<'a> {
    store: Option<Store>,
    home: &'a Spare,
}

impl Spare {
    pub(crate) fn lend(&self) -> Lent<'_> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Lent { store: kept, home: self }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut spare = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MOST_SPARE {
            spare.extend(self.store.take());
        }
    }
}

/// Ids as they come; some zeros stand behind them until `take`.
struct Ids {
    all: Vec<u32>,
    used: usize,
}

impl Ids {
    fn new(text_bytes: usize) -> Self {
        Self { all: vec![0; text_bytes / 4 + 16], used: 0 }
    }

    #[inline(always)]
    fn push_few(&mut self, ids: &[u32; FEW], count: usize) {
        if let Some(free) = self.all.get_mut(self.used..).and_then(<[u32]>::first_chunk_mut::<FEW>) {
            *free = *ids;
            self.used += count;
        } else {
            self.push(&ids[..count]);
        }
    }

    #[cold]
    fn push(&mut self, ids: &[u32]) {
        let end = self.used + ids.len();
        if self.all.len() < end + FEW {
            self.all.resize((end + FEW) * 3 / 2, 0);
        }
        self.all[self.used..end].copy_from_slice(ids);
        self.used = end;
    }

    fn take(mut self) -> Vec<u32> {
        self.all.truncate(self.used);
        self.all
    }
}

impl Encoder {
    /// The ids of `text`, which is below 1 GiB.
    pub(crate) fn encode(&self, text: &str, as_text: bool, lent: &mut Lent<'_>) -> Vec<u32> {
        let store = lent.store.get_or_insert_with(Store::new);
        let mut ids = Ids::new(text.len());
        self.each(text, as_text, |part, piece| match part.token {
            Some(id) => ids.push(&[id]),
            None => self.plain(piece.as_bytes(), store, &mut ids),
        });
        ids.take()
    }

    /// Ids, and the bytes of `text` that each spells; `None` where the text that is merged is not `text` itself.
    pub(crate) fn encode_spans(
        &self,
        text: &str,
        as_text: bool,
        bytes: &[Option<Box<[u8]>>],
    ) -> Option<(Vec<u32>, Vec<Range<usize>>)> {
        let mut lent = self.spare.lend();
        let store = lent.store.get_or_insert_with(Store::new);
        let (mut ids, mut spans, mut same) = (Ids::new(text.len()), Vec::new(), true);
        self.each(text, as_text, |part, piece| {
            same &= piece.len() == part.span.len() && text.get(part.span.clone()) == Some(piece);
            let first = ids.used;
            match part.token {
                Some(id) => {
                    ids.push(&[id]);
                    spans.push(part.span);
                }
                None => {
                    self.plain(piece.as_bytes(), store, &mut ids);
                    let mut at = part.span.start;
                    for &id in &ids.all[first..ids.used] {
                        let end = at + bytes.get(id as usize).and_then(Option::as_ref).map_or(0, |b| b.len());
                        spans.push(at..end);
                        at = end;
                    }
                }
            }
        });
        same.then(|| (ids.take(), spans))
    }

    /// Every part of a text in order, with what is merged of it. Spans are those of the normalised text where it differs.
    fn each(&self, text: &str, as_text: bool, mut take: impl FnMut(Part, &str)) {
        for part in self.raw.parts(text, as_text) {
            let piece = &text[part.span.clone()];
            if part.token.is_some() {
                take(part, piece);
                continue;
            }
            let piece = if self.composed { compose(piece) } else { Cow::Borrowed(piece) };
            for inner in self.normalised.parts(&piece, as_text) {
                let words = &piece[inner.span.clone()];
                let span = inner.span.start + part.span.start..inner.span.end + part.span.start;
                let inner = Part { token: inner.token, span };
                if self.prefix_space && inner.token.is_none() && !words.starts_with(' ') {
                    take(inner, &format!(" {words}"));
                } else {
                    take(inner, words);
                }
            }
        }
    }

    fn plain(&self, text: &[u8], store: &mut Store, ids: &mut Ids) {
        let Store { cuts, words, fresh } = store;
        let (mut batch, mut count) = ([(0, 0); BATCH], 0);
        cuts.words(
            &self.splitter,
            text,
            #[inline(always)]
            |word| {
                batch[count % BATCH] = (word.start, word.len());
                count += 1;
                if count == BATCH {
                    self.look_up(text, &batch, words, fresh, ids);
                    count = 0;
                }
            },
        );
        self.look_up(text, &batch[..count], words, fresh, ids);
    }

    /// The ids of words, by their starts and lengths. All are asked for before the first is used: that way the
    /// processor waits for memory once, not once a word.
    #[inline(never)]
    fn look_up(&self, text: &[u8], batch: &[(usize, usize)], words: &mut Words, fresh: &mut Vec<u32>, ids: &mut Ids) {
        let (mut keys, mut touched) = ([Key::default(); BATCH], 0);
        for (key, &(start, length)) in keys.iter_mut().zip(batch) {
            *key = Key::new(Window::at(text, start).first(length), length);
            touched ^= words.touch(*key);
        }
        std::hint::black_box(touched);
        for (&key, &(start, length)) in keys.iter().zip(batch) {
            if length > SHORT {
                self.seldom(&text[start..start + length], None, words, fresh, ids);
                continue;
            }
            match words.get(key) {
                Some((few, count)) => ids.push_few(few, count),
                None => self.seldom(&text[start..start + length], Some(key), words, fresh, ids),
            }
        }
    }

    /// A word that is long, or not among the short ones that are remembered.
    #[inline(never)]
    fn seldom(&self, word: &[u8], key: Option<Key>, words: &mut Words, fresh: &mut Vec<u32>, ids: &mut Ids) {
        let number = hash(word);
        if let Some(known) = words.get_long(word, number) {
            return ids.push(known);
        }
        fresh.clear();
        match self.whole.get(word, number) {
            Some(id) => fresh.push(id),
            None => self.merges.merge(word, fresh),
        }
        match key {
            Some(key) if fresh.len() <= FEW => words.put(key, fresh),
            _ => words.put_long(word, number, fresh),
        }
        ids.push(fresh);
    }
}
