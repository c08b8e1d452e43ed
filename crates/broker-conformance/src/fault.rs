//! A broker that fails on demand: errors, lost replies, repeated requests, delays.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerError, BrokerErrorKind, BrokerHandle, Capabilities, ClaimRequest, Claimed,
    EnqueueRequest, Enqueued, ExtendRequest, Extended, Fire, Fired, QueueLengths, ReclaimRequest,
    Reclaimed, ScheduleDefinition, ScheduleSnapshot, ScheduleStore, SettleRequest, Settled,
    Upserted, WaitRequest,
};
use aqueduct_core::{QueueName, ScheduleName};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The step is not done, and the caller sees an error.
    Error,
    /// The step is done, and the caller sees an error.
    LostReply,
    /// The step is asked for twice.
    Repeated,
    /// The step is done late.
    Delay(Duration),
}

/// The calls that can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "named after the methods")]
pub enum Operation {
    Enqueue,
    Claim,
    Settle,
    Extend,
    Reclaim,
    Upsert,
    List,
    Fire,
}

/// A broker around another that fails on demand; clones share their faults.
#[derive(Clone, Debug)]
pub struct FaultyBroker {
    inner: BrokerHandle,
    script: Arc<Mutex<Script>>,
}

/// A time without faults; they come back when it is dropped.
#[derive(Debug)]
pub struct Healed<'a> {
    broker: &'a FaultyBroker,
    rules: Vec<Rule>,
}

type Rule = (Option<Operation>, u64, Fault);

impl Drop for Healed<'_> {
    fn drop(&mut self) {
        let rules = std::mem::take(&mut self.rules);
        self.broker.with_script(|script| script.rules = rules);
    }
}

#[derive(Debug, Default)]
struct Script {
    rules: Vec<Rule>,
    calls: HashMap<Operation, u64>,
    injected: u64,
}

impl FaultyBroker {
    /// Wraps a broker; nothing fails yet.
    #[must_use]
    pub fn new(inner: BrokerHandle) -> Self {
        Self {
            inner,
            script: Arc::default(),
        }
    }

    /// Lets every so many calls of any operation fail, from the first on.
    #[must_use]
    pub fn every(self, calls: u64, fault: Fault) -> Self {
        self.rule(None, calls, fault)
    }

    /// Lets every so many calls of one operation fail, from the first on.
    #[must_use]
    pub fn every_of(self, operation: Operation, calls: u64, fault: Fault) -> Self {
        self.rule(Some(operation), calls, fault)
    }

    fn rule(self, operation: Option<Operation>, calls: u64, fault: Fault) -> Self {
        self.with_script(|script| script.rules.push((operation, calls.max(1), fault)));
        self
    }

    /// Lets nothing fail any more.
    pub fn heal(&self) {
        self.with_script(|script| script.rules.clear());
    }

