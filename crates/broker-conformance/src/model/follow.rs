//! Follow-ups in the model.

use aqueduct_core::Timestamp;
use aqueduct_core::run::{Reason, TaskRun, Transition};

use super::Model;

impl Model {
    /// Tells the follow-up of a run that it has ended, or was removed.
    pub(super) fn pass_on(&mut self, ended: &TaskRun, now: Timestamp) {
        let options = ended.options.as_ref();
        let Some(next) = options.and_then(|options| options.followed_by.clone()) else {
            return;
        };
        let Some(index) = self.index(next.run) else {
            return;
        };
        let Some(follows) = self.runs[index].run.waits_for().cloned() else {
            return;
        };
        let part = match follows.part_of(ended) {
            Ok(part) => part,
            Err(reason) => return self.cancel_follow_up(index, reason, now),
        };
        let gathered = &mut self.runs[index].gathered;
        gathered.add(next.place, part);
        if !gathered.is_complete(&follows) {
            return;
        }
        match std::mem::take(gathered).into_input(&follows) {
            Ok(input) => {
                let is_due = self.runs[index].run.release(input, now);
                if is_due {
                    self.apply(index, Transition::Due);
                }
                self.line_up(index, false, now);
            }
            Err(reason) => self.cancel_follow_up(index, reason, now),
        }
    }

    /// Lets what has ended with a run wait for it again, which is queued anew.
    pub(super) fn bring_back(&mut self, before: &TaskRun) {
        let options = before.options.as_ref();
        let next = options.and_then(|options| options.followed_by.as_ref());
        let Some(index) = next.and_then(|next| self.index(next.run)) else {
            return;
        };
        let ended = self.runs[index].run.clone();
        if ended.ended_with(before) {
            self.apply(index, Transition::Await);
            self.runs[index].run.await_again();
            self.runs[index].until = None;
            self.bring_back(&ended);
        }
    }

    fn cancel_follow_up(&mut self, index: usize, reason: Reason, now: Timestamp) {
        self.runs[index].run.record_mut().reason = Some(reason);
        self.end(index, Transition::Cancel, now);
    }
}
