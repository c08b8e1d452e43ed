//! The object-safe form of [`BrokerAdmin`], and the handle on it.

use std::fmt;
use std::sync::Arc;

use aqueduct_core::key::Key;
use aqueduct_core::run::{Limit, Reason};
use aqueduct_core::{QueueName, RunId, TaskRun};

use super::BrokerFuture;
use crate::CancelAnswer;
use crate::admin::{
    BrokerAdmin, ConsumerInfo, Holder, LimitInfo, PauseScope, RunFilter, RunPage, TaskInfo,
    TurnInfo,
};
use crate::error::BrokerError;
use crate::key_holder::KeyHolder;

/// The administrative seam of a broker behind a handle; cheap to clone.
#[derive(Clone, Debug)]
pub struct AdminHandle(pub(super) Arc<dyn ErasedAdmin>);

pub(super) trait ErasedAdmin: fmt::Debug + Send + Sync {
    fn find<'a>(&'a self, runs: &'a [RunId]) -> BrokerFuture<'a, Vec<Option<TaskRun>>>;
    fn list<'a>(&'a self, filter: &'a RunFilter) -> BrokerFuture<'a, RunPage>;
    fn cancel<'a>(
        &'a self,
        runs: &'a [RunId],
        reason: Reason,
    ) -> BrokerFuture<'a, Vec<CancelAnswer>>;
    fn requeue<'a>(&'a self, runs: &'a [RunId]) -> BrokerFuture<'a, Vec<bool>>;
    fn discard<'a>(&'a self, runs: &'a [RunId]) -> BrokerFuture<'a, Vec<bool>>;
    fn holders<'a>(&'a self, runs: &'a [RunId]) -> BrokerFuture<'a, Vec<Option<Holder>>>;
    fn key_holders<'a>(&'a self, keys: &'a [Key]) -> BrokerFuture<'a, Vec<Option<KeyHolder>>>;
    fn purge<'a>(&'a self, queue: &'a QueueName) -> BrokerFuture<'a, usize>;
    fn set_paused<'a>(&'a self, scope: &'a PauseScope, paused: bool) -> BrokerFuture<'a, ()>;
    fn paused(&self) -> BrokerFuture<'_, Vec<PauseScope>>;
    fn tasks(&self) -> BrokerFuture<'_, Vec<TaskInfo>>;
    fn consumers(&self) -> BrokerFuture<'_, Vec<ConsumerInfo>>;
    fn limits<'a>(&'a self, limits: &'a [Limit]) -> BrokerFuture<'a, Vec<LimitInfo>>;
    fn turn(&self, run: RunId) -> BrokerFuture<'_, Option<TurnInfo>>;
    fn unreadable(&self) -> BrokerFuture<'_, u64>;
}

impl<B: BrokerAdmin> ErasedAdmin for B {
    fn find<'a>(&'a self, runs: &'a [RunId]) -> BrokerFuture<'a, Vec<Option<TaskRun>>> {
        Box::pin(BrokerAdmin::find(self, runs))
    }

    fn list<'a>(&'a self, filter: &'a RunFilter) -> BrokerFuture<'a, RunPage> {
        Box::pin(BrokerAdmin::list(self, filter))
    }

