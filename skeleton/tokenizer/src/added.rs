//! Finds added tokens in a text before it is cut into words. Decides nothing about the rest of the text.
use aho_corasick::{AhoCorasick, MatchKind};
use std::ops::Range;

/// An added token as the file describes it.
#[derive(Clone)]
pub(crate) struct Rule {
    pub id: u32,
    pub content: String,
    pub special: bool,
    /// Takes the spaces before it along.
    pub left: bool,
    /// Takes the spaces behind it along.
    pub right: bool,
}

/// A part of a text: one added token, or text without any.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub token: Option<u32>,
    pub span: Range<usize>,
}

/// One set of tokens that are looked for together: the longest of the leftmost wins.
pub(crate) struct Finder {
    rules: Vec<Rule>,
    engine: Option<AhoCorasick>,
    all_special: bool,
}

impl Finder {
    /// `None` where the engine refuses the tokens.
    pub(crate) fn new(rules: Vec<Rule>) -> Option<Self> {
        let engine = match rules.is_empty() {
            true => None,
            false => {
                let contents = rules.iter().map(|rule| &rule.content);
                Some(AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(contents).ok()?)
            }
        };
        let all_special = rules.iter().all(|rule| rule.special);
        Some(Self { rules, engine, all_special })
    }

    /// The parts of `text` in order; none is empty. A special token is not looked at where `as_text`, but what it spells
    /// hides other tokens in it.
    pub(crate) fn parts(&self, text: &str, as_text: bool) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut done = 0;
        let engine = self.engine.as_ref().filter(|_| !(as_text && self.all_special));
        for found in engine.iter().flat_map(|engine| engine.find_iter(text)) {
            let rule = &self.rules[found.pattern().as_usize()];
            if as_text && rule.special {
                continue;
            }
            let (mut start, mut end) = (found.start(), found.end());
            if rule.left {
                start = text[..start].trim_end().len().max(done);
            }
            if rule.right {
                end = text.len() - text[end..].trim_start().len();
            }
            if done < start {
                parts.push(Part { token: None, span: done..start });
            }
            parts.push(Part { token: Some(rule.id), span: start..end });
            done = end;
        }
        if done < text.len() {
            parts.push(Part { token: None, span: done..text.len() });
        }
        parts
    }
}
