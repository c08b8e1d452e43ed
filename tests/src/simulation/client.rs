//! Little clients: what producers, consumers and schedulers do, without a runtime.

use std::sync::Arc;
use std::time::Duration;

use aqueduct::broker_api::{
    ClaimRequest, Claimed, EnqueueRequest, ExtendRequest, Extended, LaneWant, Lease, LeaseToken,
    ScheduleSnapshot, Sequence, Settle, Settled,
};
use aqueduct::run::Settlement;
use aqueduct::{Lane, QueueName, RunId};
use aqueduct_core::time::Monotonic;
use aqueduct_core::{ConsumerId, ProducerId};

/// The lease of a consumer, how much less it is trusted, and how often it beats.
pub(super) const LEASE: Duration = Duration::from_secs(2);
const MARGIN: Duration = Duration::from_millis(500);
pub(super) const BEAT: Duration = Duration::from_millis(650);

/// How many attempts a consumer has at a time.
const CONCURRENCY: usize = 5;

/// What a consumer does wrong, to show that the laws see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weakness {
    /// It trusts its lease from the answer on, not from the request on.
    TrustsFromTheAnswer,
    /// It does not list what it has ended and not settled.
    ForgetsWhatItOwes,
    /// It says that a claim was answered before it was.
    AnswersEarly,
    /// It goes on with what it has lost.
    KeepsWhatIsLost,
    /// It trusts its lease twice as long as that lasts.
    TrustsTooLong,
}

impl Weakness {
    /// Everything.
    pub const ALL: &[Self] = &[
        Self::TrustsFromTheAnswer,
        Self::ForgetsWhatItOwes,
        Self::AnswersEarly,
        Self::KeepsWhatIsLost,
        Self::TrustsTooLong,
    ];
}

/// A consumer: one exchange at a time, repeated until it is answered, and heartbeats beside it.
#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) id: ConsumerId,
    /// How many consumers were at this place before.
    pub(super) generation: u32,
    /// It does nothing before this step.
    pub(super) stands_until: u64,
    attempts: Vec<Attempt>,
    exchange: Option<ClaimRequest>,
    last: Sequence,
    answered: Sequence,
    trusted_until: Monotonic,
    /// When the clock of the broker jumped: what was promised before is void.
    jumped_at: Option<Monotonic>,
    weakness: Option<Weakness>,
}

#[derive(Debug)]
struct Attempt {
    token: LeaseToken,
    stage: Stage,
    /// Whether the lease was trusted all the time.
    is_whole: bool,
}

#[derive(Debug, PartialEq)]
enum Stage {
    Runs,
    Ended(Settlement, Duration),
    Sent,
}

impl Consumer {
    pub(super) fn new(generation: u32, weakness: Option<Weakness>) -> Self {
        Self {
            id: ConsumerId::generate(),
            generation,
            stands_until: 0,
            attempts: Vec::new(),
            exchange: None,
            last: Sequence::default(),
            answered: Sequence::default(),
            trusted_until: Monotonic::default(),
            jumped_at: None,
            weakness,
        }
    }

    fn has(&self, weakness: Weakness) -> bool {
        self.weakness == Some(weakness)
    }

    /// Returns what it runs, and has trusted all the time until now.
    pub(super) fn trusted(&self, now: Monotonic) -> impl Iterator<Item = RunId> {
        let is_trusted = now < self.trusted_until;
        let runs = self.attempts.iter().filter(|it| it.stage == Stage::Runs);
        let trusted = runs.filter(move |it| is_trusted && it.is_whole);
        trusted.map(|it| it.token.run)
    }

    /// Returns the request of its exchange: what has ended, and up to so many runs of the queues.
    pub(super) fn exchange(&mut self, most: usize, queues: &Arc<[QueueName]>) -> ClaimRequest {
        if let Some(unanswered) = &self.exchange {
            return unanswered.clone();
        }
        let mut settle = Vec::new();
        for attempt in &mut self.attempts {
            if let Stage::Ended(settlement, hold_back) = &attempt.stage {
                let item = Settle::new(attempt.token, settlement.clone());
                settle.push(item.holding_back(*hold_back));
                attempt.stage = Stage::Sent;
            }
        }
        let runs = self.attempts.iter().filter(|it| it.stage == Stage::Runs);
        let room = CONCURRENCY.saturating_sub(runs.count()).min(most);
        self.last = self.last.next();
        let mut request = ClaimRequest::new(self.id, self.last, LEASE).settling(settle);
        if room > 0 {
            request = request.want(LaneWant::new(Lane::Io, Arc::clone(queues), room));
        }
        if self.has(Weakness::AnswersEarly) {
            self.answered = self.last;
        }
        self.exchange = Some(request.clone());
        request
    }

