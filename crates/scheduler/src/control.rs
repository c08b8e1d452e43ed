//! Steering schedules at run time, from any process.

use std::sync::Arc;

use aqueduct_broker_api::{
    Broker, BrokerError, BrokerHandle, Capabilities, Enqueued, Producer, ScheduleDefinition,
    ScheduleEntry, ScheduleHandle, ScheduleSnapshot, ScheduleStore, ScheduleVersion, Upserted,
};
use aqueduct_core::manager::{QueueError, QueuePort};
use aqueduct_core::schedule::Overlap;
use aqueduct_core::{RunId, ScheduleName, Timestamp};

use crate::difference::{ScheduleDifference, differences};
use crate::error::SchedulerError;

/// Lists schedules, adds, changes, pauses and removes them, and runs them now; cheap to clone.
#[derive(Clone, Debug)]
pub struct ScheduleControl {
    producer: Arc<Producer>,
    store: ScheduleHandle,
    can: Capabilities,
    /// Those of this process, if it has a scheduler.
    definitions: Arc<[ScheduleDefinition]>,
}

/// A schedule as it is now, with its next ticks.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScheduleStatus {
    /// What is stored.
    pub entry: ScheduleEntry,
    /// When it fires next, jitter aside; empty if it is paused.
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
            can: broker.capabilities(),
            definitions: Arc::from([]),
        })
    }

    /// Sets the definitions of this process.
    pub(crate) fn with_definitions(mut self, definitions: Vec<ScheduleDefinition>) -> Self {
        self.definitions = definitions.into();
        self
    }

    /// Returns the definitions of this process.
    pub(crate) fn definitions(&self) -> &[ScheduleDefinition] {
        &self.definitions
    }

    /// Returns every schedule, with its next `count` ticks, at most
    /// [`MAX_UPCOMING`](aqueduct_core::schedule::MAX_UPCOMING).
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn list(&self, count: usize) -> Result<Vec<ScheduleStatus>, SchedulerError> {
        let snapshot = self.snapshot().await?;
        let now = snapshot.now;
        let status = |entry| ScheduleStatus::of(entry, now, count);
        Ok(snapshot.entries.into_iter().map(status).collect())
    }

    /// Returns one schedule, with its next `count` ticks, or `None` if there is no such schedule.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn find(
        &self,
        schedule: &ScheduleName,
        count: usize,
    ) -> Result<Option<ScheduleStatus>, SchedulerError> {
        let all = self.list(count).await?;
        let is_meant = |it: &ScheduleStatus| it.entry.definition.name == *schedule;
        Ok(all.into_iter().find(is_meant))
    }

    /// Returns where the definitions of this process differ from those that are stored, which fire.
    ///
    /// Of two definitions of one schedule that with the higher version wins; of the same version, the one that was
    /// stored last. The one that it replaced is shown in [`ScheduleEntry::replaced`]. A process without a scheduler has
    /// no definitions, and so no differences.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn differences(&self) -> Result<Vec<ScheduleDifference>, SchedulerError> {
        let snapshot = self.snapshot().await?;
        Ok(differences(&self.definitions, &snapshot))
    }

    async fn snapshot(&self) -> Result<ScheduleSnapshot, SchedulerError> {
        let snapshot = self.store.list().await;
        snapshot.map_err(|error| failed("list schedules", error))
    }

    /// Lets a paused schedule fire again; what it missed meanwhile stays missed.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such schedule, or the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it switched or not.
    pub async fn resume(&self, schedule: &ScheduleName) -> Result<(), SchedulerError> {
        self.switch(schedule, true).await
    }

    /// Pauses a schedule: its ticks are missed until it is resumed.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such schedule, or the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it switched or not.
    pub async fn pause(&self, schedule: &ScheduleName) -> Result<(), SchedulerError> {
        self.switch(schedule, false).await
    }

    async fn switch(&self, schedule: &ScheduleName, on: bool) -> Result<(), SchedulerError> {
        let found = self.store.set_enabled(schedule, on).await;
        found_or_not(
            found.map_err(|error| failed("switch the schedule", error))?,
            schedule,
        )
    }

    /// Stores a definition; see [`ScheduleStore::upsert`] for how versions decide, and
    /// [`ScheduleDefinition::from_call`] for one that the compiler checks.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it stored or not.
    pub async fn upsert(&self, definition: ScheduleDefinition) -> Result<Upserted, SchedulerError> {
        check(&self.can, &definition)?;
        let answers = self.store.upsert(&[definition]).await;
        let answers = answers.map_err(|error| failed("store the schedule", error))?;
        Ok(answers.first().copied().unwrap_or(Upserted::Unchanged))
    }

    /// Changes a schedule as it is stored, and gives it the next version: processes with the definition of their code do
    /// not change it back, until a deploy with a higher number does.
    ///
    /// Of two edits at the same time the last one stays. The name stays, and no registry is looked at: an unknown task or
    /// wrong parameters are found out by the consumers, which set such runs aside.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such schedule, or the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it changed or not.
    pub async fn edit(
        &self,
        schedule: &ScheduleName,
        change: impl FnOnce(&mut ScheduleDefinition) + Send,
    ) -> Result<Upserted, SchedulerError> {
        let snapshot = self.snapshot().await?;
        let mut definition = entry_of(&snapshot, schedule)?.definition.clone();
        let next = definition.version.number().saturating_add(1);
        change(&mut definition);
        definition.name = schedule.clone();
        self.upsert(definition.with_version(ScheduleVersion::from_number(next)))
            .await
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

    /// Queues one run of a schedule now, beside its ticks: whether these overlap with it is not looked at.
    ///
    /// Returns the run, or that which holds its unique key: then nothing else was queued.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such schedule, or the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the run queued or not.
    pub async fn run_now(&self, schedule: &ScheduleName) -> Result<RunId, SchedulerError> {
        let snapshot = self.snapshot().await?;
        let entry = entry_of(&snapshot, schedule)?;
        let mut run = entry.definition.run_at(snapshot.now);
        run.id = RunId::generate(snapshot.now);
        run.has_new_id = true;
        run.lineage = aqueduct_core::run::Lineage::root_of(run.id);
        let (id, queue) = (run.id, run.queue.clone());
        let answers = self.producer.enqueue(vec![run]).await;
        let answers = answers.map_err(|error| SchedulerError::queue(error.into()))?;
        match answers.first() {
            Some(Enqueued::Accepted(_)) => Ok(id),
            Some(Enqueued::Duplicate(holder) | Enqueued::Replaced(holder)) => Ok(*holder),
            Some(Enqueued::KeyTaken(holder)) => Err(SchedulerError::queue(
                format!("run {holder} holds its unique key").into(),
            )),
            Some(Enqueued::QueueFull { limit }) => {
                let full = QueueError::queue_full(&[(queue, *limit)]);
                Err(SchedulerError::queue(full.into()))
            }
            _ => Err(SchedulerError::queue(
                "the broker returned no answer".into(),
            )),
        }
    }
}

