//! A broker that does something wrong on purpose, to show that the laws see it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aqueduct::broker_api::{
    Broker, BrokerAdmin, BrokerError, BrokerHandle, ClaimRequest, Claimed, EnqueueRequest,
    Enqueued, ExtendRequest, Extended, Fire, Fired, Lease, LeaseToken, ReclaimRequest, Reclaimed,
    ScheduleStore, Sequence, Settle, Settled, WaitEndedRequest,
};
use aqueduct::run::{
    CancelAnswer, Failure, FailureKind, Limit, Reason, Settlement, Takes, WaitAnswer,
};
use aqueduct::{QueuedTask, RunId, RunState, Timestamp};
use aqueduct_core::queue::Due;
use aqueduct_core::{ConsumerId, ProducerId};

use super::defect::Defect;

/// A broker, and what it does wrong; clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) inner: BrokerHandle,
    defect: Option<Defect>,
    memory: Arc<Mutex<Memory>>,
}

/// What the defects remember.
#[derive(Debug, Default)]
struct Memory {
    repeats: BTreeMap<(u128, u64), u64>,
    last_lease: Option<(LeaseToken, aqueduct::TaskRun)>,
    held: BTreeMap<ConsumerId, Vec<LeaseToken>>,
}

impl Store {
    pub(super) fn new(inner: BrokerHandle, defect: Option<Defect>) -> Self {
        Self {
            inner,
            defect,
            memory: Arc::default(),
        }
    }

    fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a number that no other request of the client has, repetitions included.
    fn renumbered(&self, client: u128, sequence: Sequence) -> Sequence {
        let mut memory = self.memory();
        let repeats = memory.repeats.entry((client, sequence.number()));
        let repeats = repeats.or_default();
        *repeats += 1;
        Sequence::from_number(sequence.number() * MANY + *repeats)
    }

    pub(super) async fn enqueue(
        &self,
        request: &EnqueueRequest,
    ) -> Result<Vec<Enqueued>, BrokerError> {
        let mut request = request.clone();
        if self.has(Defect::ForgetsEnqueues) {
            let client = ProducerId::as_u128(request.producer);
            request.sequence = self.renumbered(client, request.sequence);
        }
        if self.has(Defect::IgnoresDelays) {
            request.tasks.iter_mut().for_each(|it| it.due = Due::Now);
        }
        for task in &mut request.tasks {
            self.change_limits(task);
            self.change_turns(task);
            self.change_workflow(task);
        }
        let is_short = self.has(Defect::StoresOneLess) && request.tasks.len() > 1;
        if is_short {
            request.tasks.pop();
        }
        let mut answers = self.inner.enqueue(&request).await?;
        answers.extend(is_short.then_some(Enqueued::Accepted(RunState::Queued)));
        Ok(answers)
    }

    /// Changes the limits of a task as a defect does.
    fn change_limits(&self, task: &mut QueuedTask) {
        let change = |limit: &Limit| {
            let most = match self.defect {
                Some(Defect::AllowsOneMore) => limit.max() + 1,
                Some(Defect::AllowsOneLess) => limit.max().saturating_sub(1).max(1),
                _ => limit.max(),
            };
            let key = limit.key().as_str();
            let changed = match limit.per() {
                None => Limit::concurrency(key, most),
                Some(per) => Limit::rate(key, most, per),
            };
            changed.unwrap_or_else(|_| limit.clone())
        };
        if let Some(options) = &mut task.options {
            let limits = options.limits().iter().map(change);
            let limits = limits.filter(|_| !self.has(Defect::ForgetsLimits));
            options.limits = limits.collect::<Vec<_>>().try_into().unwrap_or_default();
        }
    }

    /// Changes how a task takes turns as a defect does.
    fn change_turns(&self, task: &mut QueuedTask) {
        let Some(options) = &mut task.options else {
            return;
        };
        if self.has(Defect::IgnoresFairKeys) {
            options.fair = None;
        }
        if let Some(fair) = options.fair.take() {
            let more = u16::from(self.has(Defect::TakesLongTurns));
            let weight = fair.weight.get() + more;
            options.fair = fair.weight(weight).ok();
        }
    }