    /// Lets nothing fail as long as the returned guard lives.
    #[must_use]
    pub fn healed(&self) -> Healed<'_> {
        let rules = self.with_script(|script| std::mem::take(&mut script.rules));
        Healed {
            broker: self,
            rules,
        }
    }

    /// Returns how many calls have failed.
    #[must_use]
    pub fn injected(&self) -> u64 {
        self.with_script(|script| script.injected)
    }

    /// Returns how many calls of an operation there were.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> u64 {
        self.with_script(|script| script.calls.get(&operation).copied().unwrap_or(0))
    }

    fn with_script<T>(&self, work: impl FnOnce(&mut Script) -> T) -> T {
        work(&mut self.script.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn next_fault(&self, operation: Operation) -> Option<Fault> {
        self.with_script(|script| {
            let calls = script.calls.entry(operation).or_default();
            let number = *calls;
            *calls += 1;
            let applies =
                |(of, every, _): &&Rule| of.is_none_or(|of| of == operation) && number % every == 0;
            let fault = script
                .rules
                .iter()
                .find(applies)
                .map(|(_, _, fault)| *fault);
            script.injected += u64::from(fault.is_some());
            fault
        })
    }

    async fn call<T, Fut>(
        &self,
        operation: Operation,
        step: impl Fn() -> Fut + Send + Sync,
    ) -> Result<T, BrokerError>
    where
        Fut: Future<Output = Result<T, BrokerError>> + Send,
        T: Send,
    {
        match self.next_fault(operation) {
            None => step().await,
            Some(Fault::Error) => Err(unavailable()),
            Some(Fault::LostReply) => {
                step().await?;
                Err(unavailable())
            }
            Some(Fault::Repeated) => {
                step().await?;
                step().await
            }
            Some(Fault::Delay(time)) => {
                tokio::time::sleep(time).await;
                step().await
            }
        }
    }
}

fn unavailable() -> BrokerError {
    BrokerError::new(BrokerErrorKind::Unavailable, "do it", "an injected fault")
}

impl Broker for FaultyBroker {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn enqueue(&self, request: &EnqueueRequest) -> Result<Vec<Enqueued>, BrokerError> {
        self.call(Operation::Enqueue, || self.inner.enqueue(request))
            .await
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claimed, BrokerError> {
        self.call(Operation::Claim, || self.inner.claim(request))
            .await
    }

    async fn settle(&self, request: &SettleRequest) -> Result<Vec<Settled>, BrokerError> {
        self.call(Operation::Settle, || self.inner.settle(request))
            .await
    }

    async fn extend(&self, request: &ExtendRequest) -> Result<Extended, BrokerError> {
        self.call(Operation::Extend, || self.inner.extend(request))
            .await
    }

    async fn reclaim(&self, request: &ReclaimRequest) -> Result<Reclaimed, BrokerError> {
        self.call(Operation::Reclaim, || self.inner.reclaim(request))
            .await
    }

    async fn wait_ready(&self, request: &WaitRequest) -> Result<(), BrokerError> {
        self.inner.wait_ready(request).await
    }

    async fn queue_lengths(&self, queues: &[QueueName]) -> Result<Vec<QueueLengths>, BrokerError> {
        self.inner.queue_lengths(queues).await
    }
}

impl ScheduleStore for FaultyBroker {
    async fn upsert(
        &self,
        definitions: &[ScheduleDefinition],
    ) -> Result<Vec<Upserted>, BrokerError> {
        let store = self.inner.schedules()?;
        self.call(Operation::Upsert, || store.upsert(definitions))
            .await
    }

    async fn list(&self) -> Result<ScheduleSnapshot, BrokerError> {
        let store = self.inner.schedules()?;
        self.call(Operation::List, || store.list()).await
    }

    async fn fire(&self, fire: &Fire) -> Result<Fired, BrokerError> {
        let store = self.inner.schedules()?;
        self.call(Operation::Fire, || store.fire(fire)).await
    }

    async fn set_enabled(&self, name: &ScheduleName, enabled: bool) -> Result<bool, BrokerError> {
        self.inner.schedules()?.set_enabled(name, enabled).await
    }

    async fn remove(&self, name: &ScheduleName) -> Result<bool, BrokerError> {
        self.inner.schedules()?.remove(name).await
    }

    async fn wait_changed(&self, seen: u64, at_most: Duration) -> Result<bool, BrokerError> {
        self.inner.schedules()?.wait_changed(seen, at_most).await
    }
}

impl aqueduct_broker_api::BrokerAdmin for FaultyBroker {
    async fn find(
        &self,
        runs: &[aqueduct_core::RunId],
    ) -> Result<Vec<Option<aqueduct_core::TaskRun>>, BrokerError> {
        self.inner.admin()?.find(runs).await
    }

    async fn list(
        &self,
        filter: &aqueduct_broker_api::RunFilter,
    ) -> Result<aqueduct_broker_api::RunPage, BrokerError> {
        self.inner.admin()?.list(filter).await
    }

    async fn cancel(
        &self,
        runs: &[aqueduct_core::RunId],
        reason: aqueduct_core::run::Reason,
    ) -> Result<Vec<aqueduct_broker_api::CancelAnswer>, BrokerError> {
        self.inner.admin()?.cancel(runs, reason).await
    }

    async fn requeue(&self, runs: &[aqueduct_core::RunId]) -> Result<Vec<bool>, BrokerError> {
        self.inner.admin()?.requeue(runs).await
    }

    async fn purge(&self, queue: &QueueName) -> Result<usize, BrokerError> {
        self.inner.admin()?.purge(queue).await
    }

    async fn set_paused(
        &self,
        scope: &aqueduct_broker_api::PauseScope,
        paused: bool,
    ) -> Result<(), BrokerError> {
        self.inner.admin()?.set_paused(scope, paused).await
    }

    async fn paused(&self) -> Result<Vec<aqueduct_broker_api::PauseScope>, BrokerError> {
        self.inner.admin()?.paused().await
    }

    async fn tasks(&self) -> Result<Vec<aqueduct_broker_api::TaskInfo>, BrokerError> {
        self.inner.admin()?.tasks().await
    }

    async fn consumers(&self) -> Result<Vec<aqueduct_broker_api::ConsumerInfo>, BrokerError> {
        self.inner.admin()?.consumers().await
    }
}
