//! The reference broker with one promise broken.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerError, BrokerErrorKind, Capabilities, CheckpointRequest, Checkpointed,
    ClaimRequest, Claimed, EnqueueRequest, Enqueued, ExtendRequest, Extended, Lease, LeaseToken,
    MAX_CLAIM_BATCH, MAX_ENQUEUE_BATCH, QueueLengths, ReclaimRequest, Reclaimed, Report, Sequence,
    Settle, SettleRequest, Settled, Settlement, WaitAnswer, WaitEndedRequest, WaitRequest,
};
use aqueduct_broker_conformance::START;
use aqueduct_broker_conformance::model::ModelBroker;
use aqueduct_core::key::Key;
use aqueduct_core::queue::Due;
use aqueduct_core::run::{
    Checkpoint, FailedAttempt, Failure, FailureKind, Limit, Limits, Lineage, TaskRun,
};
use aqueduct_core::{
    Clock, ConsumerId, Lane, Payload, Priority, ProducerId, QueueName, QueuedTask, RunId, RunState,
    Timestamp,
};
use tokio::sync::oneshot;

use crate::defect::Defect;
use crate::keyed::spoil_keys;

/// The reference broker with one promise broken, or none.
#[derive(Debug)]
pub(crate) struct BrokenBroker {
    pub(crate) inner: ModelBroker,
    pub(crate) clock: Clock,
    pub(crate) defect: Option<Defect>,
    notes: Mutex<Notes>,
}

/// What a defect remembers.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    ids: BTreeSet<RunId>,
    keys: BTreeMap<Key, RunId>,
    delayed: usize,
    enqueues: BTreeSet<(ProducerId, Sequence)>,
    requests: BTreeSet<(ConsumerId, Sequence)>,
    handed_out: Vec<TaskRun>,
    pub(crate) tokens: BTreeMap<RunId, LeaseToken>,
    pub(crate) reports: BTreeMap<RunId, Report>,
    pub(crate) checkpoints: BTreeSet<(LeaseToken, u32)>,
    pub(crate) values: BTreeMap<RunId, Checkpoint>,
    pub(crate) kept: u32,
    lease_until: BTreeMap<ConsumerId, Timestamp>,
    waiting: VecDeque<oneshot::Sender<()>>,
    pub(crate) waited: BTreeSet<RunId>,
    pub(crate) told: BTreeMap<RunId, WaitAnswer>,
    pub(crate) fired: u64,
    numbers: BTreeMap<String, u32>,
    started: BTreeMap<String, u32>,
}

impl BrokenBroker {
    pub(crate) fn new(clock: Clock, defect: Option<Defect>) -> Self {
        Self {
            inner: ModelBroker::new(clock.clone()),
            clock,
            defect,
            notes: Mutex::default(),
        }
    }