impl ScheduleStatus {
    fn of(entry: ScheduleEntry, now: Timestamp, count: usize) -> Self {
        let schedule = &entry.definition.schedule;
        let upcoming = if entry.enabled {
            schedule.upcoming(now, count)
        } else {
            Vec::new()
        };
        Self {
            upcoming,
            description: schedule.describe(),
            entry,
        }
    }
}

fn entry_of<'s>(
    snapshot: &'s ScheduleSnapshot,
    schedule: &ScheduleName,
) -> Result<&'s ScheduleEntry, SchedulerError> {
    let mut entries = snapshot.entries.iter();
    let entry = entries.find(|entry| entry.definition.name == *schedule);
    entry.ok_or_else(|| SchedulerError::not_found(schedule.as_str()))
}

/// Refuses a definition that asks for what the broker lacks, or that contradicts itself.
pub(crate) fn check(
    can: &Capabilities,
    definition: &ScheduleDefinition,
) -> Result<(), SchedulerError> {
    let options = definition.options.as_ref();
    let is_unique = options.is_some_and(|options| options.unique.is_some());
    if is_unique && definition.overlap == Overlap::CancelPrevious {
        return Err(SchedulerError::config(&[format!(
            "the schedule `{}` asks for `overlap = cancel_previous` and for a unique key, which keeps the next run out: \
             leave one of them out",
            definition.name
        )]));
    }
    if definition.expires_in.is_some() && !can.expiry {
        return Err(SchedulerError::config(&[format!(
            "the runs of the schedule `{}` expire, which this broker cannot do; leave `expires_in` out or use another broker",
            definition.name
        )]));
    }
    if can.overlap || definition.overlap.is_allowed() {
        return Ok(());
    }
    Err(SchedulerError::config(&[format!(
        "the schedule `{}` asks for `overlap = {}`, and this broker cannot tell whether its last run has ended",
        definition.name, definition.overlap
    )]))
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
