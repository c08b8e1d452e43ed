//! Steering schedules at run time, from any process.

use std::sync::Arc;

use aqueduct_broker_api::{
    BrokerError, BrokerHandle, Enqueued, Producer, ScheduleDefinition, ScheduleEntry,
    ScheduleHandle, ScheduleStore, Upserted,
};
use aqueduct_core::manager::QueuePort;
use aqueduct_core::{RunId, ScheduleName, Timestamp};

use crate::error::SchedulerError;

/// Lists schedules, switches them, changes them and runs them now; cheap to clone.
#[derive(Clone, Debug)]
pub struct ScheduleControl {
    producer: Arc<Producer>,
    store: ScheduleHandle,
}

/// A schedule as it is now, with its next ticks.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScheduleStatus {
    /// What is stored.
    pub entry: ScheduleEntry,
    /// When it fires next, jitter aside; empty if it is switched off.
    pub upcoming: Vec<Timestamp>,
    /// What it does, in words.
    pub description: String,
}

impl ScheduleControl {
    /// Creates a control on the schedules of a broker.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker cannot store schedules.
    pub fn new(broker: &BrokerHandle) -> Result<Self, SchedulerError> {
        let store = broker
            .schedules()
            .map_err(|error| failed("steer schedules", error))?
            .clone();
        Ok(Self {
            producer: Arc::new(Producer::new(broker.clone())),
            store,
        })
    }

    /// Returns every schedule, with its next `count` ticks.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn list(&self, count: usize) -> Result<Vec<ScheduleStatus>, SchedulerError> {
        let snapshot = self
            .store
            .list()
            .await
            .map_err(|error| failed("list schedules", error))?;
        let status = |entry: ScheduleEntry| {
            let schedule = &entry.definition.schedule;
            let upcoming = if entry.enabled {
                schedule.upcoming(snapshot.now, count)
            } else {
                Vec::new()
            };
            ScheduleStatus {
                upcoming,
                description: schedule.describe(),
                entry,
            }
        };
        Ok(snapshot.entries.into_iter().map(status).collect())
    }

    /// Switches a schedule on; what it missed while off stays missed.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such schedule, or the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it switched or not.
    pub async fn enable(&self, schedule: &ScheduleName) -> Result<(), SchedulerError> {
        self.switch(schedule, true).await
    }

    /// Switches a schedule off.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such schedule, or the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it switched or not.
    pub async fn disable(&self, schedule: &ScheduleName) -> Result<(), SchedulerError> {
        self.switch(schedule, false).await
    }

    async fn switch(&self, schedule: &ScheduleName, on: bool) -> Result<(), SchedulerError> {
        let found = self.store.set_enabled(schedule, on).await;
        found_or_not(
            found.map_err(|error| failed("switch the schedule", error))?,
            schedule,
        )
    }

    /// Stores a definition; see [`ScheduleStore::upsert`] for how versions decide.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it stored or not.
    pub async fn upsert(&self, definition: ScheduleDefinition) -> Result<Upserted, SchedulerError> {
        let answers = self.store.upsert(&[definition]).await;
        let answers = answers.map_err(|error| failed("store the schedule", error))?;
        Ok(answers.first().copied().unwrap_or(Upserted::Unchanged))
    }

    /// Removes a schedule; a definition of the same version does not bring it back.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such schedule, or the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it removed or not.
    pub async fn remove(&self, schedule: &ScheduleName) -> Result<(), SchedulerError> {
        let removed = self.store.remove(schedule).await;
        found_or_not(
            removed.map_err(|error| failed("remove the schedule", error))?,
            schedule,
        )
    }

    /// Queues one run of a schedule now, beside its ticks.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such schedule, or the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the run queued or not.
    pub async fn run_now(&self, schedule: &ScheduleName) -> Result<RunId, SchedulerError> {
        let snapshot = self
            .store
            .list()
            .await
            .map_err(|error| failed("list schedules", error))?;
        let entry = snapshot
            .entries
            .iter()
            .find(|entry| entry.definition.name == *schedule);
        let entry = entry.ok_or_else(|| SchedulerError::not_found(schedule.as_str()))?;
        let mut run = entry.definition.run_at(snapshot.now);
        run.id = RunId::generate(snapshot.now);
        run.has_new_id = true;
        run.lineage = aqueduct_core::run::Lineage::root_of(run.id);
        let id = run.id;
        let answers = self.producer.enqueue(vec![run]).await;
        let answers = answers.map_err(|error| SchedulerError::queue(error.into()))?;
        match answers.first() {
            Some(Enqueued::Accepted(_)) => Ok(id),
            Some(Enqueued::Duplicate(holder) | Enqueued::Replaced(holder)) => Ok(*holder),
            Some(Enqueued::KeyTaken(holder)) => Err(SchedulerError::queue(
                format!("run {holder} holds its unique key").into(),
            )),
            _ => Err(SchedulerError::queue(
                "the queue has reached its length limit".into(),
            )),
        }
    }
}

fn failed(doing: &str, error: BrokerError) -> SchedulerError {
    SchedulerError::broker(doing, error)
}

fn found_or_not(found: bool, schedule: &ScheduleName) -> Result<(), SchedulerError> {
    if found {
        Ok(())
    } else {
        Err(SchedulerError::not_found(schedule.as_str()))
    }
}
