//! The heartbeat step.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use aqueduct_broker_api::{ExtendRequest, Extended, Report};
use aqueduct_core::run::{RunProgress, Transition};
use aqueduct_core::{ConsumerId, RunId, Timestamp};

use super::State;
use super::slots::{Place, Slot};

impl State {
    pub(crate) fn extend(&mut self, request: &ExtendRequest, now: Timestamp) -> Extended {
        let ExtendRequest {
            consumer,
            lease,
            held,
            answered,
            introduction,
            progress,
            ..
        } = request;
        let holder = self.holders.renew(*consumer, now.saturating_add(*lease));
        if let Some(introduction) = introduction {
            let is_new = holder.introduction.is_none();
            holder.introduction = Some(Arc::clone(introduction));
            if is_new {
                self.wake_parked(introduction, now);
            }
        }
        let mut extended = Extended::default();
        let is_lost = |token: &&_| self.held_by(*consumer, **token).is_none();
        extended.lost = held.iter().filter(is_lost).map(|token| token.run).collect();
        let known: HashSet<RunId> = held.iter().map(|token| token.run).collect();
        for slot in self.held_latest_first(*consumer) {
            if self.is_orphan(slot, &known, *answered) {
                self.give_back(slot, Transition::Release, now);
                extended.released += 1;
            }
        }
        for report in progress {
            self.note(*consumer, report, now);
        }
        if lease.is_zero() {
            self.holders.leave(*consumer, now);
        }
        if let Some(holder) = self.holders.get(*consumer) {
            extended.cancels.clone_from(&holder.cancels);
        }
        extended
    }

    /// Keeps what a run reports, if the consumer holds it in just that attempt.
    fn note(&mut self, consumer: ConsumerId, report: &Report, now: Timestamp) {
        let slot = self.held_by(consumer, report.token);
        if let Some(stored) = slot.and_then(|slot| self.slots.get_mut(slot)) {
            let progress = RunProgress::new(report.progress.clone(), now);
            stored.run.progress = Some(Box::new(progress));
        }
    }

    /// Returns what a consumer holds, the greatest id first: given back to the head in this order,
    /// the runs are served in the order of their ids.
    pub(super) fn held_latest_first(&self, consumer: ConsumerId) -> Vec<Slot> {
        let held = self.holders.get(consumer).map(|holder| holder.held.clone());
        let mut held = held.unwrap_or_default();
        held.sort_by_key(|slot| Reverse(self.slots.get(*slot).map(|stored| stored.run.id)));
        held
    }

    /// Returns whether a held run was claimed by an answered request and its consumer lacks it.
    fn is_orphan(
        &self,
        slot: Slot,
        known: &HashSet<RunId>,
        answered: aqueduct_broker_api::Sequence,
    ) -> bool {
        self.slots.get(slot).is_some_and(|stored| {
            matches!(stored.place, Place::Held { claim, .. } if claim <= answered)
                && !known.contains(&stored.run.id)
        })
    }
}
