//! The heavy calculation: pure, and cut into parts for large files.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

/// What is known of a text, or of a part of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Analysis {
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
    pub(crate) words: u64,
    /// Different words; over several parts the largest count of one.
    pub(crate) vocabulary: u64,
    /// In characters.
    pub(crate) longest_line: u64,
    /// The sum of the hashes of all lines: parts add up in any order.
    pub(crate) hash: u64,
}

impl Analysis {
    /// Analyses a text that ends at the end of a line, or of the file.
    pub(crate) fn of(text: &str) -> Self {
        let mut analysis = Self {
            bytes: text.len() as u64,
            ..Self::default()
        };
        let mut vocabulary = HashSet::new();
        for line in text.lines() {
            analysis.lines += 1;
            analysis.longest_line = analysis.longest_line.max(line.chars().count() as u64);
            analysis.hash = analysis.hash.wrapping_add(fnv1a(line.as_bytes()));
            for word in line
                .split(|char: char| !char.is_alphanumeric())
                .filter(|w| !w.is_empty())
            {
                analysis.words += 1;
                vocabulary.insert(word);
            }
        }
        analysis.vocabulary = vocabulary.len() as u64;
        analysis
    }

    /// Returns the analysis of two parts together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            lines: self.lines + other.lines,
            words: self.words + other.words,
            vocabulary: self.vocabulary.max(other.vocabulary),
            longest_line: self.longest_line.max(other.longest_line),
            hash: self.hash.wrapping_add(other.hash),
        }
    }
}

/// Cuts a text into parts of at most `max` bytes, at ends of lines where there are any.
pub(crate) fn parts(text: &str, max: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while rest.len() > max {
        let limit = rest.floor_char_boundary(max);
        let cut = rest[..limit]
            .rfind('\n')
            .map_or(limit, |newline| newline + 1);
        let (part, tail) = rest.split_at(cut);
        parts.push(part);
        rest = tail;
    }
    parts.push(rest);
    parts
}

/// 64-bit FNV-1a.
fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
