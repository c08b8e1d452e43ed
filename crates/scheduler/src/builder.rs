//! Puts a scheduler together.

use std::collections::{BTreeMap, HashMap};

use aqueduct_broker_api::{Broker, BrokerHandle, ScheduleDefinition, ScheduleVersion};
use aqueduct_core::manager::TaskCall;
use aqueduct_core::task::Task;
use aqueduct_core::{Clock, ScheduleName, TaskRegistry};

use crate::control::{ScheduleControl, check};
use crate::error::SchedulerError;
use crate::missed::MissedTicks;
use crate::scheduler::TaskScheduler;

/// Collects what a scheduler needs; [`TaskSchedulerBuilder::build`] checks it.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct TaskSchedulerBuilder {
    broker: BrokerHandle,
    definitions: BTreeMap<ScheduleName, ScheduleDefinition>,
    problems: Vec<String>,
    policy: MissedPolicies,
    deploy: ScheduleVersion,
    clock: Clock,
}

/// The policy for missed ticks, in general and for single schedules.
#[derive(Clone, Debug, Default)]
pub(crate) struct MissedPolicies {
    general: MissedTicks,
    single: HashMap<ScheduleName, MissedTicks>,
}

impl MissedPolicies {
    /// Returns the policy for a schedule.
    pub(crate) fn of(&self, schedule: &ScheduleName) -> MissedTicks {
        self.single.get(schedule).copied().unwrap_or(self.general)
    }
}

impl TaskSchedulerBuilder {
    pub(crate) fn new(broker: BrokerHandle) -> Self {
        Self {
            broker,
            definitions: BTreeMap::new(),
            problems: Vec::new(),
            policy: MissedPolicies::default(),
            deploy: ScheduleVersion::default(),
            clock: Clock::system(),
        }
    }

    /// Adds the schedule of each periodic task; it is named after the task.
    pub fn schedules_of(mut self, registry: &TaskRegistry) -> Self {
        for name in registry
            .definitions()
            .into_iter()
            .map(|task| task.name().clone())
        {
            if let Some(task) = registry.get(name.as_str()) {
                self.add_task(&**task);
            }
        }
        self
    }

    fn add_task(&mut self, task: &dyn Task) {
        let definition = task.definition();
        let Some(periodic) = definition.schedule() else {
            return;
        };
        if let Err(error) = task.check(&periodic.params) {
            self.problems.push(format!(
                "task `{}` ({}) is scheduled without the parameters it needs: {error}",
                definition.name(),
                definition.location()
            ));
            return;
        }
        let name = ScheduleName::from(definition.name().clone());
        let call = TaskCall::<()>::new(definition, Ok(periodic.params.clone()));
        match ScheduleDefinition::from_call(name.clone(), periodic.schedule.clone(), call) {
            Ok(schedule) => {
                let schedule = schedule.with_overlap(periodic.overlap);
                self.definitions.insert(name, schedule);
            }
            Err(error) => self.problems.push(format!(
                "task `{}` ({}) cannot be scheduled: {error}",
                definition.name(),
                definition.location()
            )),
        }
    }

    /// Returns whether there is nothing to schedule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.definitions.is_empty() && self.problems.is_empty()
    }

    /// Adds a schedule, in place of one of the same name.
    pub fn schedule(mut self, definition: ScheduleDefinition) -> Self {
        self.definitions.insert(definition.name.clone(), definition);
        self
    }

    /// Sets what becomes of ticks that nobody fired in time. Default: the latest fires once.
    pub fn missed_ticks(mut self, policy: MissedTicks) -> Self {
        self.policy.general = policy;
        self
    }

    /// Sets what becomes of missed ticks of one schedule.
    pub fn missed_ticks_of(mut self, schedule: ScheduleName, policy: MissedTicks) -> Self {
        self.policy.single.insert(schedule, policy);
        self
    }

    /// Sets the number of this deploy; definitions of a lower one never replace those of a higher.
    pub fn deploy(mut self, number: u64) -> Self {
        self.deploy = ScheduleVersion::from_number(number);
        self
    }

    /// Uses another clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Checks everything and builds the scheduler.
    ///
    /// # Errors
    ///
    /// Returns an error that lists the tasks whose schedule lacks parameters, or says that the broker
    /// cannot store schedules.
    pub fn build(self) -> Result<TaskScheduler, SchedulerError> {
        if !self.problems.is_empty() {
            return Err(SchedulerError::config(&self.problems));
        }
        let store = self.broker.schedules();
        let store = store
            .map_err(|error| SchedulerError::broker("schedule", error))?
            .clone();
        let deploy = self.deploy;
        let definitions = self.definitions.into_values().map(|definition| {
            let version = definition.version.max(deploy);
            definition.with_version(version)
        });
        let definitions: Vec<ScheduleDefinition> = definitions.collect();
        let can = self.broker.capabilities();
        for definition in &definitions {
            check(&can, definition)?;
        }
        let control = ScheduleControl::new(&self.broker)?.with_definitions(definitions);
        Ok(TaskScheduler::assemble(
            store,
            control,
            self.policy,
            self.clock,
        ))
    }
}
