//! Who must hold what: kept from requests and answers alone, by the rules of `docs/SEMANTICS.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use aqueduct::broker_api::{
    ClaimRequest, EnqueueRequest, Enqueued, ExtendRequest, Extended, LeaseToken, REPLAY_WINDOW,
    ReclaimRequest, Reclaimed, Sequence, Settle, Settled,
};
use aqueduct::{RunId, RunState, TaskRun, Timestamp};
use aqueduct_core::{ConsumerId, ProducerId};

use super::event::Deed;
use super::law::check;

/// Who must hold what, and which answers must be given again.
#[derive(Debug, Default)]
pub struct Ledger {
    holds: BTreeMap<RunId, Held>,
    attempts: BTreeMap<RunId, u32>,
    consumers: BTreeMap<ConsumerId, Known<Answer>>,
    producers: BTreeMap<ProducerId, Known<Vec<Enqueued>>>,
    last_beat: Option<Timestamp>,
    paused_until: Timestamp,
    taken: Vec<(RunId, Held)>,
}

/// Who holds a run, in which attempt, since which request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// Who.
    pub consumer: ConsumerId,
    /// In which attempt.
    pub attempt: u32,
    /// Since which request.
    pub claim: Sequence,
}

#[derive(Debug)]
struct Known<A> {
    lease_until: Timestamp,
    newest: u64,
    answers: BTreeMap<u64, A>,
}

#[derive(Clone, Debug)]
struct Answer {
    claimed: Vec<RunId>,
    settled: Vec<Settled>,
}

impl<A> Default for Known<A> {
    fn default() -> Self {
        Self {
            lease_until: Timestamp::MIN,
            newest: 0,
            answers: BTreeMap::new(),
        }
    }
}

impl<A> Known<A> {
    fn record(&mut self, sequence: Sequence, answer: A) {
        self.newest = self.newest.max(sequence.number());
        self.answers.insert(sequence.number(), answer);
        let newest = self.newest;
        self.answers
            .retain(|number, _| number + REPLAY_WINDOW > newest);
    }

    fn renew(&mut self, until: Timestamp) {
        self.lease_until = self.lease_until.max(until);
    }
}

impl Ledger {
    /// Returns who holds a run.
    #[must_use]
    pub fn holder(&self, run: RunId) -> Option<Held> {
        self.holds.get(&run).copied()
    }

    /// Returns who holds what.
    pub fn holds(&self) -> impl Iterator<Item = (RunId, Held)> {
        self.holds.iter().map(|(run, held)| (*run, *held))
    }

    /// Returns whether a request is so old that its answer is not known any more.
    pub(super) fn is_stale(&self, consumer: ConsumerId, sequence: Sequence) -> bool {
        let known = self.consumers.get(&consumer);
        known.is_some_and(|known| sequence.number() + REPLAY_WINDOW <= known.newest)
    }

    /// As [`Ledger::is_stale`], for a producer.
    pub(super) fn is_stale_of(&self, producer: ProducerId, sequence: Sequence) -> bool {
        let known = self.producers.get(&producer);
        known.is_some_and(|known| sequence.number() + REPLAY_WINDOW <= known.newest)
    }

    pub(super) fn taken(&self) -> &[(RunId, Held)] {
        &self.taken
    }

    /// Enters a step; returns whether it was asked for the first time.
    pub(super) fn enter(&mut self, deed: &Deed, now: Timestamp) -> Result<bool, String> {
        self.taken.clear();
        match deed {
            Deed::Enqueued { request, answers } => self.enqueued(request, answers),
            Deed::Claimed {
                request,
                leases,
                settled,
            } => self.claimed(request, leases, settled, now),
            Deed::Settled { request, settled } => {
                let (consumer, sequence) = (request.consumer, request.sequence);
                if let Some(answer) = self.answer(consumer, sequence) {
                    check(answer.settled == *settled, || {
                        format!("answered {settled:?}, and before {:?}", answer.settled)
                    })?;
                    return Ok(false);
                }
                self.settle(consumer, &request.items, settled)?;
                if let Some(known) = self.consumers.get_mut(&consumer) {
                    let (claimed, settled) = (Vec::new(), settled.clone());
                    known.record(sequence, Answer { claimed, settled });
                }
                Ok(true)
            }
            Deed::Extended { request, extended } => {
                self.extended(request, extended, now).map(|()| true)
            }
            Deed::Reclaimed { request, done } => self.reclaimed(*request, *done, now),
            _ => Ok(true),
        }
    }

    fn enqueued(&mut self, request: &EnqueueRequest, answers: &[Enqueued]) -> Result<bool, String> {
        let known = self.producers.entry(request.producer).or_default();
        if let Some(before) = known.answers.get(&request.sequence.number()) {
            check(before == answers, || {
                format!("answered {answers:?}, and before {before:?}")
            })?;
            return Ok(false);
        }
        known.record(request.sequence, answers.to_vec());
        Ok(true)
    }

    fn answer(&self, consumer: ConsumerId, sequence: Sequence) -> Option<Answer> {
        let known = self.consumers.get(&consumer)?;
        known.answers.get(&sequence.number()).cloned()
    }