    pub(crate) fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap()
    }

    /// Changes a task on its way into the store.
    fn spoil_task(&self, task: &mut QueuedTask) {
        spoil_keys(self.defect, task);
        let now = self.clock.now();
        match self.defect {
            Some(Defect::ParametersLost) => task.payload = Payload::empty(),
            Some(Defect::LineageLost) => task.lineage = Lineage::root_of(task.id),
            Some(Defect::TraceLost) => {
                if let Some(options) = task.options.as_mut() {
                    options.trace_parent = None;
                }
            }
            Some(Defect::LanesMixed) => task.lane = Lane::Io,
            Some(Defect::PriorityIgnored) => task.priority = Priority::default(),
            Some(Defect::DelayIgnored) => task.due = Due::Now,
            Some(Defect::DelayRoundedUp) => {
                let wait = task.due.resolve(now).saturating_since(now).as_millis();
                let seconds = u64::try_from(wait.div_ceil(1000)).unwrap();
                task.due = Due::After(Duration::from_secs(seconds));
            }
            Some(Defect::PastIsLater) if task.due != Due::Now => {
                let due = task.due.resolve(now).saturating_add(Duration::from_secs(1));
                task.due = Due::At(due);
            }
            Some(Defect::DueRunsLostBeyondAThousand) if task.due != Due::Now => {
                let delayed = &mut self.notes().delayed;
                *delayed += 1;
                if *delayed > 1000 {
                    task.due = Due::At(Timestamp::MAX);
                }
            }
            Some(Defect::DeadlineIgnored) => task.expires_in = None,
            Some(Defect::UniqueKeyIgnored) => task.options_mut().unique = None,
            Some(Defect::ResultsKeptForEver) => {
                task.options_mut().keep_result = Some(Duration::MAX);
            }
            Some(Defect::LimitsIgnored) => task.options_mut().limits = Limits::default(),
            Some(
                Defect::RatesIgnored
                | Defect::OnlyTheFirstLimitCounts
                | Defect::LimitKeysMixed
                | Defect::FirstNumberCounts,
            ) => self.spoil_limits(task),
            Some(Defect::KnownIdStoredAgain) if !self.notes().ids.insert(task.id) => {
                task.id = RunId::generate(START);
            }
            _ => {}
        }
    }

    /// Changes the limits of a task on its way into the store.
    fn spoil_limits(&self, task: &mut QueuedTask) {
        let Some(options) = &mut task.options else {
            return;
        };
        let mut limits: Vec<Limit> = options.limits().to_vec();
        match self.defect {
            Some(Defect::RatesIgnored) => limits.retain(|limit| limit.per().is_none()),
            Some(Defect::OnlyTheFirstLimitCounts) => limits.truncate(1),
            Some(Defect::LimitKeysMixed) => {
                for limit in &mut limits {
                    *limit = Limit::concurrency("one", limit.max()).unwrap();
                }
            }
            _ => {
                for limit in &mut limits {
                    let key = limit.key().to_string();
                    let max = *self
                        .notes()
                        .numbers
                        .entry(key.clone())
                        .or_insert(limit.max());
                    *limit = Limit::concurrency(key, max).unwrap();
                }
            }
        }
        options.limits = limits.try_into().unwrap();
    }

    /// Takes runs out of an answer whose limits have let as many start as may run at once.
    fn spoil_starts(&self, runs: &mut Vec<TaskRun>) {
        let mut notes = self.notes();
        runs.retain(|run| {
            run.limits().iter().all(|limit| {
                let started = notes.started.entry(limit.key().to_string()).or_default();
                *started += 1;
                *started <= limit.max()
            })
        });
    }

    /// Returns the first holder of a key that a task of the request asks for.
    fn key_holder(&self, tasks: &[QueuedTask]) -> Option<RunId> {
        let mut notes = self.notes();
        for task in tasks {
            let key = task
                .options
                .as_ref()
                .and_then(|it| it.unique.clone())
                .map(|unique| unique.key);
            let Some(key) = key else { continue };
            let holder = *notes.keys.entry(key).or_insert(task.id);
            if holder != task.id {
                return Some(holder);
            }
        }
        None
    }

    /// Changes a settlement on its way into the store.
    fn spoil_settle(&self, item: &mut Settle) {
        let settlement = item.settlement.clone();
        item.settlement = match (self.defect, settlement) {
            (Some(Defect::ReleaseGoesToTheTail), Settlement::Release) => Settlement::Snooze {
                wait: Duration::ZERO,
            },
            (Some(Defect::RetryEndsTheRun), Settlement::Retry { failure, .. }) => {
                Settlement::Fail { failure }
            }
            (Some(Defect::FailureNotCounted), Settlement::Retry { wait, .. }) => {
                Settlement::Snooze { wait }
            }
            (Some(Defect::ParkIsAFailure), Settlement::Park { wait, failure }) => {
                Settlement::Retry { wait, failure }
            }
            (Some(Defect::CrashIsAFailure), Settlement::Retry { wait, failure }) => {
                let failure = Failure::new(FailureKind::Error, failure.message());
                Settlement::Retry { wait, failure }
            }
            (Some(Defect::FailedRunsForgotten), Settlement::Fail { .. }) => {
                Settlement::Succeed { result: None }
            }
            (_, settlement) => settlement,
        };
        if self.has(Defect::NothingHeldBack) {
            item.hold_back = Duration::ZERO;
        }
        let holder = self.notes().tokens.get(&item.token.run).copied();
        if let Some(holder) = holder.filter(|_| self.has(Defect::AttemptNotCompared)) {
            item.token.attempt = holder.attempt;
        }
    }

    fn spoil_settled(&self, settled: &mut [Settled]) {
        let has_lost = settled.contains(&Settled::LeaseLost);
        for answer in settled {
            if self.has(Defect::LeaseLostHidden) && *answer == Settled::LeaseLost {
                *answer = Settled::Applied(RunState::Succeeded);
            }
            if self.has(Defect::OneBadItemSpoilsAll) && has_lost {
                *answer = Settled::LeaseLost;
            }
        }
    }

    /// Changes a claim on its way into the store; an answer means that it goes no further.
    fn spoil_claim(&self, request: &mut ClaimRequest) -> Option<Result<Claimed, BrokerError>> {
        let is_new = self.note_request(request.consumer, request.sequence);
        let until = self.clock.now().saturating_add(request.lease);
        self.notes().lease_until.insert(request.consumer, until);
        for want in &mut request.wants {
            match self.defect {
                Some(Defect::ClaimGivesTooMany) => want.max += 1,
                Some(Defect::ClaimTakesAnyBatch) => want.max = want.max.min(MAX_CLAIM_BATCH),
                Some(Defect::QueuesReordered) => {
                    want.queues = want.queues.iter().rev().cloned().collect();
                }
                _ => {}
            }
        }
        if self.has(Defect::LeaseTooShort) {
            request.lease = Duration::from_secs(1);
        }
        for item in &mut request.settle {
            self.spoil_settle(item);
        }
        if self.has(Defect::RepeatedClaimGivesNothing) && !is_new {
            return Some(Ok(Claimed::default()));
        }
        let newer = (request.consumer, request.sequence.next());
        let newest = (request.consumer, Sequence::from_number(u64::MAX));
        let is_overtaken = self.notes().requests.range(newer..=newest).next().is_some();
        let is_refused = self.has(Defect::OvertakenClaimRefused) && is_overtaken && is_new;
        is_refused.then(|| Err(stale()))
    }

    fn note_request(&self, consumer: ConsumerId, sequence: Sequence) -> bool {
        self.notes().requests.insert((consumer, sequence))
    }

    fn spoil_claimed(&self, claimed: &mut Claimed, consumer: ConsumerId) {
        let is_high = |lease: &Lease| lease.run().priority == Priority::High;
        if self.has(Defect::LowPriorityStarves) && claimed.leases.iter().any(is_high) {
            claimed.leases.retain(is_high);
        }
        let leases = std::mem::take(&mut claimed.leases).into_iter();
        let mut runs: Vec<TaskRun> = leases.map(|lease| lease.into_parts().0).collect();
        if self.has(Defect::PlacesNeverFreed) {
            self.spoil_starts(&mut runs);
        }
        for run in &mut runs {
            match self.defect {
                Some(Defect::WaitingIsAnAttempt) if !run.limits().is_empty() => {
                    run.tally.attempt += 1;
                }
                Some(Defect::AttemptsNotCounted) => run.tally.attempt = 1,
                Some(Defect::OptionsLost) => run.options = None,
                Some(Defect::InputLost) => run.input = None,
                Some(Defect::CrashesNotCounted) => run.tally.crashes = 0,
                Some(Defect::HistoryForgotten) => run.record = None,
                Some(Defect::FailuresKeptTwice) => {
                    if let Some(last) = last_failure(run) {
                        run.record_mut().history.push(last);
                    }
                }
                _ => {}
            }
        }
        match self.defect {
            Some(Defect::ClaimReverses) => runs.reverse(),
            Some(Defect::CancelsNotTold) => claimed.cancels.clear(),
            Some(Defect::TimeNotTold) => claimed.now = Timestamp::default(),
            Some(Defect::ClaimGivesTwice) => {
                let mut notes = self.notes();
                runs.extend(std::mem::take(&mut notes.handed_out));
                notes.handed_out.clone_from(&runs);
            }
            _ => {}
        }
        claimed.leases = runs
            .into_iter()
            .map(|run| Lease::new(run, consumer))
            .collect();
        let tokens = claimed.leases.iter().map(Lease::token);
        let mut notes = self.notes();
        notes.tokens.extend(tokens.map(|token| (token.run, token)));
    }

    /// Tells the waiter that came first, whether or not it still listens.
    fn wake_first(&self) {
        if let Some(waiter) = self.notes().waiting.pop_front() {
            let _ = waiter.send(());
        }
    }
}

