//! Settling in the model.

use aqueduct_broker_api::{
    BrokerError, Cancel, CheckpointRequest, Checkpointed, LeaseToken, Settle, SettleRequest,
    Settled, Settlement,
};
use aqueduct_core::run::{Checkpoint, Failure, FailureKind, Transition};
use aqueduct_core::{ConsumerId, RunState, Timestamp};

use super::enqueue::check_age;
use super::{Answer, KEEP_ENDED, KEEP_FAILED, Model};

impl Model {
    pub(super) fn settle(
        &mut self,
        request: &SettleRequest,
        now: Timestamp,
    ) -> Result<Vec<Settled>, BrokerError> {
        let SettleRequest {
            consumer,
            sequence,
            ref items,
            ..
        } = *request;
        let known = self.consumers.entry(consumer).or_default();
        check_age(&known.answers, sequence)?;
        if let Some(answer) = known.answers.get(&sequence) {
            return Ok(answer.settled.clone());
        }
        let settled = self.settle_all(consumer, items, now);
        let answer = Answer {
            settled: settled.clone(),
            ..Answer::default()
        };
        self.consumers
            .entry(consumer)
            .or_default()
            .answers
            .insert(sequence, answer);
        Ok(settled)
    }

    pub(super) fn settle_all(
        &mut self,
        consumer: ConsumerId,
        items: &[Settle],
        now: Timestamp,
    ) -> Vec<Settled> {
        let settle = |item: &Settle| match self.held(consumer, item.token) {
            Some(index) => {
                if !item.hold_back.is_zero() {
                    self.hold_back(index, item.hold_back, now);
                }
                Settled::Applied(self.settle_one(index, consumer, item.settlement.clone(), now))
            }
            None => Settled::LeaseLost,
        };
        items.iter().map(settle).collect()
    }

    pub(super) fn held(&self, consumer: ConsumerId, token: LeaseToken) -> Option<usize> {
        let index = self.index(token.run)?;
        let stored = &self.runs[index];
        let is_holder = stored.holder.is_some_and(|(holder, _)| holder == consumer);
        let fits = token.consumer == consumer && token.attempt == stored.run.tally.attempt;
        (is_holder && fits).then_some(index)
    }

    fn settle_one(
        &mut self,
        index: usize,
        consumer: ConsumerId,
        settlement: Settlement,
        now: Timestamp,
    ) -> RunState {
        let is_end = matches!(
            settlement,
            Settlement::Succeed { .. } | Settlement::Fail { .. } | Settlement::Cancel { .. }
        );
        let settlement = match self.runs[index].cancel.clone() {
            Some(reason) if !is_end => Settlement::Cancel { reason },
            _ => settlement,
        };
        let transition = settlement.transition();
        let run = &mut self.runs[index].run;
        match &settlement {
            Settlement::Release | Settlement::Snooze { .. } => {}
            Settlement::Park { .. } => run.tally.parks += 1,
            Settlement::Retry { failure, .. } | Settlement::Fail { failure } => {
                if failure.kind() == FailureKind::Crash {
                    run.tally.crashes += 1;
                } else {
                    run.tally.failures += 1;
                }
                run.tally.parks = 0;
            }
            _ => run.tally.parks = 0,
        }
        self.leave_holder(index, now);
        match settlement {
            Settlement::Retry { wait, failure } => {
                self.fail(index, consumer, failure, now);
                self.wait(index, transition, now.saturating_add(wait))
            }
            Settlement::Park { wait, failure } => {
                self.runs[index].run.record_mut().failure = Some(failure);
                self.wait(index, transition, now.saturating_add(wait))
            }
            Settlement::Snooze { wait } => self.wait(index, transition, now.saturating_add(wait)),
            Settlement::Succeed { result } => {
                self.runs[index].run.record_mut().result = result;
                self.end(index, transition, now)
            }
            Settlement::Fail { failure } => {
                self.fail(index, consumer, failure, now);
                self.end(index, transition, now)
            }
            Settlement::Cancel { reason } => {
                self.runs[index].run.record_mut().reason = Some(reason);
                self.end(index, transition, now)
            }
            _ => self.back_to_head(index, Transition::Release, now),
        }
    }

    pub(super) fn checkpoint(
        &mut self,
        request: &CheckpointRequest,
        now: Timestamp,
    ) -> Result<Checkpointed, BrokerError> {
        request.check()?;
        let (token, number) = (request.token, request.number);
        let Some(index) = self.held(token.consumer, token) else {
            return Ok(Checkpointed::LeaseLost);
        };
        let run = &mut self.runs[index].run;
        let newest = run.checkpoint.as_ref().map(|it| (it.attempt, it.number));
        if newest < Some((token.attempt, number)) {
            let checkpoint = Checkpoint::new(token.attempt, number, now, request.value.clone());
            run.checkpoint = Some(Box::new(checkpoint));
        }
        Ok(Checkpointed::Kept)
    }

    pub(super) fn fail(
        &mut self,
        index: usize,
        consumer: ConsumerId,
        failure: Failure,
        now: Timestamp,
    ) {
        let run = &mut self.runs[index].run;
        let attempt = run.tally.attempt;
        run.record_mut().fail(attempt, now, consumer, failure);
    }

    fn wait(&mut self, index: usize, transition: Transition, due_at: Timestamp) -> RunState {
        self.apply(index, transition);
        self.runs[index].run.due_at = due_at;
        self.runs[index].place = self.next_tail();
        self.runs[index].run.state
    }

    pub(super) fn back_to_head(
        &mut self,
        index: usize,
        transition: Transition,
        now: Timestamp,
    ) -> RunState {
        self.apply(index, transition);
        self.line_up(index, true, now);
        self.runs[index].run.state
    }

    pub(super) fn end(&mut self, index: usize, transition: Transition, now: Timestamp) -> RunState {
        self.apply(index, transition);
        self.leave_line(index);
        self.give_back_key(self.runs[index].run.id);
        let stored = &mut self.runs[index];
        let state = stored.run.state;
        let asked = stored
            .run
            .options
            .as_ref()
            .and_then(|options| options.keep_result);
        let keep = match state {
            RunState::Failed => Some(asked.unwrap_or_default().max(KEEP_FAILED)),
            RunState::Cancelled | RunState::Expired => {
                Some(asked.unwrap_or_default().max(KEEP_ENDED))
            }
            _ => asked,
        };
        match keep {
            Some(keep) => {
                stored.run.checkpoint = None;
                stored.until = Some(now.saturating_add(keep));
                stored.run.record_mut().ended_at = Some(now);
            }
            None => {
                let ended = self.runs.remove(index).run;
                self.pass_on(&ended, now);
                return state;
            }
        }
        let ended = self.runs[index].run.clone();
        self.pass_on(&ended, now);
        state
    }

    pub(super) fn cancels(&self, consumer: ConsumerId) -> Vec<Cancel> {
        let mine = self
            .runs
            .iter()
            .filter(|it| it.holder.is_some_and(|(id, _)| id == consumer));
        mine.filter_map(|it| Some(Cancel::new(it.run.id, it.cancel.clone()?)))
            .collect()
    }
}
