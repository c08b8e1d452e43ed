//! Looking up and steering in the model.

use aqueduct_broker_api::{CancelAnswer, Holder, QueueLengths};
use aqueduct_core::run::{Reason, Tally, TaskRun, Transition};
use aqueduct_core::{QueueName, RunId, RunState, Timestamp};

use super::{Model, Stored};

impl Model {
    pub(super) fn find(&self, id: RunId) -> Option<&TaskRun> {
        Some(&self.runs[self.index(id)?].run)
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = &TaskRun> {
        self.runs.iter().map(|stored| &stored.run)
    }

    pub(super) fn cancel(&mut self, id: RunId, reason: &Reason, now: Timestamp) -> CancelAnswer {
        let Some(index) = self.index(id) else {
            return CancelAnswer::Unknown;
        };
        let stored = &mut self.runs[index];
        if stored.run.state.is_final() {
            return CancelAnswer::AlreadyEnded(stored.run.state);
        }
        if stored.holder.is_some() {
            stored.cancel.get_or_insert_with(|| reason.clone());
            return CancelAnswer::Requested;
        }
        stored.run.record_mut().reason = Some(reason.clone());
        self.end(index, Transition::Cancel, now);
        CancelAnswer::Cancelled
    }

    pub(super) fn requeue(&mut self, id: RunId, now: Timestamp) -> bool {
        let Some(index) = self.index(id) else {
            return false;
        };
        let ended = self.runs[index].run.clone();
        let can_be = ended.state.after(Transition::Requeue).is_some() && !ended.lacks_input();
        if !can_be || !self.take_key_again(id, now) {
            return false;
        }
        let stored = &mut self.runs[index];
        let attempt = stored.run.tally.attempt;
        stored.run.tally = Tally {
            attempt,
            ..Tally::default()
        };
        stored.run.record = stored.run.record.take().and_then(|record| record.anew());
        stored.run.due_at = now;
        if let Some(options) = &mut stored.run.options {
            options.deadline = None;
            options.total_timeout = None;
        }
        (stored.until, stored.cancel) = (None, None);
        self.apply(index, Transition::Requeue);
        self.line_up(index, false, now);
        self.bring_back(&ended);
        true
    }

    pub(super) fn holder(&self, id: RunId) -> Option<Holder> {
        let stored = &self.runs[self.index(id)?];
        let (consumer, _) = stored.holder?;
        Some(Holder::new(consumer).asked_to_end(stored.cancel.clone()))
    }

    pub(super) fn discard(&mut self, id: RunId) -> bool {
        let before = self.runs.len();
        self.runs
            .retain(|stored| stored.run.id != id || !stored.run.state.is_final());
        before > self.runs.len()
    }

    pub(super) fn purge(&mut self, queue: &QueueName, now: Timestamp) -> usize {
        let mut removed = 0;
        let waits = |stored: &Stored| {
            let waits = !stored.run.state.is_final() && stored.holder.is_none();
            waits && stored.run.queue == *queue
        };
        while let Some(index) = self.runs.iter().position(waits) {
            self.leave_line(index);
            let gone = self.runs.remove(index);
            self.give_back_key(gone.run.id);
            self.pass_on(&gone.run, now);
            removed += 1;
        }
        removed
    }

    pub(super) fn lengths(&self, queue: &QueueName) -> QueueLengths {
        let mut lengths = QueueLengths::empty(queue.clone());
        for run in self.runs().filter(|run| run.queue == *queue) {
            match run.state {
                RunState::Queued => lengths.queued += 1,
                RunState::Scheduled => lengths.scheduled += 1,
                RunState::Retrying => lengths.retrying += 1,
                RunState::Running => lengths.running += 1,
                _ => {}
            }
        }
        lengths
    }
}
