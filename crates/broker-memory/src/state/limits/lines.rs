//! The lines: runs of one queue, lane and priority with the same limits, which wait because of them.

use std::collections::{HashMap, VecDeque};

use aqueduct_core::run::Limit;
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

/// The runs of one spot with the same limits: what lets one of them start lets the next.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) spot: Spot,
    names: Vec<Name>,
    pub(super) runs: VecDeque<Entry>,
    /// The limit that it waits for, or that has let it go on: then it is in the ready list.
    pub(super) because_of: Name,
}

/// All lines with a run in them.
#[derive(Debug, Default)]
pub(super) struct Lines {
    all: Vec<Option<Line>>,
    free: Vec<LineNumber>,
    index: HashMap<(Spot, Vec<Name>), LineNumber>,
}

impl Lines {
    pub(super) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    pub(super) fn find(&self, spot: Spot, limits: &[Limit]) -> Option<LineNumber> {
        if self.is_empty() {
            return None;
        }
        let names = limits.iter().map(Name::of).collect();
        self.index.get(&(spot, names)).copied()
    }

    /// Opens a line with its first run.
    pub(super) fn open(
        &mut self,
        spot: Spot,
        limits: &[Limit],
        first: Entry,
        because_of: Name,
    ) -> LineNumber {
        let names: Vec<Name> = limits.iter().map(Name::of).collect();
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
