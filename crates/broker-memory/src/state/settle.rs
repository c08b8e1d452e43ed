//! The step that records how attempts ended.

use aqueduct_broker_api::{
    BrokerError, LeaseToken, MAX_SETTLE_BATCH, Settle, SettleRequest, Settled, Settlement,
};
use aqueduct_core::run::{Failure, Transition};
use aqueduct_core::{ConsumerId, RunState, Timestamp};

use super::State;
use super::holders::Answer;
use super::queues::End;
use super::slots::{Place, Slot};

impl State {
    pub(crate) fn settle(
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
        BrokerError::check_batch("settle", items.len(), MAX_SETTLE_BATCH)?;
        if let Some(answer) = self.holders.look_up(consumer, sequence, "settle")? {
            return Ok(answer.settled.clone());
        }
        let settled = self.settle_all(consumer, items, now);
        if let Some(holder) = self.holders.get_mut(consumer) {
            let answer = Answer {
                settled: settled.clone(),
                ..Answer::default()
            };
            holder.replay.record(sequence, answer);
        }
        Ok(settled)
    }

    pub(super) fn settle_all(
        &mut self,
        consumer: ConsumerId,
        items: &[Settle],
        now: Timestamp,
    ) -> Vec<Settled> {
        let settle = |item: &Settle| match self.held_by(consumer, item.token) {
            Some(slot) => self.settle_one(slot, consumer, item, now),
            None => Settled::LeaseLost,
        };
        items.iter().map(settle).collect()
    }

    /// Returns the run of a token, if the consumer holds it in just that attempt: the fence.
    pub(super) fn held_by(&self, consumer: ConsumerId, token: LeaseToken) -> Option<Slot> {
        let slot = self.slots.slot_of(token.run)?;
        let stored = self.slots.get(slot)?;
        let is_held = matches!(
            stored.place,
            Place::Held { consumer: holder, .. } if holder == consumer && token.consumer == consumer
        );
        (is_held && stored.run.tally.attempt == token.attempt).then_some(slot)
    }

    fn settle_one(
        &mut self,
        slot: Slot,
        consumer: ConsumerId,
        item: &Settle,
        now: Timestamp,
    ) -> Settled {
        let asked = match self.asked_to_end(slot) {
            Some(reason) if !item.settlement.is_end() => Some(Settlement::Cancel { reason }),
            _ => None,
        };
        let settlement = asked.as_ref().unwrap_or(&item.settlement);
        if !item.hold_back.is_zero() {
            self.hold_back(slot, item.hold_back, now);
        }
        self.leave_consumer(slot, now);
        self.count(slot, settlement);
        let transition = settlement.transition();
        let state = match settlement {
            Settlement::Succeed { result } => {
                if result.is_some() {
                    self.record(slot, |record| record.result.clone_from(result));
                }
                self.end(slot, transition, now)
            }
            Settlement::Fail { failure } => {
                self.record_failure(slot, consumer, failure, now);
                self.end(slot, transition, now)
            }
            Settlement::Cancel { reason } => {
                self.record(slot, |record| record.reason = Some(reason.clone()));
                self.end(slot, transition, now)
            }
            Settlement::Retry { wait, failure } => {
                self.record_failure(slot, consumer, failure, now);
                self.move_to_due(slot, transition, now.saturating_add(*wait));
                self.state_of(slot)
            }
            Settlement::Park { wait, failure } => {
                self.record(slot, |record| record.failure = Some(failure.clone()));
                let until = now.saturating_add(*wait);
                self.move_to_due(slot, transition, until);
                if let Some(stored) = self.slots.get(slot) {
                    self.parked.note(until, stored.run.id, now);
                }
                self.state_of(slot)
            }
            Settlement::Snooze { wait } => {
                self.move_to_due(slot, transition, now.saturating_add(*wait));
                self.state_of(slot)
            }
            // A kind that a later release adds is given back as well: nothing is lost.
            Settlement::Release | _ => {
                self.move_to_ready(slot, Transition::Release, End::Head, now);
                self.state_of(slot)
            }
        };
        state.map_or(Settled::LeaseLost, Settled::Applied)
    }

    /// Records why the attempt of a run failed, and that it did.
    pub(super) fn record_failure(
        &mut self,
        slot: Slot,
        consumer: ConsumerId,
        failure: &Failure,
        now: Timestamp,
    ) {
        if let Some(stored) = self.slots.get_mut(slot) {
            let attempt = stored.run.tally.attempt;
            let record = stored.run.record_mut();
            record.fail(attempt, now, consumer, failure.clone());
        }
    }

    /// Counts what the settlement says about the budgets of the run.
    fn count(&mut self, slot: Slot, settlement: &Settlement) {
        let Some(stored) = self.slots.get_mut(slot) else {
            return;
        };
        stored.run.tally = stored.run.tally.after(settlement);
        if let (Settlement::Retry { .. }, Some(task)) = (settlement, stored.task) {
            self.tasks.count_retry(task);
        }
    }

    pub(super) fn state_of(&self, slot: Slot) -> Option<RunState> {
        self.slots.get(slot).map(|stored| stored.run.state)
    }
}
