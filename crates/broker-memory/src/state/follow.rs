//! What follows a run that has ended: it is released, or cancelled.

use aqueduct_core::run::{Reason, TaskRun, Transition};
use aqueduct_core::{RunId, Timestamp};

use super::State;
use super::queues::End;
use super::slots::{Place, Slot};

impl State {
    /// Tells the follow-up of a run that it has ended, or was removed.
    pub(super) fn pass_on(&mut self, ended: &TaskRun, now: Timestamp) {
        let options = ended.options.as_ref();
        let Some(next) = options.and_then(|options| options.followed_by.as_ref()) else {
            return;
        };
        let Some(slot) = self.waiting_follow_up(next.run) else {
            return;
        };
        let stored = self.slots.get(slot);
        let Some(follows) = stored.and_then(|stored| stored.run.waits_for().cloned()) else {
            return;
        };
        let part = match follows.part_of(ended) {
            Ok(part) => part,
            Err(reason) => return self.cancel_follow_up(slot, reason, now),
        };
        let gathered = self.gathered.entry(next.run).or_default();
        gathered.add(next.place, part);
        if !gathered.is_complete(&follows) {
            return;
        }
        let gathered = std::mem::take(gathered);
        match gathered.into_input(&follows) {
            Ok(input) => {
                self.leave(slot);
                let stored = self.slots.get_mut(slot);
                let is_due = stored.is_some_and(|stored| stored.run.release(input, now));
                if is_due {
                    self.move_to_ready(slot, Transition::Due, End::Tail, now);
                } else if let Some(due_at) = self.slots.get(slot).map(|stored| stored.run.due_at) {
                    self.put_due(slot, due_at);
                }
            }
            Err(reason) => self.cancel_follow_up(slot, reason, now),
        }
    }

    /// Lets what has ended with a run wait for it again, which is queued anew.
    pub(super) fn bring_back(&mut self, before: &TaskRun) {
        let options = before.options.as_ref();
        let next = options.and_then(|options| options.followed_by.as_ref());
        let Some(slot) = next.and_then(|next| self.slots.slot_of(next.run)) else {
            return;
        };
        let stored = self.slots.get(slot);
        let Some(ended) = stored.map(|stored| stored.run.clone()) else {
            return;
        };
        if !ended.ended_with(before) {
            return;
        }
        self.leave(slot);
        self.transition(slot, Transition::Await);
        if let Some(stored) = self.slots.get_mut(slot) {
            stored.run.await_again();
            stored.place = Place::Awaiting;
        }
        self.bring_back(&ended);
    }

    fn waiting_follow_up(&self, id: RunId) -> Option<Slot> {
        let slot = self.slots.slot_of(id)?;
        (self.place_of(slot) == Some(Place::Awaiting)).then_some(slot)
    }

    fn cancel_follow_up(&mut self, slot: Slot, reason: Reason, now: Timestamp) {
        self.leave(slot);
        self.record(slot, |record| record.reason = Some(reason));
        self.end(slot, Transition::Cancel, now);
    }
}
