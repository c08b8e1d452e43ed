//! Limits that runs share, where they touch the rest of the state: who starts, who stands in line, who
//! goes next.

mod key;
mod keys;
mod limiter;
mod lines;

use limiter::Asks;
pub(super) use limiter::{Limiter, Turn};
pub(super) use lines::LineNumber;

use std::time::Duration;

use aqueduct_broker_api::{BrokerError, LimitInfo, MAX_HELD_BY, MAX_PAGE};
use aqueduct_core::run::Limit;
use aqueduct_core::{RunId, Timestamp};

use super::State;
use super::queues::{End, Entry};
use super::slots::{Place, Slot};
use lines::Spot;

impl State {
    /// Returns whether a run that comes up, and is nowhere, may start; else it stands in its line now.
    pub(super) fn starts(&mut self, slot: Slot, now: Timestamp) -> bool {
        let Some((stored, spot)) = self.slots.get(slot).zip(self.spot_of(slot)) else {
            return false;
        };
        let limits = stored.run.limits();
        if limits.is_empty() || self.limiter.starts(limits, spot, stored.run.queued_at, now) {
            self.list_woken();
            return true;
        }
        let entry = Entry {
            slot,
            ticket: self.slots.new_ticket(),
        };
        if let Some(stored) = self.slots.get_mut(slot) {
            stored.place = Place::Line(entry.ticket);
            self.limiter.stand(stored.run.limits(), spot, entry, now);
        }
        self.list_woken();
        false
    }

    /// Puts a run that is given back to the head of its line, if it has one.
    pub(super) fn stands_at_head(&mut self, slot: Slot) -> bool {
        let Some((stored, spot)) = self.slots.get(slot).zip(self.spot_of(slot)) else {
            return false;
        };
        let limits = stored.run.limits();
        if limits.is_empty() {
            return false;
        }
        let Some(line) = self.limiter.has_line(limits, spot) else {
            return false;
        };
        let ticket = self.slots.new_ticket();
        if let Some(stored) = self.slots.get_mut(slot) {
            stored.place = Place::Line(ticket);
        }
        self.limiter.push(line, Entry { slot, ticket }, End::Head);
        true
    }

    /// Decides about the first run of a line, which is out of it.
    pub(super) fn serve_line(&mut self, line: LineNumber, entry: Entry, now: Timestamp) -> Turn {
        let Some(stored) = self.slots.get(entry.slot) else {
            return Turn::Waits;
        };
        let asks = Asks {
            limits: stored.run.limits(),
            queued_at: stored.run.queued_at,
        };
        let turn = self.limiter.serve(line, entry, asks, now);
        self.list_woken();
        turn
    }

    /// Ends the turn of a line that has started a run: the next that waits for the same limit goes on.
    pub(super) fn end_turn(&mut self, line: LineNumber, now: Timestamp) {
        if self.limiter.is_line_empty(line) || !self.limiter.yields(line, now) {
            self.relist(line, now);
        }
        self.list_woken();
    }

    /// Puts a line back into its ready list, or closes it if nothing is left of it.
    pub(super) fn relist(&mut self, line: LineNumber, now: Timestamp) {
        if self.limiter.is_line_empty(line) {
            self.limiter.close(line, now);
        } else if let Some(spot) = self.limiter.spot_of(line) {
            self.list_line(spot, line);
        }
        self.list_woken();
    }

    /// Takes a run from its consumer, and gives its places to others.
    pub(super) fn leave_consumer(&mut self, slot: Slot, now: Timestamp) {
        self.leave(slot);
        if let Some(stored) = self.slots.get(slot)
            && !stored.run.limits().is_empty()
        {
            self.limiter.end(stored.run.limits(), now);
            self.list_woken();
        }
    }

    /// Lets nothing start for so long that shares the limits of a run.
    pub(super) fn hold_back(&mut self, slot: Slot, wait: Duration, now: Timestamp) {
        let Some(stored) = self.slots.get(slot) else {
            return;
        };
        if let Some(options) = &stored.run.options {
            let until = now.saturating_add(wait);
            let limits = options.limits.held_back();
            self.limiter
                .hold_back(limits, stored.run.queued_at, until, now);
            self.list_woken();
        }
    }

    /// Puts lines into their ready lists that may go on.
    pub(super) fn list_woken(&mut self) {
        for (spot, line) in self.limiter.take_woken() {
            self.list_line(spot, line);
        }
    }

    fn list_line(&mut self, spot: Spot, line: LineNumber) {
        if let Some(queue) = self.queues.get_mut(spot.queue) {
            let list = queue.lane_mut(spot.lane);
            list.push(spot.priority, Entry::of_line(line), End::Head);
        }
        self.wake = true;
    }

    fn spot_of(&self, slot: Slot) -> Option<Spot> {
        let stored = self.slots.get(slot)?;
        Some(Spot {
            queue: stored.queue,
            lane: stored.run.lane,
            priority: stored.run.priority,
        })
    }

    /// Returns how limits stand; of all that are in use if none is named.
    pub(crate) fn limit_infos(
        &self,
        limits: &[Limit],
        now: Timestamp,
    ) -> Result<Vec<LimitInfo>, BrokerError> {
        BrokerError::check_batch("tell of limits", limits.len(), MAX_PAGE)?;
        let in_use;
        let limits = if limits.is_empty() {
            in_use = self.limiter.in_use(MAX_PAGE);
            &in_use
        } else {
            limits
        };
        let infos = limits.iter().map(|limit| {
            let mut info = self.limiter.info(limit, now);
            info.held_by = self.holders_of(limit);
            info
        });
        Ok(infos.collect())
    }

    fn holders_of(&self, limit: &Limit) -> Vec<RunId> {
        if limit.per().is_some() {
            return Vec::new();
        }
        let held = self.holders.iter().flat_map(|(_, holder)| &holder.held);
        let runs = held.filter_map(|slot| self.slots.get(*slot).map(|stored| &stored.run));
        let shares = runs.filter(|run| run.limits().iter().any(|it| it.is_same(limit)));
        let mut ids: Vec<RunId> = shares.map(|run| run.id).collect();
        ids.sort();
        ids.truncate(MAX_HELD_BY);
        ids
    }
}
