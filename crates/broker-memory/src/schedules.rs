//! The schedule seam.

use std::pin::pin;
use std::time::Duration;

use aqueduct_broker_api::{
    BrokerError, Fire, Fired, ScheduleDefinition, ScheduleSnapshot, ScheduleStore, Upserted,
};
use aqueduct_core::{ScheduleName, Timestamp};

use crate::MemoryBroker;
use crate::state::State;

impl ScheduleStore for MemoryBroker {
    async fn upsert(
        &self,
        definitions: &[ScheduleDefinition],
    ) -> Result<Vec<Upserted>, BrokerError> {
        Ok(self.change(|state, now| {
            definitions
                .iter()
                .map(|each| state.schedules.upsert(each.clone(), now))
                .collect()
        }))
    }

    async fn list(&self) -> Result<ScheduleSnapshot, BrokerError> {
        Ok(self.step(|state, now| state.schedules.snapshot(now)))
    }

    async fn fire(&self, fire: &Fire) -> Result<Fired, BrokerError> {
        Ok(self.step(|state, now| state.fire(fire, now)))
    }

    async fn set_enabled(
        &self,
        schedule: &ScheduleName,
        enabled: bool,
    ) -> Result<bool, BrokerError> {
        Ok(self.change(|state, now| state.schedules.set_enabled(schedule, enabled, now)))
    }

    async fn remove(&self, schedule: &ScheduleName) -> Result<bool, BrokerError> {
        Ok(self.change(|state, _| state.schedules.remove(schedule)))
    }

    async fn wait_changed(&self, seen: u64, at_most: Duration) -> Result<bool, BrokerError> {
        let changed = async {
            loop {
                let mut notified = pin!(self.0.schedules.notified());
                notified.as_mut().enable();
                if self.state().schedules.revision() != seen {
                    return;
                }
                notified.await;
            }
        };
        Ok(tokio::time::timeout(at_most, changed).await.is_ok())
    }
}

impl MemoryBroker {
    fn change<T>(&self, change: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let result = self.step(change);
        self.0.schedules.notify_waiters();
        result
    }
}
