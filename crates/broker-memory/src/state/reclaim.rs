//! The beat that takes back the runs of dead consumers, expires and sweeps.

use std::time::Duration;

use aqueduct_broker_api::{ReclaimRequest, Reclaimed};
use aqueduct_core::run::{Failure, FailureKind, Transition};
use aqueduct_core::{ConsumerId, RunState, Timestamp};

use super::State;
use super::slots::Slot;

/// The rhythm of the beats: a gap means that everything stood still.
#[derive(Debug, Default)]
pub(super) struct Beats {
    last: Option<Timestamp>,
    paused_until: Timestamp,
}

/// A gap of more than this many beats pauses reclaiming for one lease.
const BEATS_TO_STALL: u32 = 3;

impl Beats {
    /// Returns by how much the clock was set back since the last beat.
    fn set_back(&self, now: Timestamp) -> Option<Duration> {
        let last = self.last.filter(|last| *last > now)?;
        Some(last.saturating_since(now))
    }

    /// Notes a beat; returns until when reclaiming is paused.
    fn note(&mut self, request: &ReclaimRequest, now: Timestamp) -> Timestamp {
        let stall = request.beat.saturating_mul(BEATS_TO_STALL);
        if self
            .last
            .is_some_and(|last| now.saturating_since(last) > stall)
        {
            self.paused_until = now.saturating_add(request.lease);
        }
        if self.set_back(now).is_some() {
            self.paused_until = self.paused_until.min(now.saturating_add(request.lease));
        }
        // A clock that was set back must not look like a gap when it catches up.
        self.last = Some(now);
        self.paused_until
    }
}

impl State {
    pub(crate) fn reclaim(&mut self, request: &ReclaimRequest, now: Timestamp) -> Reclaimed {
        let mut done = Reclaimed::default();
        self.promote(now);
        if let Some(back) = self.beats.set_back(now) {
            self.holders.cut(back, now.saturating_add(request.lease));
        }
        let paused_until = self.beats.note(request, now);
        if paused_until > now {
            done.paused_for = Some(paused_until.saturating_since(now));
        } else {
            self.take_back(request, now, &mut done);
        }
        self.expire_unstarted(request, now, &mut done);
        self.sweep_kept(request, now, &mut done);
        self.limiter.sweep(now, request.limit);
        done.more |= self.keys.forget_over(now, request.limit);
        done
    }

    fn take_back(&mut self, request: &ReclaimRequest, now: Timestamp, done: &mut Reclaimed) {
        while let Some(dead) = self.holders.first_expired(now) {
            for slot in self.held_latest_first(dead) {
                if done.requeued + done.failed + done.cancelled >= request.limit {
                    done.more = true;
                    return;
                }
                match self.take_back_one(slot, dead, request.crash_budget, now) {
                    Some(RunState::Failed) => done.failed += 1,
                    Some(RunState::Cancelled) => done.cancelled += 1,
                    _ => done.requeued += 1,
                }
            }
            self.holders.forget(dead);
        }
    }

    fn take_back_one(
        &mut self,
        slot: Slot,
        dead: ConsumerId,
        budget: u32,
        now: Timestamp,
    ) -> Option<RunState> {
        let stored = self.slots.get_mut(slot)?;
        let crashes = stored.run.tally.crashes.saturating_add(1);
        stored.run.tally.crashes = crashes;
        let message =
            format!("the lease ran out: its consumer died or stood still ({crashes} times)");
        let failure = Failure::new(FailureKind::Crash, message);
        self.record_failure(slot, dead, &failure, now);
        if crashes >= budget && self.asked_to_end(slot).is_none() {
            self.leave_consumer(slot, now);
            return self.end(slot, Transition::Fail, now);
        }
        self.give_back(slot, Transition::Reclaim, now);
        self.state_of(slot)
    }

    fn expire_unstarted(&mut self, request: &ReclaimRequest, now: Timestamp, done: &mut Reclaimed) {
        while let Some(&(deadline, id)) = self.deadlines.first() {
            if deadline > now {
                return;
            }
            if done.expired >= request.limit {
                done.more = true;
                return;
            }
            self.deadlines.pop_first();
            let Some(slot) = self.slots.slot_of(id) else {
                continue;
            };
            let waits = self.slots.get(slot).is_some_and(|stored| {
                let state = stored.run.state;
                matches!(state, RunState::Scheduled | RunState::Queued)
                    && stored.run.is_past_deadline(now)
            });
            if waits {
                self.leave(slot);
                self.end(slot, Transition::Expire, now);
                done.expired += 1;
            }
        }
    }

    fn sweep_kept(&mut self, request: &ReclaimRequest, now: Timestamp, done: &mut Reclaimed) {
        while let Some(id) = self.kept.first_over(now) {
            if done.swept >= request.limit {
                done.more = true;
                return;
            }
            self.kept.remove(id);
            self.remove(id);
            done.swept += 1;
        }
    }
}
