//! The parts of one file, added up.

use std::collections::HashSet;

use crate::analysis::{Analysis, Figures};

/// The most different words that are told apart in one file.
const MAX_VOCABULARY: usize = 2 * 1024 * 1024;

/// What is known of a file so far.
#[derive(Debug)]
pub(crate) struct Tally {
    figures: Figures,
    /// The hashes of the words; none once there were too many.
    vocabulary: Option<HashSet<u64>>,
}

/// What is known of a whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) figures: Figures,
    /// How many different words there are; none if they were too many to tell.
    pub(crate) distinct: Option<usize>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            figures: Figures::default(),
            vocabulary: Some(HashSet::new()),
        }
    }

    /// Adds the next part.
    pub(crate) fn add(&mut self, part: Analysis) {
        self.figures = self.figures.and(part.figures);
        if let Some(vocabulary) = &mut self.vocabulary {
            vocabulary.extend(part.vocabulary);
        }
        self.vocabulary
            .take_if(|vocabulary| vocabulary.len() > MAX_VOCABULARY);
    }

    /// Returns where the next part begins.
    pub(crate) fn offset(&self) -> u64 {
        self.figures.bytes
    }

    pub(crate) fn counted(&self) -> Counted {
        Counted {
            figures: self.figures,
            distinct: self.vocabulary.as_ref().map(HashSet::len),
        }
    }
}
