//! How many entries to ask for at once, when nobody knows how large they are. Pure.

use bytes::Bytes;

/// How many entries the next answer may have: few at first, then as many as take about a mebibyte.
///
/// Entries are next to each other that were queued together: what has been seen is the best guess for what comes.
#[derive(Debug)]
pub(crate) struct Pace(u64);

impl Pace {
    pub(crate) fn new() -> Self {
        Self(FIRST)
    }

    /// Returns how many entries to ask for.
    pub(crate) fn entries(&self) -> u64 {
        self.0
    }

    /// Learns from an answer.
    pub(crate) fn learn(&mut self, entries: &[Bytes]) {
        let bytes: usize = entries.iter().map(Bytes::len).sum();
        let fitting = (entries.len() * WANTED_BYTES / bytes.max(1)) as u64;
        self.0 = fitting.clamp(1, self.0.saturating_mul(GROWTH).min(MOST));
    }
}

/// How many entries are asked for at first: as many of the largest runs take 48 MiB.
const FIRST: u64 = 16;

const GROWTH: u64 = 8;

/// The most entries at once, however small they are.
const MOST: u64 = 1000;

/// How much an answer is to have: what others wait for, and what is in memory.
const WANTED_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many entries are asked for, one answer after the other, if each entry has so many bytes.
    fn asked(bytes: usize) -> [u64; 4] {
        let mut pace = Pace::new();
        [(); 4].map(|()| {
            let asked = pace.entries();
            let entry = Bytes::from(vec![0; bytes]);
            pace.learn(&vec![entry; usize::try_from(asked).unwrap_or(0)]);
            asked
        })
    }

    #[test]
    fn small_entries_come_many_at_once_and_large_ones_one_by_one() {
        assert_eq!(asked(60), [16, 128, 1000, 1000]);
        assert_eq!(asked(100_000), [16, 10, 10, 10]);
        assert_eq!(asked(2 << 20), [16, 1, 1, 1]);
        assert_eq!(
            asked(0),
            [16, 128, 1000, 1000],
            "an empty entry takes nothing"
        );
    }

    #[test]
    fn an_empty_answer_stops_nothing() {
        let mut pace = Pace::new();
        pace.learn(&[]);
        assert!(pace.entries() >= 1);
    }
}
