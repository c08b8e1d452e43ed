//! Limits that runs share, where they touch the rest of the state: who starts, who stands in line, who
//! goes next.

mod key;
mod keys;
mod limiter;
mod lines;

pub(super) use limiter::Limiter;
use limiter::Next;
pub(super) use lines::LineNumber;

use std::time::Duration;

use aqueduct_broker_api::{BrokerError, LimitInfo, MAX_HELD_BY, MAX_PAGE, TurnInfo};
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
        if stored.run.fair().is_some() {
            // It was given a fair key while it waited.
            self.put_ready(slot, End::Tail, now);
            return false;
        }
        let is_free = stored.run.limits().is_empty();
        if is_free || self.limiter.starts(&stored.run, spot, now) {
            self.list_woken();
            return true;
        }
        let entry = Entry {
            slot,
            ticket: self.slots.new_ticket(),
        };
        if let Some(stored) = self.slots.get_mut(slot) {
            stored.place = Place::Line(entry.ticket);
            self.limiter.stand(&stored.run, spot, entry, now);
        }
        self.list_woken();
        false
    }

    /// Puts a run that is ready into its line: one with a fair key, or one that is given back, if it has a line.
    pub(super) fn stands(&mut self, slot: Slot, end: End, now: Timestamp) -> bool {
        let Some((stored, spot)) = self.slots.get(slot).zip(self.spot_of(slot)) else {
            return false;
        };
        let is_given_back = end == End::Head && !stored.run.limits().is_empty();
        if !is_given_back && stored.run.fair().is_none() {
            return false;
        }
        let ticket = self.slots.new_ticket();
        let entry = Entry { slot, ticket };
        let Some(stored) = self.slots.get_mut(slot) else {
            return false;
        };
        if stored.run.fair().is_some() {
            // Nobody comes upon it while others stand before it.
            self.limiter.note(&stored.run, now);
        }
        let Ok(opened) = self.limiter.join(&stored.run, spot, entry, end) else {
            return false;
        };
        stored.place = Place::Line(ticket);
        self.list_woken();
        if let Some(line) = opened {
            self.list_line(spot, line, end);
        }
        true
    }

    /// Takes the numbers of a run that stands in line, and has been replaced there.
    pub(super) fn note_numbers(&mut self, slot: Slot, now: Timestamp) {
        if let Some(stored) = self.slots.get(slot) {
            self.limiter.note(&stored.run, now);
            self.list_woken();
        }
    }

    /// Takes a run out of its line that goes on elsewhere.
    pub(super) fn come_out_of_line(&mut self, slot: Slot) {
        let Some((stored, spot)) = self.slots.get(slot).zip(self.spot_of(slot)) else {
            return;
        };
        if let Place::Line(ticket) = stored.place {
            self.limiter.remove(&stored.run, spot, ticket);
        }
        self.leave(slot);
    }

    /// Lets a line wait again whose limits let none start; returns whether it does.
    pub(super) fn waits_again(&mut self, line: LineNumber, now: Timestamp) -> bool {
        let waits = self.limiter.waits_again(line, now);
        self.list_woken();
        waits
    }

    /// Starts the first run of a line, which is out of it: its limits let one start.
    pub(super) fn start_in_line(&mut self, slot: Slot, now: Timestamp) {
        if let Some(stored) = self.slots.get(slot) {
            self.limiter.start(&stored.run, now);
        }
    }

    /// Moves a line on that has started a run: it goes on, or its turn is over.
    pub(super) fn go_on(&mut self, line: LineNumber, started: Slot, now: Timestamp) {
        let stored = self.slots.get(started);
        let weight = stored.and_then(|it| it.run.fair()).map(|it| it.weight);
        let spot = self.limiter.spot_of(line);
        let next = self.limiter.go_on(line, weight, now);
        self.list_woken();
        if let (Next::Listed(end), Some(spot)) = (next, spot) {
            self.list_line(spot, line, end);
        }
    }

    /// Puts a line back into its ready list, or closes it if nothing is left of it.
    pub(super) fn relist(&mut self, line: LineNumber, now: Timestamp) {
        if self.limiter.is_line_empty(line) {
            self.limiter.close(line, now);
        } else if let Some(spot) = self.limiter.spot_of(line) {
            self.list_line(spot, line, End::Head);
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
            let end = self.limiter.end_for(line);
            self.list_line(spot, line, end);
        }
    }

    fn list_line(&mut self, spot: Spot, line: LineNumber, end: End) {
        if let Some(queue) = self.queues.get_mut(spot.queue) {
            let list = queue.lane_mut(spot.lane);
            list.push(spot.priority, Entry::of_line(line), end);
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

    /// Returns where a run stands that takes turns.
    pub(crate) fn turn(&self, id: RunId) -> Option<TurnInfo> {
        let slot = self.slots.slot_of(id)?;
        let (stored, spot) = self.slots.get(slot).zip(self.spot_of(slot))?;
        let Place::Line(ticket) = stored.place else {
            return None;
        };
        stored.run.fair()?;
        let (line, runs_before) = self.limiter.position(&stored.run, spot, ticket)?;
        let list = self.queues.get(spot.queue)?.lane(spot.lane);
        let turns_before = list.position(spot.priority, line);
        Some(TurnInfo::new(
            runs_before as u64,
            turns_before.map(|turns| turns as u64),
        ))
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
