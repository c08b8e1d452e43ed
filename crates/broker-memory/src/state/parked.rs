//! Parked runs, and those that whoever comes new may know.

use std::collections::BTreeSet;

use aqueduct_broker_api::Introduction;
use aqueduct_core::run::Transition;
use aqueduct_core::{RunId, RunState, Timestamp};

use super::State;
use super::queues::End;
use super::slots::Slot;

/// The parked runs, by the time until which they are; also some that are no longer.
#[derive(Debug, Default)]
pub(super) struct Parked(BTreeSet<(Timestamp, RunId)>);

/// The most parked runs that one step looks at.
const LOOKED_AT: usize = 1000;

impl Parked {
    /// Notes a run that is parked until then, and forgets some whose time is over.
    pub(super) fn note(&mut self, until: Timestamp, run: RunId, now: Timestamp) {
        self.0.insert((until, run));
        for _ in 0..2 {
            if self.0.first().is_some_and(|(until, _)| *until <= now) {
                self.0.pop_first();
            }
        }
    }
}

impl State {
    /// Queues parked runs that a new consumer takes and knows.
    pub(super) fn wake_parked(&mut self, introduction: &Introduction, now: Timestamp) {
        self.parked.0.retain(|(until, _)| *until > now);
        let parked: Vec<_> = self.parked.0.iter().take(LOOKED_AT).copied().collect();
        for (until, id) in parked {
            match self
                .slots
                .slot_of(id)
                .filter(|slot| self.is_parked(*slot, until))
            {
                None => drop(self.parked.0.remove(&(until, id))),
                Some(slot) if self.is_named(slot, introduction) => {
                    self.parked.0.remove(&(until, id));
                    self.leave(slot);
                    self.move_to_ready(slot, Transition::Due, End::Tail, now);
                }
                Some(_) => {}
            }
        }
    }

    fn is_parked(&self, slot: Slot, until: Timestamp) -> bool {
        self.slots.get(slot).is_some_and(|stored| {
            let run = &stored.run;
            run.state == RunState::Scheduled && run.tally.parks > 0 && run.due_at == until
        })
    }

    fn is_named(&self, slot: Slot, introduction: &Introduction) -> bool {
        let stored = self.slots.get(slot);
        stored.is_some_and(|stored| introduction.names(&stored.run))
    }
}
