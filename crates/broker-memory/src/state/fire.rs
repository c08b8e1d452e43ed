//! The step that fires one tick: the compare-and-set on the last tick, and the enqueue.

use aqueduct_broker_api::{Enqueued, Fire, Fired};
use aqueduct_core::Timestamp;

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
        let answer = run.as_ref().map(|run| (run.id, self.enqueue_one(run, now)));
        let id = match answer {
            Some((_, Enqueued::QueueFull)) => return Fired::QueueFull,
            Some((id, Enqueued::Accepted(_))) => Some(id),
            Some((_, Enqueued::Duplicate(run) | Enqueued::Replaced(run))) => Some(run),
            _ => None,
        };
        self.schedules.set_last_tick(schedule, *tick);
        Fired::Fired(id)
    }
}