    /// Takes the answer to an exchange; returns what is wrong with it.
    pub(super) fn claimed(
        &mut self,
        request: &ClaimRequest,
        claimed: &Claimed,
        sent: Monotonic,
        now: Monotonic,
    ) -> Result<(), String> {
        let is_awaited = |it: &ClaimRequest| it.sequence == request.sequence;
        if !self.exchange.as_ref().is_some_and(is_awaited) {
            return Ok(());
        }
        self.exchange = None;
        // Judged before this answer renews the trust.
        let verdict = self.wasted(request, &claimed.settled, now);
        self.trust_from(sent, now);
        self.attempts.retain(|it| it.stage != Stage::Sent);
        let is_whole = self.jumped_at.is_none_or(|jumped_at| sent > jumped_at);
        // What has come so late may have been taken back meanwhile, whatever was renewed since.
        let is_late = now >= sent.saturating_add(self.trust());
        let begin = |lease: &Lease| Attempt {
            token: lease.token(),
            stage: Stage::Runs,
            is_whole: is_whole && !is_late,
        };
        let given = claimed.leases.iter().map(begin);
        for attempt in given.collect::<Vec<_>>() {
            self.attempts.retain(|it| it.token.run != attempt.token.run);
            self.attempts.push(attempt);
        }
        self.answered = request.sequence;
        verdict
    }

    /// Returns an error if the work of an attempt was wasted whose lease was trusted all the time.
    fn wasted(
        &self,
        request: &ClaimRequest,
        settled: &[Settled],
        now: Monotonic,
    ) -> Result<(), String> {
        for (item, settled) in request.settle.iter().zip(settled) {
            let attempt = self.attempts.iter().find(|it| it.token == item.token);
            let is_whole = now < self.trusted_until && attempt.is_some_and(|it| it.is_whole);
            if is_whole && *settled == Settled::LeaseLost {
                return Err(format!(
                    "{item:?} is not recorded, although the lease was trusted all the time"
                ));
            }
        }
        Ok(())
    }

    /// Returns a heartbeat.
    pub(super) fn beat(&self) -> ExtendRequest {
        let is_listed =
            |it: &&Attempt| !self.has(Weakness::ForgetsWhatItOwes) || it.stage == Stage::Runs;
        let held = self.attempts.iter().filter(is_listed).map(|it| it.token);
        ExtendRequest::new(self.id, LEASE, self.answered).holding(held.collect())
    }

    /// Takes the answer to a heartbeat.
    pub(super) fn extended(
        &mut self,
        request: &ExtendRequest,
        extended: &Extended,
        sent: Monotonic,
        now: Monotonic,
    ) {
        self.trust_from(sent, now);
        if self.has(Weakness::KeepsWhatIsLost) {
            return;
        }
        let is_lost =
            |token: &LeaseToken| request.held.contains(token) && extended.lost.contains(&token.run);
        let stays = |it: &Attempt| it.stage != Stage::Runs || !is_lost(&it.token);
        self.attempts.retain(stays);
    }

    fn trust_from(&mut self, sent: Monotonic, now: Monotonic) {
        self.watch(now);
        let from = if self.has(Weakness::TrustsFromTheAnswer) {
            now
        } else {
            sent
        };
        let until = from.saturating_add(self.trust());
        self.trusted_until = self.trusted_until.max(until);
    }

    /// Returns how long it trusts a lease.
    fn trust(&self) -> Duration {
        if self.has(Weakness::TrustsTooLong) {
            LEASE * 2
        } else {
            LEASE.saturating_sub(MARGIN)
        }
    }

    /// Stops its attempts if the lease is not trusted any more.
    pub(super) fn watch(&mut self, now: Monotonic) {
        if now >= self.trusted_until && !self.has(Weakness::KeepsWhatIsLost) {
            self.attempts.retain(|it| it.stage != Stage::Runs);
            for attempt in &mut self.attempts {
                attempt.is_whole = false;
            }
        }
    }

    /// Notes that the clock of the broker has jumped: it has promised nothing of what is under way.
    pub(super) fn note_jump(&mut self, now: Monotonic) {
        self.jumped_at = Some(now);
        for attempt in &mut self.attempts {
            attempt.is_whole = false;
        }
    }

    /// Returns the token of one of its attempts.
    pub(super) fn token(&self, pick: usize) -> Option<LeaseToken> {
        let runs = self.attempts.iter().filter(|it| it.stage == Stage::Runs);
        let tokens: Vec<_> = runs.map(|it| it.token).collect();
        tokens.get(pick % tokens.len().max(1)).copied()
    }

    /// Ends one of its attempts; nothing that shares its limits starts for a time.
    pub(super) fn end(&mut self, pick: usize, settlement: Settlement, hold_back: Duration) {
        let runs = self.attempts.iter_mut();
        let mut runs: Vec<_> = runs.filter(|it| it.stage == Stage::Runs).collect();
        if !runs.is_empty() {
            let at = pick % runs.len();
            runs[at].stage = Stage::Ended(settlement, hold_back);
        }
    }
}

/// A producer: one request at a time, repeated until it is answered.
#[derive(Debug)]
pub(super) struct Producer {
    pub(super) id: ProducerId,
    pub(super) last: Sequence,
    pub(super) unanswered: Option<EnqueueRequest>,
}

impl Producer {
    pub(super) fn new() -> Self {
        Self {
            id: ProducerId::generate(),
            last: Sequence::default(),
            unanswered: None,
        }
    }
}

/// A scheduler: what it knows may be old.
#[derive(Debug, Default)]
pub(super) struct Scheduler {
    pub(super) snapshot: Option<ScheduleSnapshot>,
}