fn last_failure(run: &TaskRun) -> Option<FailedAttempt> {
    run.record.as_ref()?.history.last().cloned()
}

fn stale() -> BrokerError {
    BrokerError::new(BrokerErrorKind::Stale, "claim", "others came before")
}

impl Broker for BrokenBroker {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.inner.capabilities();
        capabilities.unique = !self.has(Defect::CapabilityDenied);
        capabilities
    }

    async fn enqueue(&self, request: &EnqueueRequest) -> Result<Vec<Enqueued>, BrokerError> {
        let mut request = request.clone();
        let count = request.tasks.len();
        let is_new = self
            .notes()
            .enqueues
            .insert((request.producer, request.sequence));
        match self.defect {
            Some(Defect::EnqueueStoresNothing) => {
                return Ok(vec![Enqueued::Accepted(RunState::Queued); count]);
            }
            Some(Defect::UniqueKeyNeverFreed) => {
                if let Some(holder) = self.key_holder(&request.tasks) {
                    return Ok(vec![Enqueued::Duplicate(holder); count]);
                }
            }
            Some(Defect::EnqueueTakesAnyBatch) => request.tasks.truncate(MAX_ENQUEUE_BATCH),
            Some(Defect::EnqueueReverses) => request.tasks.reverse(),
            Some(Defect::RepeatedEnqueueStoresAgain) if !is_new => {
                request.producer = ProducerId::generate();
                for task in &mut request.tasks {
                    task.id = RunId::generate(START);
                }
            }
            _ => {}
        }
        for task in &mut request.tasks {
            self.spoil_task(task);
            self.spoil_workflow(task);
        }
        let answers = self.inner.enqueue(&request).await;
        self.wake_first();
        answers
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claimed, BrokerError> {
        let mut request = request.clone();
        if let Some(answer) = self.spoil_claim(&mut request) {
            return answer;
        }
        let forgotten = if self.has(Defect::ClaimForgetsSettlements) {
            std::mem::take(&mut request.settle).len()
        } else {
            0
        };
        let consumer = request.consumer;
        let mut claimed = match self.inner.claim(&request).await {
            Err(error)
                if self.has(Defect::StaleClaimAnswered)
                    && error.kind() == BrokerErrorKind::Stale =>
            {
                Claimed::default()
            }
            claimed => claimed?,
        };
        let forgotten = vec![Settled::Applied(RunState::Succeeded); forgotten];
        claimed.settled.extend(forgotten);
        self.spoil_settled(&mut claimed.settled);
        self.spoil_claimed(&mut claimed, consumer);
        if self.has(Defect::ClaimErrsWhenEmpty) && claimed.leases.is_empty() {
            return Err(stale());
        }
        Ok(claimed)
    }

    async fn settle(&self, request: &SettleRequest) -> Result<Vec<Settled>, BrokerError> {
        let mut request = request.clone();
        let is_new = self.note_request(request.consumer, request.sequence);
        let lost = vec![Settled::LeaseLost; request.items.len()];
        let lease_until = self.notes().lease_until.get(&request.consumer).copied();
        let is_late = lease_until.is_some_and(|until| until < self.clock.now());
        if self.has(Defect::RepeatedSettlementLost) && !is_new
            || self.has(Defect::LateSettlementRefused) && is_late
        {
            return Ok(lost);
        }
        for item in &mut request.items {
            self.spoil_settle(item);
            let holder = self.notes().tokens.get(&item.token.run).copied();
            if let Some(holder) = holder.filter(|_| self.has(Defect::SettledByAnyone)) {
                item.token = holder;
                request.consumer = holder.consumer;
                request.sequence = request.sequence.next();
            }
        }
        let mut settled = self.inner.settle(&request).await?;
        self.spoil_settled(&mut settled);
        Ok(settled)
    }

    async fn extend(&self, request: &ExtendRequest) -> Result<Extended, BrokerError> {
        let mut request = request.clone();
        match self.defect {
            Some(Defect::ExtendDoesNothing) => return Ok(Extended::default()),
            Some(Defect::ExtendGivesBackUnanswered) => {
                request.answered = Sequence::from_number(u64::MAX);
            }
            Some(Defect::ExtendNeverGivesBack) => request.answered = Sequence::default(),
            Some(Defect::NewcomersWakeNothing) => request.introduction = None,
            Some(Defect::LeaversStay) => request.lease = request.lease.max(Duration::from_secs(1)),
            Some(Defect::LeaversLoseTheirRuns) if request.lease.is_zero() => request.held.clear(),
            _ => {}
        }
        self.spoil_reports(&mut request);
        let mut extended = self.inner.extend(&request).await?;
        match self.defect {
            Some(Defect::ExtendLosesNothing) => extended.lost.clear(),
            Some(Defect::CancelsNotTold) => extended.cancels.clear(),
            _ => {}
        }
        Ok(extended)
    }

    async fn checkpoint(&self, request: &CheckpointRequest) -> Result<Checkpointed, BrokerError> {
        self.keep(request).await
    }

    async fn reclaim(&self, request: &ReclaimRequest) -> Result<Reclaimed, BrokerError> {
        let mut request = *request;
        match self.defect {
            Some(Defect::ReclaimDoesNothing) => return Ok(Reclaimed::default()),
            Some(Defect::ReclaimIgnoresTheLimit) => request.limit = usize::MAX,
            Some(Defect::CrashesNotCounted) => request.crash_budget = u32::MAX,
            Some(Defect::StandstillIgnored) => request.beat = Duration::from_hours(24),
            _ => {}
        }
        self.inner.reclaim(&request).await
    }

    async fn wait_ready(&self, request: &WaitRequest) -> Result<(), BrokerError> {
        if self.has(Defect::NeverWakes) {
            std::future::pending::<()>().await;
        }
        if self.has(Defect::WakesOnlyTheFirst) {
            let (waiter, told) = oneshot::channel();
            self.notes().waiting.push_back(waiter);
            let _ = told.await;
            return Ok(());
        }
        self.inner.wait_ready(request).await
    }

    async fn wait_ended(&self, request: &WaitEndedRequest) -> Result<WaitAnswer, BrokerError> {
        self.wait(*request).await
    }

    async fn queue_lengths(&self, queues: &[QueueName]) -> Result<Vec<QueueLengths>, BrokerError> {
        let mut lengths = self.inner.queue_lengths(queues).await?;
        if self.has(Defect::RunningRunsNotCounted) {
            for length in &mut lengths {
                length.running = 0;
            }
        }
        Ok(lengths)
    }
}