    fn cancel<'a>(
        &'a self,
        runs: &'a [RunId],
        reason: Reason,
    ) -> BrokerFuture<'a, Vec<CancelAnswer>> {
        Box::pin(BrokerAdmin::cancel(self, runs, reason))
    }

    fn requeue<'a>(&'a self, runs: &'a [RunId]) -> BrokerFuture<'a, Vec<bool>> {
        Box::pin(BrokerAdmin::requeue(self, runs))
    }

    fn holders<'a>(&'a self, runs: &'a [RunId]) -> BrokerFuture<'a, Vec<Option<Holder>>> {
        Box::pin(BrokerAdmin::holders(self, runs))
    }

    fn key_holders<'a>(&'a self, keys: &'a [Key]) -> BrokerFuture<'a, Vec<Option<KeyHolder>>> {
        Box::pin(BrokerAdmin::key_holders(self, keys))
    }

    fn discard<'a>(&'a self, runs: &'a [RunId]) -> BrokerFuture<'a, Vec<bool>> {
        Box::pin(BrokerAdmin::discard(self, runs))
    }

    fn purge<'a>(&'a self, queue: &'a QueueName) -> BrokerFuture<'a, usize> {
        Box::pin(BrokerAdmin::purge(self, queue))
    }

    fn set_paused<'a>(&'a self, scope: &'a PauseScope, paused: bool) -> BrokerFuture<'a, ()> {
        Box::pin(BrokerAdmin::set_paused(self, scope, paused))
    }

    fn paused(&self) -> BrokerFuture<'_, Vec<PauseScope>> {
        Box::pin(BrokerAdmin::paused(self))
    }

    fn tasks(&self) -> BrokerFuture<'_, Vec<TaskInfo>> {
        Box::pin(BrokerAdmin::tasks(self))
    }

    fn consumers(&self) -> BrokerFuture<'_, Vec<ConsumerInfo>> {
        Box::pin(BrokerAdmin::consumers(self))
    }

    fn limits<'a>(&'a self, limits: &'a [Limit]) -> BrokerFuture<'a, Vec<LimitInfo>> {
        Box::pin(BrokerAdmin::limits(self, limits))
    }

    fn turn(&self, run: RunId) -> BrokerFuture<'_, Option<TurnInfo>> {
        Box::pin(BrokerAdmin::turn(self, run))
    }

    fn unreadable(&self) -> BrokerFuture<'_, u64> {
        Box::pin(BrokerAdmin::unreadable(self))
    }
}

impl BrokerAdmin for AdminHandle {
    async fn find(&self, runs: &[RunId]) -> Result<Vec<Option<TaskRun>>, BrokerError> {
        self.0.find(runs).await
    }

    async fn list(&self, filter: &RunFilter) -> Result<RunPage, BrokerError> {
        self.0.list(filter).await
    }

    async fn cancel(
        &self,
        runs: &[RunId],
        reason: Reason,
    ) -> Result<Vec<CancelAnswer>, BrokerError> {
        self.0.cancel(runs, reason).await
    }

    async fn requeue(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        self.0.requeue(runs).await
    }

    async fn holders(&self, runs: &[RunId]) -> Result<Vec<Option<Holder>>, BrokerError> {
        self.0.holders(runs).await
    }

    async fn key_holders(&self, keys: &[Key]) -> Result<Vec<Option<KeyHolder>>, BrokerError> {
        self.0.key_holders(keys).await
    }

    async fn discard(&self, runs: &[RunId]) -> Result<Vec<bool>, BrokerError> {
        self.0.discard(runs).await
    }

    async fn purge(&self, queue: &QueueName) -> Result<usize, BrokerError> {
        self.0.purge(queue).await
    }

    async fn set_paused(&self, scope: &PauseScope, paused: bool) -> Result<(), BrokerError> {
        self.0.set_paused(scope, paused).await
    }

    async fn paused(&self) -> Result<Vec<PauseScope>, BrokerError> {
        self.0.paused().await
    }

    async fn tasks(&self) -> Result<Vec<TaskInfo>, BrokerError> {
        self.0.tasks().await
    }

    async fn consumers(&self) -> Result<Vec<ConsumerInfo>, BrokerError> {
        self.0.consumers().await
    }

    async fn limits(&self, limits: &[Limit]) -> Result<Vec<LimitInfo>, BrokerError> {
        self.0.limits(limits).await
    }

    async fn turn(&self, run: RunId) -> Result<Option<TurnInfo>, BrokerError> {
        self.0.turn(run).await
    }

    async fn unreadable(&self) -> Result<u64, BrokerError> {
        self.0.unreadable().await
    }
}