    fn claimed(
        &mut self,
        request: &ClaimRequest,
        leases: &[TaskRun],
        settled: &[Settled],
        now: Timestamp,
    ) -> Result<bool, String> {
        let (consumer, sequence) = (request.consumer, request.sequence);
        let until = now.saturating_add(request.lease);
        self.consumers.entry(consumer).or_default().renew(until);
        if let Some(answer) = self.answer(consumer, sequence) {
            check(answer.settled == *settled, || {
                format!("settled {settled:?}, and before {:?}", answer.settled)
            })?;
            let is_still = |id: &&RunId| {
                let held = self.holds.get(*id);
                held.is_some_and(|it| it.consumer == consumer && it.claim == sequence)
            };
            let still: Vec<RunId> = answer.claimed.iter().filter(is_still).copied().collect();
            let given: Vec<RunId> = leases.iter().map(|run| run.id).collect();
            check(still == given, || {
                format!("the repeated claim gives {given:?}, not {still:?}")
            })?;
            return Ok(false);
        }
        self.settle(consumer, &request.settle, settled)?;
        for run in leases {
            self.give(run, consumer, sequence)?;
        }
        let claimed = leases.iter().map(|run| run.id).collect();
        let settled = settled.to_vec();
        let known = self.consumers.entry(consumer).or_default();
        known.record(sequence, Answer { claimed, settled });
        Ok(true)
    }

    fn give(&mut self, run: &TaskRun, to: ConsumerId, claim: Sequence) -> Result<(), String> {
        let (id, attempt) = (run.id, run.tally.attempt);
        if let Some(holder) = self.holds.get(&id) {
            return Err(format!(
                "{id} is given to {to}, and {} holds it",
                holder.consumer
            ));
        }
        let last = self.attempts.insert(id, attempt).unwrap_or(0);
        check(attempt > last, || {
            format!("{id} is given in attempt {attempt}, after attempt {last}")
        })?;
        let held = Held {
            consumer: to,
            attempt,
            claim,
        };
        self.holds.insert(id, held);
        Ok(())
    }

    fn is_held(&self, consumer: ConsumerId, token: LeaseToken) -> bool {
        let held = self.holds.get(&token.run);
        held.is_some_and(|it| it.consumer == consumer && it.attempt == token.attempt)
    }

    fn settle(
        &mut self,
        consumer: ConsumerId,
        items: &[Settle],
        answers: &[Settled],
    ) -> Result<(), String> {
        check(items.len() == answers.len(), || {
            format!("{} settlements have {} answers", items.len(), answers.len())
        })?;
        for (item, answer) in items.iter().zip(answers) {
            let is_held = self.is_held(consumer, item.token);
            let is_applied = matches!(answer, Settled::Applied(_));
            check(is_held == is_applied, || {
                let held = self.holds.get(&item.token.run);
                format!("{item:?} is answered {answer:?}, and the holder is {held:?}")
            })?;
            if is_held {
                self.holds.remove(&item.token.run);
            }
        }
        Ok(())
    }

    fn extended(
        &mut self,
        request: &ExtendRequest,
        extended: &Extended,
        now: Timestamp,
    ) -> Result<(), String> {
        let consumer = request.consumer;
        let until = now.saturating_add(request.lease);
        self.consumers.entry(consumer).or_default().renew(until);
        let lost = request.held.iter();
        let lost = lost.filter(|token| !self.is_held(consumer, **token));
        let lost: Vec<RunId> = lost.map(|token| token.run).collect();
        check(lost == extended.lost, || {
            format!("lost are {lost:?}, not {:?}", extended.lost)
        })?;
        let is_listed = |run| request.held.iter().any(|token| token.run == run);
        let is_orphan = |(run, held): &(RunId, Held)| {
            let is_answered = held.claim <= request.answered;
            held.consumer == consumer && is_answered && !is_listed(*run)
        };
        let orphans: Vec<_> = self.holds().filter(is_orphan).collect();
        check(orphans.len() == extended.released, || {
            let released = extended.released;
            format!("{released} runs are given back, and orphans are {orphans:?}")
        })?;
        for (run, _) in orphans {
            self.holds.remove(&run);
        }
        Ok(())
    }

    /// Cuts what would last longer because the clock was set back; who lives has renewed by `next`.
    fn set_back(&mut self, back: Duration, next: Timestamp) {
        self.paused_until = self.paused_until.min(next);
        for known in self.consumers.values_mut() {
            let cut = known.lease_until.saturating_sub(back).max(next);
            known.lease_until = known.lease_until.min(cut);
        }
    }

    fn reclaimed(
        &mut self,
        request: ReclaimRequest,
        done: Reclaimed,
        now: Timestamp,
    ) -> Result<bool, String> {
        let longest = request.beat * 3;
        let gap = self.last_beat.map(|last| now.saturating_since(last));
        if gap.is_some_and(|gap| gap > longest) {
            self.paused_until = now.saturating_add(request.lease);
        }
        if let Some(back) = self.last_beat.filter(|last| *last > now) {
            self.set_back(
                back.saturating_since(now),
                now.saturating_add(request.lease),
            );
        }
        self.last_beat = Some(now);
        let is_paused = self.paused_until > now;
        check(done.paused_for.is_some() == is_paused, || {
            let until = self.paused_until;
            format!(
                "the pause is {:?}, and must end at {until}",
                done.paused_for
            )
        })?;
        let dead = |id: &ConsumerId| {
            let known = self.consumers.get(id);
            !is_paused && known.is_none_or(|known| known.lease_until <= now)
        };
        let taken: Vec<_> = self.holds().filter(|(_, it)| dead(&it.consumer)).collect();
        let moved = done.requeued + done.failed + done.cancelled;
        check(moved == taken.len(), || {
            format!("{moved} runs are taken back, and the dead hold {taken:?}")
        })?;
        for (run, _) in &taken {
            self.holds.remove(run);
        }
        self.taken = taken;
        if !is_paused {
            self.consumers.retain(|_, known| known.lease_until > now);
        }
        Ok(true)
    }
}

/// Returns whether a state is final and was reached by a settlement.
#[must_use]
pub fn ended_by(settled: Settled) -> Option<RunState> {
    match settled {
        Settled::Applied(state) if state.is_final() => Some(state),
        _ => None,
    }
}
