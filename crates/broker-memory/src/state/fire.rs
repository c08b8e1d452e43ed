//! The step that fires one tick: the compare-and-set on the last tick, and the enqueue.

use aqueduct_broker_api::{Enqueued, Fire, Fired};
use aqueduct_core::schedule::Overlap;
use aqueduct_core::{RunId, ScheduleName, Timestamp};

use super::State;

impl State {
    pub(crate) fn fire(&mut self, fire: &Fire, now: Timestamp) -> Fired {
        if let Some(refusal) = self.schedules.refusal(fire, now) {
            return refusal;
        }
        let Fire {
            schedule,
            tick,
            run,
            ..
        } = fire;
        let Some(run) = run else {
            self.schedules.set_last_tick(schedule, *tick);
            return Fired::Fired(None);
        };
        let unended = self.unended_run_of(schedule);
        if let (Some(run), Overlap::Skip) = (unended, fire.overlap) {
            self.schedules.note_overlap(schedule, *tick);
            return Fired::Overlapped { run };
        }
        let stands_for_it = match self.enqueue_one(run, now) {
            Enqueued::QueueFull { .. } => return Fired::QueueFull,
            Enqueued::Accepted(_) => {
                self.schedules.set_last_run(schedule, run.id);
                if let (Some(run), Overlap::CancelPrevious) = (unended, fire.overlap) {
                    self.cancel(run, &fire.reason(), now);
                }
                Some(run.id)
            }
            // Nothing was added: the run before stays the last.
            Enqueued::Duplicate(holder) | Enqueued::Replaced(holder) => Some(holder),
            _ => None,
        };
        self.schedules.set_last_tick(schedule, *tick);
        Fired::Fired(stands_for_it)
    }

    /// Returns the run that a schedule has fired last, if it has not ended.
    fn unended_run_of(&self, schedule: &ScheduleName) -> Option<RunId> {
        let last = self.schedules.last_run(schedule)?;
        let run = self.find(last)?;
        (!run.state.is_final()).then_some(last)
    }
}