    /// Changes what a task follows, or is followed by, as a defect does.
    fn change_workflow(&self, task: &mut QueuedTask) {
        let Some(options) = &mut task.options else {
            return;
        };
        if let Some(follows) = &mut options.follows {
            if self.has(Defect::ReleasesEarly) && follows.runs.len() > 1 {
                follows.runs.pop();
            }
            if self.has(Defect::DropsInputs) {
                follows.takes = Takes::Nothing;
            }
            follows.runs_anyway |= self.has(Defect::IgnoresFailures);
        }
        if let Some(next) = &mut options.followed_by
            && self.has(Defect::MixesUpInputs)
        {
            next.place ^= 1;
        }
        if self.has(Defect::ReleasesNobody) {
            options.followed_by = None;
        }
    }

    pub(super) async fn claim(&self, request: &ClaimRequest) -> Result<Claimed, BrokerError> {
        let mut asked = request.clone();
        if self.has(Defect::ForgetsClaims) {
            let client = ConsumerId::as_u128(asked.consumer);
            asked.sequence = self.renumbered(client, asked.sequence);
        }
        if self.has(Defect::DropsSettlements) {
            asked.settle.clear();
        }
        asked.settle = self.changed(asked.settle);
        let mut claimed = self.inner.claim(&asked).await?;
        if self.has(Defect::DropsSettlements) {
            let pretend = |it: &Settle| {
                let state = RunState::Running.after(it.settlement.transition());
                Settled::Applied(state.unwrap_or(RunState::Queued))
            };
            claimed.settled = request.settle.iter().map(pretend).collect();
        }
        self.lose_released(&request.settle).await?;
        if self.has(Defect::HasNoFence) {
            let items = &request.settle;
            self.end_without_fence(items, &mut claimed.settled).await?;
        }
        self.spoil(&mut claimed, request.consumer);
        Ok(claimed)
    }

    /// Spoils the leases of a claim, and remembers them.
    fn spoil(&self, claimed: &mut Claimed, consumer: ConsumerId) {
        let mut memory = self.memory();
        let twice = memory.last_lease.as_ref();
        let twice = twice.filter(|(token, _)| token.consumer != consumer);
        if self.has(Defect::GivesTwice)
            && let Some((_, run)) = twice
        {
            let mut run = run.clone();
            run.tally.attempt += 1;
            claimed.leases.push(Lease::new(run, consumer));
        }
        if self.has(Defect::KeepsTheAttempt) {
            let leases = std::mem::take(&mut claimed.leases).into_iter();
            let back = |lease: Lease| {
                let mut run = lease.run().clone();
                run.tally.attempt = run.tally.attempt.saturating_sub(1).max(1);
                Lease::new(run, consumer)
            };
            claimed.leases = leases.map(back).collect();
        }
        let tokens = claimed.leases.iter().map(Lease::token);
        memory.held.entry(consumer).or_default().extend(tokens);
        if let Some(lease) = claimed.leases.last() {
            memory.last_lease = Some((lease.token(), lease.run().clone()));
        }
    }

    /// Returns settlements as a defect changes them.
    fn changed(&self, mut items: Vec<Settle>) -> Vec<Settle> {
        for item in &mut items {
            if self.has(Defect::HoldsNothingBack) {
                item.hold_back = Duration::ZERO;
            }
            if self.has(Defect::CountsReleases) && item.settlement == Settlement::Release {
                item.settlement = Settlement::Retry {
                    wait: Duration::ZERO,
                    failure: Failure::new(FailureKind::Error, "it was released"),
                };
            }
        }
        items
    }

    /// Ends runs that another consumer holds, as if whoever held them before still did.
    async fn end_without_fence(
        &self,
        items: &[Settle],
        answers: &mut [Settled],
    ) -> Result<(), BrokerError> {
        let lost = |answer: &&mut Settled| **answer == Settled::LeaseLost;
        let items = items.iter().zip(answers);
        for (item, answer) in items.filter(|(_, it)| lost(it)) {
            let admin = self.inner.admin()?;
            let holders = admin.holders(&[item.token.run]).await?;
            if let Some(holder) = holders.into_iter().flatten().next() {
                admin.cancel(&[item.token.run], Reason::new("late")).await?;
                let all = Sequence::from_number(u64::MAX);
                let forgets = ExtendRequest::new(holder.consumer, Duration::ZERO, all);
                self.inner.extend(&forgets).await?;
                *answer = Settled::Applied(RunState::Succeeded);
            }
        }
        Ok(())
    }

