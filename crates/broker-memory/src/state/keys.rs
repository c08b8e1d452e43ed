//! The keys that runs hold: unique ones, and those by which repetitions of an enqueue are known.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aqueduct_broker_api::KeyHolder;
use aqueduct_core::key::Key;
use aqueduct_core::run::{TaskRun, UniqueScope};
use aqueduct_core::{RunId, Timestamp};

use super::State;

/// Who holds a key, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) run: RunId,
    pub(super) since: Timestamp,
    /// When it is over; `None` until the run gives it back.
    pub(super) until: Option<Timestamp>,
}

impl Hold {
    /// Returns what a run has from `now` on: for a window, or until it gives it back.
    pub(super) fn new(run: RunId, now: Timestamp, window: Option<Duration>) -> Self {
        Self {
            run,
            since: now,
            until: window.map(|window| now.saturating_add(window)),
        }
    }
}

impl State {
    /// Returns which run holds a unique key.
    pub(crate) fn key_holder(&self, key: &Key, now: Timestamp) -> Option<KeyHolder> {
        let hold = self.keys.holder(Use::Unique, key, now)?;
        Some(KeyHolder::new(hold.run, hold.since).until(hold.until))
    }
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Use {
    Unique,
    Repetition,
}

/// All held keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    unique: HashMap<Key, Hold>,
    repetitions: HashMap<Key, Hold>,
    /// Those that time gives back, by when.
    windows: BTreeSet<(Timestamp, Use, Key)>,
}

impl Keys {
    /// Returns who holds a key at `now`.
    pub(super) fn holder(&self, used: Use, key: &Key, now: Timestamp) -> Option<Hold> {
        let hold = self.held(used).get(key)?;
        let is_over = hold.until.is_some_and(|until| until <= now);
        (!is_over).then_some(*hold)
    }

    /// Gives a key to a run, for a window or until the run gives it back.
    pub(super) fn take(&mut self, used: Use, key: &Key, hold: Hold) {
        let until = hold.until;
        let before = self.held_mut(used).insert(key.clone(), hold);
        if let Some(over) = before.and_then(|before| before.until) {
            self.windows.remove(&(over, used, key.clone()));
        }
        if let Some(until) = until {
            self.windows.insert((until, used, key.clone()));
        }
    }

    /// Lets windows begin anew that began later than now: the clock was set back.
    pub(super) fn count_from(&mut self, now: Timestamp) {
        for used in [Use::Unique, Use::Repetition] {
            let held = self.held(used).iter();
            let later = held.filter(|(_, hold)| hold.since > now);
            let anew = later.filter_map(|(key, hold)| {
                let window = hold.until?.saturating_since(hold.since);
                Some((key.clone(), Hold::new(hold.run, now, Some(window))))
            });
            for (key, hold) in anew.collect::<Vec<_>>() {
                self.take(used, &key, hold);
            }
        }
    }

    /// Takes a unique key from a run that holds it for no window.
    pub(super) fn give_back(&mut self, key: &Key, run: RunId) {
        let hold = self.unique.get(key);
        if hold.is_some_and(|hold| hold.run == run && hold.until.is_none()) {
            self.unique.remove(key);
        }
    }

    /// Takes the unique key from a run that ends.
    pub(super) fn end(&mut self, run: &TaskRun) {
        let options = run.options.as_ref();
        if let Some(unique) = options.and_then(|options| options.unique.as_ref()) {
            self.give_back(&unique.key, run.id);
        }
    }

    /// Takes the unique key from a run whose attempt begins, if it holds it only while it waits.
    pub(super) fn begin(&mut self, run: &TaskRun) {
        let options = run.options.as_ref();
        let unique = options.and_then(|options| options.unique.as_ref());
        if let Some(unique) = unique.filter(|unique| unique.scope == UniqueScope::Queued) {
            self.give_back(&unique.key, run.id);
        }
    }

    /// Forgets windows that are over, a bounded number; returns whether there may be more.
    pub(super) fn forget_over(&mut self, now: Timestamp, most: usize) -> bool {
        for _ in 0..most {
            if self.windows.first().is_none_or(|(over, ..)| *over > now) {
                return false;
            }
            if let Some((_, used, key)) = self.windows.pop_first() {
                self.held_mut(used).remove(&key);
            }
        }
        true
    }

    fn held(&self, used: Use) -> &HashMap<Key, Hold> {
        match used {
            Use::Unique => &self.unique,
            Use::Repetition => &self.repetitions,
        }
    }

    fn held_mut(&mut self, used: Use) -> &mut HashMap<Key, Hold> {
        match used {
            Use::Unique => &mut self.unique,
            Use::Repetition => &mut self.repetitions,
        }
    }
}
