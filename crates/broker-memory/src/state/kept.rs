//! The ended runs that are kept, by the time they may go.

use std::collections::{BTreeSet, HashMap};

use aqueduct_core::{RunId, Timestamp};

/// The kept runs.
#[derive(Debug, Default)]
pub(super) struct Kept {
    by_end: BTreeSet<(Timestamp, RunId)>,
    until: HashMap<RunId, Timestamp>,
}

impl Kept {
    pub(super) fn insert(&mut self, id: RunId, until: Timestamp) {
        self.until.insert(id, until);
        self.by_end.insert((until, id));
    }

    pub(super) fn remove(&mut self, id: RunId) {
        if let Some(until) = self.until.remove(&id) {
            self.by_end.remove(&(until, id));
        }
    }

    /// Takes out the run that may go first.
    pub(super) fn pop_first(&mut self) -> Option<RunId> {
        let (_, id) = self.by_end.pop_first()?;
        self.until.remove(&id);
        Some(id)
    }

    /// Returns a run whose time is over.
    pub(super) fn first_over(&self, now: Timestamp) -> Option<RunId> {
        self.by_end
            .first()
            .filter(|(until, _)| *until <= now)
            .map(|(_, id)| *id)
    }

    pub(super) fn len(&self) -> usize {
        self.until.len()
    }
}
