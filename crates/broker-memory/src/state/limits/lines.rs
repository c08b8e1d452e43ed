//! The lines: runs of one queue, lane and priority with the same limits, which wait because of them, or with the same
//! fair key, which take turns.

use std::collections::{HashMap, VecDeque};

use aqueduct_core::key::Key;
use aqueduct_core::run::TaskRun;
use aqueduct_core::{Lane, Priority};

use super::key::Name;
use crate::state::queues::Entry;

/// A ready list: queue, lane and priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::state) struct Spot {
    pub(in crate::state) queue: usize,
    pub(in crate::state) lane: Lane,
    pub(in crate::state) priority: Priority,
}

/// The number of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state) struct LineNumber(pub(in crate::state) u32);

/// What runs of a line have in common: their fair key, and their limits, numbers aside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Names {
    fair: Option<Key>,
    limits: Vec<Name>,
}

/// The runs of one spot with the same fair key and limits: what lets one of them start lets the next.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) spot: Spot,
    names: Names,
    pub(super) runs: VecDeque<Entry>,
    /// The limit that it waits for, or that has let it go on: then it is in the ready list. None if it took its turn since.
    pub(super) because_of: Option<Name>,
    /// How many runs of its turn have started, if it takes turns.
    pub(super) turn: u16,
}

impl Names {
    fn of(run: &TaskRun) -> Self {
        Self {
            fair: run.fair().map(|fair| fair.key.clone()),
            limits: run.limits().iter().map(Name::of).collect(),
        }
    }
}

impl Line {
    /// Returns the limits that its runs share.
    pub(super) fn limits(&self) -> &[Name] {
        &self.names.limits
    }

    /// Returns whether its runs take turns with others.
    pub(super) fn takes_turns(&self) -> bool {
        self.names.fair.is_some()
    }
}

/// All lines with a run in them.
#[derive(Debug, Default)]
pub(super) struct Lines {
    all: Vec<Option<Line>>,
    free: Vec<LineNumber>,
    index: HashMap<(Spot, Names), LineNumber>,
}

impl Lines {
    pub(super) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    pub(super) fn find(&self, spot: Spot, run: &TaskRun) -> Option<LineNumber> {
        if self.is_empty() {
            return None;
        }
        self.index.get(&(spot, Names::of(run))).copied()
    }

    /// Opens a line with its first run.
    pub(super) fn open(
        &mut self,
        spot: Spot,
        run: &TaskRun,
        first: Entry,
        because_of: Option<Name>,
    ) -> LineNumber {
        let names = Names::of(run);
        let number = self.free.pop().unwrap_or_else(|| {
            self.all.push(None);
            // Four billion lines do not fit into memory.
            LineNumber(u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX))
        });
        self.index.insert((spot, names.clone()), number);
        if let Some(place) = self.all.get_mut(number.0 as usize) {
            *place = Some(Line {
                spot,
                names,
                runs: VecDeque::from([first]),
                because_of,
                turn: 0,
            });
        }
        number
    }

    pub(super) fn get(&self, number: LineNumber) -> Option<&Line> {
        self.all.get(number.0 as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, number: LineNumber) -> Option<&mut Line> {
        self.all.get_mut(number.0 as usize)?.as_mut()
    }

    pub(super) fn close(&mut self, number: LineNumber) -> Option<Line> {
        let line = self.all.get_mut(number.0 as usize)?.take()?;
        self.index.remove(&(line.spot, line.names.clone()));
        self.free.push(number);
        Some(line)
    }
}
