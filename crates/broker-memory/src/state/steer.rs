//! Administrative steps: cancel, requeue, purge, pause.

use aqueduct_broker_api::{Cancel, CancelAnswer, MAX_PAGE, PauseScope};
use aqueduct_core::run::{Reason, Tally, Transition, UniqueScope};
use aqueduct_core::{QueueName, RunId, RunState, Timestamp};

use super::State;
use super::keys::{Hold, Use};
use super::queues::End;
use super::slots::{Place, Slot};

impl State {
    pub(crate) fn cancel(&mut self, id: RunId, reason: &Reason, now: Timestamp) -> CancelAnswer {
        let Some((slot, stored)) = self
            .slots
            .slot_of(id)
            .and_then(|slot| Some((slot, self.slots.get_mut(slot)?)))
        else {
            return CancelAnswer::Unknown;
        };
        if stored.run.state.is_final() {
            return CancelAnswer::AlreadyEnded(stored.run.state);
        }
        if let Place::Held { consumer, .. } = stored.place {
            if let Some(holder) = self.holders.get_mut(consumer)
                && !holder.cancels.iter().any(|cancel| cancel.run == id)
            {
                holder.cancels.push(Cancel::new(id, reason.clone()));
            }
            return CancelAnswer::Requested;
        }
        stored.run.record_mut().reason = Some(reason.clone());
        self.leave(slot);
        self.end(slot, Transition::Cancel, now);
        CancelAnswer::Cancelled
    }

    /// Queues an ended run anew, with fresh budgets; its attempts keep counting.
    pub(crate) fn requeue(&mut self, id: RunId, now: Timestamp) -> bool {
        let Some(slot) = self.slots.slot_of(id) else {
            return false;
        };
        let Some(stored) = self.slots.get_mut(slot) else {
            return false;
        };
        if stored.run.state.after(Transition::Requeue).is_none() || stored.run.lacks_input() {
            return false;
        }
        if let Some(options) = &mut stored.run.options {
            if let Some(unique) = &options.unique {
                let holder = self.keys.holder(Use::Unique, &unique.key, now);
                if holder.is_some_and(|hold| hold.run != id) {
                    return false;
                }
                // A window counts from when the run was accepted.
                if !matches!(unique.scope, UniqueScope::Window(_)) {
                    let hold = Hold::new(id, now, None);
                    self.keys.take(Use::Unique, &unique.key, hold);
                }
            }
            options.deadline = None;
            options.total_timeout = None;
        }
        let ended = stored.run.clone();
        let attempt = stored.run.tally.attempt;
        stored.run.tally = Tally {
            attempt,
            ..Tally::default()
        };
        stored.run.record = stored.run.record.take().and_then(|record| record.anew());
        stored.run.due_at = now;
        self.leave(slot);
        self.move_to_ready(slot, Transition::Requeue, End::Tail, now);
        self.bring_back(&ended);
        true
    }

    /// Removes an ended run and what was kept of it.
    pub(crate) fn discard(&mut self, id: RunId) -> bool {
        let Some(slot) = self.slots.slot_of(id) else {
            return false;
        };
        if self.place_of(slot) != Some(Place::Kept) {
            return false;
        }
        self.leave(slot);
        self.slots.remove(slot);
        true
    }

    /// Removes waiting and delayed runs of a queue, up to a page; less than a page is all there was.
    pub(crate) fn purge(&mut self, queue: &QueueName, now: Timestamp) -> usize {
        let mut removed = 0;
        loop {
            let doomed = self.doomed(queue, MAX_PAGE - removed);
            if doomed.is_empty() {
                return removed;
            }
            for id in doomed {
                // What follows a removed run ends with it, and is no longer there to be removed.
                if let Some(slot) = self.slots.slot_of(id)
                    && self.place_of(slot) != Some(Place::Kept)
                {
                    self.drop_waiting(slot, now);
                    removed += 1;
                }
            }
        }
    }

    /// Returns up to so many waiting runs of a queue: those that wait for others last, as these end them.
    fn doomed(&self, queue: &QueueName, most: usize) -> Vec<RunId> {
        let waits = |state| {
            matches!(
                state,
                RunState::Scheduled | RunState::Queued | RunState::Retrying
            )
        };
        let runs = |follow: bool| {
            let stored = self.slots.iter();
            let stored = stored.filter(move |it| (it.place == Place::Awaiting) == follow);
            let runs = stored.map(|it| &it.run);
            runs.filter(move |run| run.queue == *queue && waits(run.state))
        };
        let doomed = runs(false).chain(runs(true)).take(most);
        doomed.map(|run| run.id).collect()
    }

    fn drop_waiting(&mut self, slot: Slot, now: Timestamp) {
        self.leave(slot);
        let Some(stored) = self.slots.remove(slot) else {
            return;
        };
        self.queues.count(stored.queue, stored.run.state, -1);
        self.waits.forget(stored.run.id);
        self.keys.end(&stored.run);
        if let Some(deadline) = stored.run.deadline() {
            self.deadlines.remove(&(deadline, stored.run.id));
        }
        self.pass_on(&stored.run, now);
    }

    pub(crate) fn set_paused(&mut self, scope: &PauseScope, paused: bool) {
        match scope {
            PauseScope::Queue(name) => {
                let number = self.queues.number_of(name);
                if let Some(queue) = self.queues.get_mut(number) {
                    queue.is_paused = paused;
                }
            }
            PauseScope::Task(name) => {
                self.tasks.set_paused(name, paused);
                if !paused && let Some(aside) = self.aside.remove(name) {
                    self.resuming.extend(aside);
                }
            }
            // A scope of a later release is not known here.
            _ => return,
        }
        self.wake |= !paused;
    }
}
