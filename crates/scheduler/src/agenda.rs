//! The agenda: which schedule to look at when, the earliest first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use aqueduct_broker_api::{Fired, ScheduleEntry, ScheduleSnapshot};
use aqueduct_core::{ScheduleName, Timestamp};

use crate::missed::MissedTicks;
use crate::plan::{Plan, plan};

/// The schedules as they were listed, and when to look at each.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    entries: HashMap<ScheduleName, ScheduleEntry>,
    looks: BinaryHeap<Reverse<(Timestamp, ScheduleName)>>,
    pub(crate) revision: u64,
}

impl Agenda {
    /// Creates the agenda of a fresh listing: everything is to be looked at now.
    pub(crate) fn of(snapshot: ScheduleSnapshot) -> Self {
        let ScheduleSnapshot {
            entries,
            now,
            revision,
            ..
        } = snapshot;
        let looks = entries
            .iter()
            .map(|entry| Reverse((now, entry.definition.name.clone())))
            .collect();
        let entries = entries
            .into_iter()
            .map(|entry| (entry.definition.name.clone(), entry))
            .collect();
        Self {
            entries,
            looks,
            revision,
        }
    }

    /// Returns when to look next, by the broker's clock.
    pub(crate) fn next_look(&self) -> Option<Timestamp> {
        self.looks.peek().map(|Reverse((look, _))| *look)
    }

    /// Takes out the schedules to look at by `now`, and plans each; at most `max`.
    pub(crate) fn due(
        &mut self,
        policy: impl Fn(&ScheduleName) -> MissedTicks,
        now: Timestamp,
        max: usize,
    ) -> Vec<(ScheduleName, Plan)> {
        let mut due = Vec::new();
        while due.len() < max && self.next_look().is_some_and(|look| look <= now) {
            let Some(Reverse((_, name))) = self.looks.pop() else {
                break;
            };
            if let Some(entry) = self.entries.get(&name) {
                let plan = plan(entry, policy(&name), now);
                due.push((name, plan));
            }
        }
        due
    }

    /// Puts a schedule back, to be looked at again at `look`.
    pub(crate) fn put_back(&mut self, name: ScheduleName, look: Option<Timestamp>) {
        if let Some(look) = look {
            self.looks.push(Reverse((look, name)));
        }
    }

    /// Notes what became of a tick; false if the schedules are to be listed anew.
    pub(crate) fn note(&mut self, name: &ScheduleName, tick: Timestamp, fired: Fired) -> bool {
        let last_tick = match fired {
            Fired::Fired(_) | Fired::Overlapped { .. } => tick,
            Fired::AlreadyDone { last_tick } => last_tick,
            Fired::TooEarly { .. } | Fired::QueueFull => return true,
            _ => return false,
        };
        if let Some(entry) = self.entries.get_mut(name) {
            entry.last_tick = entry.last_tick.max(last_tick);
        }
        true
    }
}
