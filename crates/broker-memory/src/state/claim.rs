//! The step that settles and claims for one consumer.

use aqueduct_broker_api::{
    BrokerError, ClaimRequest, Claimed, LaneWant, Lease, MAX_CLAIM_BATCH, MAX_SETTLE_BATCH,
    Sequence,
};
use aqueduct_core::run::Transition;
use aqueduct_core::{ConsumerId, Lane, QueueName, RunId, Timestamp};

use super::State;
use super::holders::Answer;
use super::limits::LineNumber;
use super::queues::Entry;
use super::slots::{Place, Slot};

/// Who claims, and with which request.
#[derive(Clone, Copy)]
struct Claimant {
    consumer: ConsumerId,
    sequence: Sequence,
    now: Timestamp,
}

/// The most entries that one claim looks at and cannot use, so that no step is long.
const MAX_PASSED_OVER: usize = 1024;

impl State {
    pub(crate) fn claim(
        &mut self,
        request: &ClaimRequest,
        now: Timestamp,
    ) -> Result<Claimed, BrokerError> {
        let ClaimRequest {
            consumer,
            sequence,
            lease,
            ref wants,
            ref settle,
            ..
        } = *request;
        let wanted = wants
            .iter()
            .fold(0_usize, |sum, want| sum.saturating_add(want.max));
        BrokerError::check_batch("claim", wanted, MAX_CLAIM_BATCH)?;
        BrokerError::check_batch("claim", settle.len(), MAX_SETTLE_BATCH)?;
        let recorded = self.holders.look_up(consumer, sequence, "claim")?.cloned();
        self.holders.renew(consumer, now.saturating_add(lease));
        if let Some(answer) = recorded {
            let mut again = self.claimed_again(consumer, sequence, answer);
            again.now = now;
            return Ok(again);
        }
        let settled = self.settle_all(consumer, settle, now);
        self.promote(now);
        let claimant = Claimant {
            consumer,
            sequence,
            now,
        };
        let mut leases = Vec::with_capacity(wanted.min(self.slots.len()));
        for want in wants {
            self.serve(want, claimant, &mut leases);
        }
        let claimed: Vec<RunId> = leases.iter().map(|lease| lease.run().id).collect();
        let answer = Answer {
            claimed,
            settled: settled.clone(),
        };
        let mut answered = Claimed::default();
        if let Some(holder) = self.holders.get_mut(consumer) {
            holder.replay.record(sequence, answer);
            answered.cancels.clone_from(&holder.cancels);
        }
        answered.leases = leases;
        answered.settled = settled;
        answered.now = now;
        Ok(answered)
    }

    /// Answers a repeated claim: the same settlements, and the runs that are still held for it.
    fn claimed_again(&self, consumer: ConsumerId, sequence: Sequence, answer: Answer) -> Claimed {
        let still_held = |id: &RunId| {
            let stored = self.slots.get(self.slots.slot_of(*id)?)?;
            match stored.place {
                Place::Held {
                    consumer: holder,
                    claim,
                    ..
                } if holder == consumer && claim == sequence => {
                    Some(Lease::new(stored.run.clone(), consumer))
                }
                _ => None,
            }
        };
        let mut again = Claimed::default();
        again.leases = answer.claimed.iter().filter_map(still_held).collect();
        again.settled = answer.settled;
        if let Some(holder) = self.holders.get(consumer) {
            again.cancels.clone_from(&holder.cancels);
        }
        again
    }

    fn serve(&mut self, want: &LaneWant, claimant: Claimant, leases: &mut Vec<Lease>) {
        let full = leases.len().saturating_add(want.max);
        for name in want.queues.iter() {
            let Some(queue) = self.queues.find(name) else {
                continue;
            };
            let mut passed_over = 0;
            while leases.len() < full && passed_over < MAX_PASSED_OVER {
                let Some(entry) = self.next_entry(queue, want.lane) else {
                    break;
                };
                let lease = match entry.line() {
                    Some(line) => {
                        self.forget_entry(queue, want.lane);
                        self.claim_from_line(line, claimant, &mut passed_over)
                    }
                    None => self.claim_entry(entry, claimant),
                };
                match lease {
                    Some(lease) => leases.push(lease),
                    None => passed_over += 1,
                }
            }
        }
    }

