//! The object-safe form of [`ScheduleStore`], and the handle on it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aqueduct_core::ScheduleName;

use super::BrokerFuture;
use crate::error::BrokerError;
use crate::schedules::{
    Fire, Fired, ScheduleDefinition, ScheduleSnapshot, ScheduleStore, Upserted,
};

/// The schedule seam of a broker behind a handle; cheap to clone.
#[derive(Clone, Debug)]
pub struct ScheduleHandle(pub(super) Arc<dyn ErasedSchedules>);

pub(super) trait ErasedSchedules: fmt::Debug + Send + Sync {
    fn upsert<'a>(
        &'a self,
        definitions: &'a [ScheduleDefinition],
    ) -> BrokerFuture<'a, Vec<Upserted>>;
    fn list(&self) -> BrokerFuture<'_, ScheduleSnapshot>;
    fn fire<'a>(&'a self, fire: &'a Fire) -> BrokerFuture<'a, Fired>;
    fn set_enabled<'a>(
        &'a self,
        schedule: &'a ScheduleName,
        enabled: bool,
    ) -> BrokerFuture<'a, bool>;
    fn remove<'a>(&'a self, schedule: &'a ScheduleName) -> BrokerFuture<'a, bool>;
    fn wait_changed(&self, seen: u64, at_most: Duration) -> BrokerFuture<'_, bool>;
}

impl<B: ScheduleStore> ErasedSchedules for B {
    fn upsert<'a>(
        &'a self,
        definitions: &'a [ScheduleDefinition],
    ) -> BrokerFuture<'a, Vec<Upserted>> {
        Box::pin(ScheduleStore::upsert(self, definitions))
    }

    fn list(&self) -> BrokerFuture<'_, ScheduleSnapshot> {
        Box::pin(ScheduleStore::list(self))
    }

    fn fire<'a>(&'a self, fire: &'a Fire) -> BrokerFuture<'a, Fired> {
        Box::pin(ScheduleStore::fire(self, fire))
    }

    fn set_enabled<'a>(
        &'a self,
        schedule: &'a ScheduleName,
        enabled: bool,
    ) -> BrokerFuture<'a, bool> {
        Box::pin(ScheduleStore::set_enabled(self, schedule, enabled))
    }

    fn remove<'a>(&'a self, schedule: &'a ScheduleName) -> BrokerFuture<'a, bool> {
        Box::pin(ScheduleStore::remove(self, schedule))
    }

    fn wait_changed(&self, seen: u64, at_most: Duration) -> BrokerFuture<'_, bool> {
        Box::pin(ScheduleStore::wait_changed(self, seen, at_most))
    }
}

impl ScheduleStore for ScheduleHandle {
    async fn upsert(
        &self,
        definitions: &[ScheduleDefinition],
    ) -> Result<Vec<Upserted>, BrokerError> {
        self.0.upsert(definitions).await
    }

    async fn list(&self) -> Result<ScheduleSnapshot, BrokerError> {
        self.0.list().await
    }

    async fn fire(&self, fire: &Fire) -> Result<Fired, BrokerError> {
        self.0.fire(fire).await
    }

    async fn set_enabled(
        &self,
        schedule: &ScheduleName,
        enabled: bool,
    ) -> Result<bool, BrokerError> {
        self.0.set_enabled(schedule, enabled).await
    }

    async fn remove(&self, schedule: &ScheduleName) -> Result<bool, BrokerError> {
        self.0.remove(schedule).await
    }

    async fn wait_changed(&self, seen: u64, at_most: Duration) -> Result<bool, BrokerError> {
        self.0.wait_changed(seen, at_most).await
    }
}