    async fn lose_released(&self, items: &[Settle]) -> Result<(), BrokerError> {
        let released = items
            .iter()
            .filter(|it| it.settlement == Settlement::Release);
        for item in released.filter(|_| self.has(Defect::LosesReleased)) {
            let admin = self.inner.admin()?;
            admin.cancel(&[item.token.run], Reason::new("lost")).await?;
            admin.discard(&[item.token.run]).await?;
        }
        Ok(())
    }

    pub(super) async fn extend(&self, request: &ExtendRequest) -> Result<Extended, BrokerError> {
        let mut request = request.clone();
        if self.has(Defect::ForgetsClaims) {
            let number = request.answered.number() * MANY + MANY - 1;
            request.answered = Sequence::from_number(number);
        }
        if self.has(Defect::KeepsOrphans) {
            request.answered = Sequence::default();
        }
        if self.has(Defect::DropsReports) {
            request.progress.clear();
        }
        for report in &mut request.progress {
            let found = self.inner.admin()?.find(&[report.token.run]).await?;
            if let (true, [Some(run)]) = (self.has(Defect::ShowsOldReports), &*found) {
                report.token.attempt = run.tally.attempt;
            }
        }
        if self.has(Defect::RenewsNothing) {
            request.lease = Duration::ZERO;
        }
        self.inner.extend(&request).await
    }

    pub(super) async fn reclaim(&self, request: &ReclaimRequest) -> Result<Reclaimed, BrokerError> {
        let mut request = *request;
        if self.has(Defect::NeverReclaims) {
            return Ok(Reclaimed::default());
        }
        if self.has(Defect::NeverPauses) {
            request.beat = Duration::from_hours(1);
        }
        if self.has(Defect::TakesFromTheLiving) {
            let held = self.memory().held.clone();
            for (consumer, _) in held {
                // It seems to have forgotten everything.
                let all = Sequence::from_number(u64::MAX);
                let forgets = ExtendRequest::new(consumer, Duration::ZERO, all);
                self.inner.extend(&forgets).await?;
            }
        }
        self.inner.reclaim(&request).await
    }

    pub(super) async fn fire(&self, fire: &Fire) -> Result<Fired, BrokerError> {
        let fired = self.inner.schedules()?.fire(fire).await?;
        let is_it = matches!(fired, Fired::AlreadyDone { last_tick } if last_tick == fire.tick);
        match &fire.run {
            Some(run) if is_it && self.has(Defect::FiresTwice) => {
                let mut again = run.clone();
                again.id = RunId::generate(Timestamp::MIN);
                let id = again.id;
                let producer = ProducerId::generate();
                let request = EnqueueRequest::new(producer, Sequence::FIRST, vec![again]);
                self.inner.enqueue(&request).await?;
                Ok(Fired::Fired(Some(id)))
            }
            _ => Ok(fired),
        }
    }

    pub(super) async fn wait_ended(
        &self,
        request: &WaitEndedRequest,
    ) -> Result<WaitAnswer, BrokerError> {
        let found = self.inner.admin()?.find(&[request.run]).await?;
        let run = found.into_iter().flatten().next();
        let Some(mut run) = run.filter(|run| !run.state.is_final()) else {
            return self.inner.wait_ended(request).await;
        };
        match self.defect {
            Some(Defect::TellsNobody) => std::future::pending().await,
            Some(Defect::KnowsNoWaits) => Ok(WaitAnswer::Unknown),
            Some(Defect::TellsTooEarly) if run.tally.attempt > 0 => {
                run.state = RunState::Succeeded;
                Ok(WaitAnswer::Ended(Box::new(run)))
            }
            _ => self.inner.wait_ended(request).await,
        }
    }

    pub(super) async fn cancel(
        &self,
        runs: &[RunId],
        reason: Reason,
    ) -> Result<Vec<CancelAnswer>, BrokerError> {
        let admin = self.inner.admin()?;
        let holders = admin.holders(runs).await?;
        let is_held = holders.iter().any(Option::is_some);
        if is_held && self.has(Defect::IgnoresCancels) {
            return Ok(vec![CancelAnswer::Requested; runs.len()]);
        }
        admin.cancel(runs, reason).await
    }
}

/// More than any request is repeated.
const MANY: u64 = 1000;