    fn next_entry(&mut self, queue: usize, lane: Lane) -> Option<Entry> {
        let queue = self
            .queues
            .get_mut(queue)
            .filter(|queue| !queue.is_paused)?;
        let list = queue.lane_mut(lane);
        if list.has_valid() { list.pop() } else { None }
    }

    /// Claims the run of an entry, unless the entry is stale or the run cannot start now.
    fn claim_entry(&mut self, entry: Entry, claimant: Claimant) -> Option<Lease> {
        let slot = self.take_up(entry, Place::Ready(entry.ticket), claimant)?;
        if !self.starts(slot, claimant.now) {
            return None;
        }
        self.hold(slot, claimant)
    }

    /// Claims the first run of a line that may start, if its limits still let it; the line is out of its
    /// ready list.
    fn claim_from_line(
        &mut self,
        line: LineNumber,
        claimant: Claimant,
        passed_over: &mut usize,
    ) -> Option<Lease> {
        while *passed_over < MAX_PASSED_OVER {
            if self.waits_again(line, claimant.now) {
                return None;
            }
            let Some(entry) = self.limiter.pop(line) else {
                break;
            };
            let Some(slot) = self.take_up(entry, Place::Line(entry.ticket), claimant) else {
                *passed_over += 1;
                continue;
            };
            self.start_in_line(slot, claimant.now);
            self.go_on(line, slot, claimant.now);
            return self.hold(slot, claimant);
        }
        self.relist(line, claimant.now);
        None
    }

    /// Takes the run of an entry out of its place, if the entry is not stale and the run may go on.
    fn take_up(&mut self, entry: Entry, place: Place, claimant: Claimant) -> Option<Slot> {
        let slot = entry.slot;
        let stored = self.slots.get(slot).filter(|it| it.place == place)?;
        let is_past_deadline = stored.run.is_past_deadline(claimant.now);
        let is_paused = stored.task.is_some_and(|task| self.tasks.is_paused(task));
        self.leave(slot);
        if is_past_deadline {
            self.end(slot, Transition::Expire, claimant.now);
            return None;
        }
        if is_paused {
            self.set_aside(slot);
            return None;
        }
        Some(slot)
    }

    /// Notes that the entry of a line is out of its list.
    fn forget_entry(&mut self, queue: usize, lane: Lane) {
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.lane_mut(lane).forget_one();
        }
    }

    fn hold(&mut self, slot: Slot, claimant: Claimant) -> Option<Lease> {
        self.transition(slot, Transition::Claim)?;
        let position = self.holders.hold(claimant.consumer, slot);
        let stored = self.slots.get_mut(slot)?;
        let Claimant {
            consumer, sequence, ..
        } = claimant;
        stored.place = Place::Held {
            consumer,
            position,
            claim: sequence,
        };
        self.keys.begin(&stored.run);
        stored.run.tally.attempt = stored.run.tally.attempt.saturating_add(1);
        if let Some(queue) = self.queues.get_mut(stored.queue) {
            queue.lane_mut(stored.run.lane).count_taken();
        }
        Some(Lease::new(stored.run.clone(), consumer))
    }

    fn set_aside(&mut self, slot: Slot) {
        let ticket = self.slots.new_ticket();
        let Some(stored) = self.slots.get_mut(slot) else {
            return;
        };
        stored.place = Place::Aside(ticket);
        let task = stored.run.task.clone();
        self.aside
            .entry(task)
            .or_default()
            .push_back(Entry { slot, ticket });
    }

    /// Returns whether a claim from these queues and lanes may find something.
    pub(crate) fn has_ready(&self, queues: &[QueueName], lanes: &[Lane]) -> bool {
        queues.iter().any(|name| {
            let queue = self
                .queues
                .find(name)
                .and_then(|number| self.queues.get(number));
            queue.is_some_and(|queue| {
                !queue.is_paused && lanes.iter().any(|lane| queue.lane(*lane).has_valid())
            })
        })
    }
}
