//! The heavy calculation: pure; a file comes part by part, and what is unfinished is carried over.

use aqueduct::serde::{Deserialize, Serialize};

/// What adds up: figures of a part, of a file, of all files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "aqueduct::serde")]
pub(crate) struct Figures {
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
    pub(crate) words: u64,
    /// In characters.
    pub(crate) longest_line: u64,
    /// The sum of the hashes of all lines.
    pub(crate) hash: u64,
}

/// The line and the word that go on in the next part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "aqueduct::serde")]
pub(crate) struct Carry {
    line: Option<Span>,
    word: Option<Span>,
}

/// What is known of one part of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "aqueduct::serde")]
pub(crate) struct Analysis {
    pub(crate) figures: Figures,
    /// The hash of each different word that ends in this part.
    pub(crate) vocabulary: Vec<u64>,
    /// For the next part; none after the last one.
    pub(crate) carry: Option<Carry>,
}

/// A piece of text as far as it was seen: its length and its 64-bit FNV-1a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "aqueduct::serde")]
struct Span {
    chars: u64,
    hash: u64,
}

impl Figures {
    /// Returns the figures of two texts together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            lines: self.lines + other.lines,
            words: self.words + other.words,
            longest_line: self.longest_line.max(other.longest_line),
            hash: self.hash.wrapping_add(other.hash),
        }
    }
}

impl Analysis {
    /// Analyses a part of a text; no part but the last may end between `\r` and `\n`.
    pub(crate) fn of(text: &str, mut carry: Carry, is_last: bool) -> Self {
        let mut analysis = Self::default();
        analysis.figures.bytes = text.len() as u64;
        for piece in text.split_inclusive('\n') {
            let line = piece.strip_suffix('\n');
            let line = line.map(|line| line.strip_suffix('\r').unwrap_or(line));
            extend(&mut carry.line, line.unwrap_or(piece));
            if line.is_some() {
                analysis.end_line(&mut carry);
            }
        }
        for piece in text.split_inclusive(is_between_words) {
            let word = piece.trim_end_matches(is_between_words);
            if !word.is_empty() {
                extend(&mut carry.word, word);
            }
            if word.len() < piece.len() {
                analysis.end_word(&mut carry);
            }
        }
        if is_last {
            analysis.end_line(&mut carry);
            analysis.end_word(&mut carry);
        }
        analysis.carry = (!is_last).then_some(carry);
        analysis.vocabulary.sort_unstable();
        analysis.vocabulary.dedup();
        analysis
    }

    fn end_line(&mut self, carry: &mut Carry) {
        if let Some(line) = carry.line.take() {
            self.figures.lines += 1;
            self.figures.longest_line = self.figures.longest_line.max(line.chars);
            self.figures.hash = self.figures.hash.wrapping_add(line.hash);
        }
    }

    fn end_word(&mut self, carry: &mut Carry) {
        if let Some(word) = carry.word.take() {
            self.figures.words += 1;
            self.vocabulary.push(word.hash);
        }
    }
}

impl Default for Span {
    fn default() -> Self {
        Self {
            chars: 0,
            hash: 0xcbf2_9ce4_8422_2325,
        }
    }
}

fn extend(span: &mut Option<Span>, text: &str) {
    let span = span.get_or_insert_default();
    span.chars += text.chars().count() as u64;
    for byte in text.bytes() {
        span.hash = (span.hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
}

fn is_between_words(char: char) -> bool {
    !char.is_alphanumeric()
}
