//! The consumers: their leases, what they hold, and the last answers to them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{Cancel, Introduction, Sequence, Settled};
use aqueduct_core::id::IdMap;
use aqueduct_core::{ConsumerId, RunId, Timestamp};

use super::replay::Replay;
use super::slots::Slot;

/// All known consumers.
#[derive(Debug, Default)]
pub(super) struct Holders {
    known: IdMap<ConsumerId, Holder>,
    by_expiry: BTreeSet<(Timestamp, ConsumerId)>,
}

/// One consumer.
#[derive(Debug, Default)]
pub(super) struct Holder {
    pub(super) lease_until: Timestamp,
    pub(super) introduction: Option<Arc<Introduction>>,
    pub(super) held: Vec<Slot>,
    pub(super) replay: Replay<Answer>,
    /// Runs in its hands whose end was asked for.
    pub(super) cancels: Vec<Cancel>,
}

/// What a consumer was told.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) claimed: Vec<RunId>,
    pub(super) settled: Vec<Settled>,
}

impl Holders {
    /// Returns a consumer, new or known, with its lease renewed.
    pub(super) fn renew(&mut self, id: ConsumerId, lease_until: Timestamp) -> &mut Holder {
        let holder = self.known.entry(id).or_default();
        if lease_until > holder.lease_until {
            self.by_expiry.remove(&(holder.lease_until, id));
            self.by_expiry.insert((lease_until, id));
            holder.lease_until = lease_until;
        }
        holder
    }

    /// Lets leases end as if the clock had not been set back by so much, or at `next`, when who lives has renewed.
    pub(super) fn cut(&mut self, back: Duration, next: Timestamp) {
        for (id, holder) in &mut self.known {
            let cut = holder.lease_until.saturating_sub(back).max(next);
            if cut < holder.lease_until {
                self.by_expiry.remove(&(holder.lease_until, *id));
                self.by_expiry.insert((cut, *id));
                holder.lease_until = cut;
            }
        }
    }

    /// Ends the lease of a consumer that holds nothing: it has stopped.
    pub(super) fn leave(&mut self, id: ConsumerId, now: Timestamp) {
        let leaving = self.known.get_mut(&id);
        if let Some(holder) = leaving.filter(|holder| holder.held.is_empty()) {
            self.by_expiry.remove(&(holder.lease_until, id));
            holder.lease_until = now;
            self.by_expiry.insert((now, id));
        }
    }

    pub(super) fn get(&self, id: ConsumerId) -> Option<&Holder> {
        self.known.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: ConsumerId) -> Option<&mut Holder> {
        self.known.get_mut(&id)
    }

    /// Returns the consumer whose lease ran out first, if it has.
    pub(super) fn first_expired(&self, now: Timestamp) -> Option<ConsumerId> {
        let (lease_until, id) = self.by_expiry.first()?;
        (*lease_until <= now).then_some(*id)
    }

    /// Forgets a consumer that holds nothing.
    pub(super) fn forget(&mut self, id: ConsumerId) {
        if let Some(holder) = self.known.remove(&id) {
            debug_assert!(holder.held.is_empty(), "a forgotten consumer holds runs");
            self.by_expiry.remove(&(holder.lease_until, id));
        }
    }

    /// Adds a run to what a consumer holds; returns its position.
    pub(super) fn hold(&mut self, id: ConsumerId, slot: Slot) -> usize {
        let held = &mut self.known.entry(id).or_default().held;
        held.push(slot);
        held.len() - 1
    }

    /// Takes a run from a consumer; returns the run that took over its position, if one did.
    pub(super) fn release(&mut self, id: ConsumerId, position: usize, run: RunId) -> Option<Slot> {
        let holder = self.known.get_mut(&id)?;
        if !holder.cancels.is_empty() {
            holder.cancels.retain(|cancel| cancel.run != run);
        }
        if position < holder.held.len() {
            holder.held.swap_remove(position);
        }
        holder.held.get(position).copied()
    }

    /// Returns the known consumers, the first to expire first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ConsumerId, &Holder)> {
        self.by_expiry
            .iter()
            .filter_map(|(_, id)| Some((*id, self.known.get(id)?)))
    }

    /// Returns the recorded answer to a request of a consumer.
    pub(super) fn look_up(
        &self,
        id: ConsumerId,
        sequence: Sequence,
        operation: &'static str,
    ) -> Result<Option<&Answer>, aqueduct_broker_api::BrokerError> {
        self.known.get(&id).map_or(Ok(None), |holder| {
            holder.replay.look_up(sequence, operation)
        })
    }
}
