//! Extending and reclaiming in the model.

use aqueduct_broker_api::{ExtendRequest, Extended, Introduction, ReclaimRequest, Reclaimed};
use aqueduct_core::run::{Failure, FailureKind, RunProgress, TaskRun, Transition};
use aqueduct_core::{ConsumerId, RunId, RunState, Timestamp};

use super::{Model, Stored};

impl Model {
    pub(super) fn extend(&mut self, request: &ExtendRequest, now: Timestamp) -> Extended {
        let ExtendRequest {
            consumer,
            lease,
            held,
            answered,
            introduction,
            progress,
            ..
        } = request;
        let known = self.consumers.entry(*consumer).or_default();
        known.lease_until = known.lease_until.max(now.saturating_add(*lease));
        if let Some(introduction) = introduction {
            let is_new = known.introduction.is_none();
            known.introduction = Some(Introduction::clone(introduction));
            for stored in self.runs.iter_mut().filter(|_| is_new) {
                let run = &mut stored.run;
                let is_parked = run.state == RunState::Scheduled && run.tally.parks > 0;
                if is_parked && introduction.names(run) {
                    run.due_at = run.due_at.min(now);
                }
            }
            self.promote(now);
        }
        let mut extended = Extended::default();
        let lost = held
            .iter()
            .filter(|token| self.held(*consumer, **token).is_none());
        extended.lost = lost.map(|token| token.run).collect();
        for id in self.held_latest_first(*consumer) {
            let Some(index) = self.index(id) else {
                continue;
            };
            let stored = &self.runs[index];
            let is_answered = stored
                .holder
                .is_some_and(|(id, claim)| id == *consumer && claim <= *answered);
            if is_answered && held.iter().all(|token| token.run != stored.run.id) {
                extended.released += 1;
                let cancel = stored.cancel.clone();
                self.leave_holder(index, now);
                match cancel {
                    Some(reason) => {
                        self.runs[index].run.record_mut().reason = Some(reason);
                        self.end(index, Transition::Cancel, now);
                    }
                    None => drop(self.back_to_head(index, Transition::Release, now)),
                }
            }
        }
        for report in progress {
            if let Some(index) = self.held(*consumer, report.token) {
                let progress = RunProgress::new(report.progress.clone(), now);
                self.runs[index].run.progress = Some(Box::new(progress));
            }
        }
        let holds = |stored: &Stored| stored.holder.is_some_and(|(id, _)| id == *consumer);
        if lease.is_zero() && !self.runs.iter().any(holds) {
            self.consumers.entry(*consumer).or_default().lease_until = now;
        }
        extended.cancels = self.cancels(*consumer);
        extended
    }

    pub(super) fn reclaim(&mut self, request: &ReclaimRequest, now: Timestamp) -> Reclaimed {
        let mut done = Reclaimed::default();
        self.promote(now);
        let (stall, next) = (request.beat * 3, now.saturating_add(request.lease));
        let back = self.last_beat.filter(|last| *last > now);
        if let Some(back) = back.map(|last| last.saturating_since(now)) {
            self.paused_until = self.paused_until.min(next);
            for known in self.consumers.values_mut() {
                let cut = known.lease_until.saturating_sub(back).max(next);
                known.lease_until = known.lease_until.min(cut);
            }
        }
        if self
            .last_beat
            .is_some_and(|last| now.saturating_since(last) > stall)
        {
            self.paused_until = now.saturating_add(request.lease);
        }
        self.last_beat = Some(now);
        if self.paused_until > now {
            done.paused_for = Some(self.paused_until.saturating_since(now));
        } else {
            self.take_back(request, now, &mut done);
        }
        let is_late = |run: &TaskRun| {
            let waits = matches!(run.state, RunState::Scheduled | RunState::Queued);
            waits && run.is_past_deadline(now)
        };
        while let Some(index) = self.runs.iter().rposition(|it| is_late(&it.run)) {
            self.end(index, Transition::Expire, now);
            done.expired += 1;
        }
        let before = self.runs.len();
        self.runs
            .retain(|stored| stored.until.is_none_or(|until| until > now));
        done.swept = before - self.runs.len();
        done
    }

    /// Returns what a consumer holds, the greatest id first: given back to the head in this order,
    /// the runs are served in the order of their ids.
    fn held_latest_first(&self, consumer: ConsumerId) -> Vec<RunId> {
        let held = self
            .runs
            .iter()
            .filter(|it| it.holder.is_some_and(|(id, _)| id == consumer));
        let mut ids: Vec<RunId> = held.map(|stored| stored.run.id).collect();
        ids.sort_by(|a, b| b.cmp(a));
        ids
    }

    /// Takes the runs of dead consumers, the one whose lease ran out first before the others.
    fn take_back(&mut self, request: &ReclaimRequest, now: Timestamp, done: &mut Reclaimed) {
        let mut dead: Vec<(Timestamp, ConsumerId)> = self
            .consumers
            .iter()
            .map(|(id, it)| (it.lease_until, *id))
            .collect();
        dead.retain(|(lease_until, _)| *lease_until <= now);
        dead.sort();
        let held: Vec<RunId> = dead
            .iter()
            .flat_map(|(_, dead)| self.held_latest_first(*dead))
            .collect();
        for id in held {
            let Some(index) = self.index(id) else {
                continue;
            };
            if done.requeued + done.failed + done.cancelled >= request.limit {
                done.more = true;
                return;
            }
            match self.take_back_one(index, request.crash_budget, now) {
                RunState::Queued => done.requeued += 1,
                RunState::Cancelled => done.cancelled += 1,
                _ => done.failed += 1,
            }
        }
        self.consumers.retain(|_, it| it.lease_until > now);
    }

    fn take_back_one(&mut self, index: usize, budget: u32, now: Timestamp) -> RunState {
        let cancel = self.runs[index].cancel.clone();
        let holder = self.runs[index].holder;
        let run = &mut self.runs[index].run;
        run.tally.crashes += 1;
        let crashes = run.tally.crashes;
        let failure = Failure::new(FailureKind::Crash, "its consumer died");
        if let Some((dead, _)) = holder {
            self.fail(index, dead, failure, now);
        }
        self.leave_holder(index, now);
        if let Some(reason) = cancel {
            self.runs[index].run.record_mut().reason = Some(reason);
            return self.end(index, Transition::Cancel, now);
        }
        if crashes >= budget {
            return self.end(index, Transition::Fail, now);
        }
        self.back_to_head(index, Transition::Reclaim, now)
    }
}
