//! Puts a consumer together.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{BrokerHandle, Producer};
use aqueduct_core::context::ContextShared;
use aqueduct_core::event::Events;
use aqueduct_core::state::States;
use aqueduct_core::{Clock, QueueName, TaskManager, TaskRegistry};

use crate::config::ConsumerConfig;
use crate::consumer::TaskConsumer;
use crate::cpu::{CpuLane, CpuSettings};
use crate::error::ConsumerError;
use crate::in_place::InPlace;
use crate::shared::Shared;

/// Collects what a consumer needs; [`TaskConsumerBuilder::build`] checks it.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct TaskConsumerBuilder {
    broker: BrokerHandle,
    registry: Arc<TaskRegistry>,
    config: ConsumerConfig,
    states: Arc<States>,
    events: Events,
    clock: Clock,
    manager: Option<TaskManager>,
    cpu: CpuSettings,
    is_in_place: bool,
}

impl TaskConsumerBuilder {
    pub(crate) fn new(broker: BrokerHandle, registry: Arc<TaskRegistry>) -> Self {
        Self {
            broker,
            registry,
            config: ConsumerConfig::default(),
            states: Arc::default(),
            events: Events::none(),
            clock: Clock::system(),
            manager: None,
            cpu: CpuSettings::default(),
            is_in_place: false,
        }
    }

    /// Sets the whole configuration.
    pub fn config(mut self, config: ConsumerConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets how many IO runs execute at a time.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.config.concurrency = concurrency;
        self
    }

    /// Sets how many runs are claimed ahead of free places.
    pub fn prefetch(mut self, prefetch: usize) -> Self {
        self.config.prefetch = prefetch;
        self
    }

    /// Sets the queues to claim from, in this order.
    pub fn queues(mut self, queues: impl IntoIterator<Item = QueueName>) -> Self {
        self.config.queues = queues.into_iter().collect();
        self.config.weights = Vec::new();
        self
    }

    /// Sets the queues to claim from, each first as often as its weight says.
    pub fn weighted_queues(mut self, queues: impl IntoIterator<Item = (QueueName, u32)>) -> Self {
        (self.config.queues, self.config.weights) = queues.into_iter().unzip();
        self
    }

    /// Sets how long runs stay with this consumer if it goes silent.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.config.lease = lease;
        self
    }

    /// Sets how long running tasks may go on after the stop.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.config.shutdown_grace = grace;
        self
    }

    /// Sets how long a task may go on after somebody asked for its end.
    pub fn cancel_grace(mut self, grace: Duration) -> Self {
        self.config.cancel_grace = grace;
        self
    }

    /// Sets how often a run may crash its consumer before it fails for good.
    pub fn crash_budget(mut self, crashes: u32) -> Self {
        self.config.crash_budget = crashes;
        self
    }

    /// Sets which release of the program this is, for whoever looks into the broker.
    pub fn release(mut self, release: impl Into<String>) -> Self {
        self.config.release = release.into();
        self
    }

    /// Sets how CPU tasks are kept apart, and how many run at a time.
    pub fn cpu(mut self, cpu: CpuSettings) -> Self {
        self.cpu = cpu;
        self
    }

    /// Runs everything on the runtime that starts the consumer, without a thread or a process of its own.
    ///
    /// For tests on a runtime of one thread whose time is paused: there one seed makes one order. CPU tasks
    /// run like others, and whatever they are set to, their processes have no part in it.
    #[cfg(feature = "test-util")]
    pub fn in_place(mut self) -> Self {
        self.is_in_place = true;
        self
    }

    /// Gives application state to the tasks.
    pub fn states(mut self, states: Arc<States>) -> Self {
        self.states = states;
        self
    }

    /// Tells `events` what happens to runs.
    pub fn events(mut self, events: Events) -> Self {
        self.events = events;
        self
    }

    /// Uses another clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the manager that tasks queue with; by default one on the same broker and registry.
    pub fn manager(mut self, manager: TaskManager) -> Self {
        self.manager = Some(manager);
        self
    }

    /// Checks everything and builds the consumer.
    ///
    /// # Errors
    ///
    /// Returns an error that names each violated bound and each application state that is missing.
    pub fn build(self) -> Result<TaskConsumer, ConsumerError> {
        let missing = self.registry.check_states(&self.states);
        let missing = missing.map_err(|missing| ConsumerError::missing_state(&missing));
        let (limits, order) = match (self.config.lower(), missing) {
            (Ok(lowered), Ok(())) => lowered,
            (Err(problem), Ok(())) | (Ok(_), Err(problem)) => return Err(problem),
            (Err(config), Err(missing)) => return Err(config.and(&missing)),
        };
        let in_place = self.is_in_place.then(InPlace::default);
        let cpu = match in_place {
            Some(_) => None,
            None => CpuLane::new(&self.registry, self.cpu)?,
        };
        let manager = self.manager.unwrap_or_else(|| {
            let producer = Arc::new(Producer::new(self.broker.clone()));
            TaskManager::new(Arc::clone(&self.registry), producer)
                .with_clock(self.clock.clone())
                .with_events(self.events.clone())
                .with_states(Arc::clone(&self.states))
        });
        let context = ContextShared::new(manager, self.states);
        let shared = Shared::new(
            self.broker,
            self.registry,
            context,
            limits,
            self.clock,
            self.events,
            cpu,
            in_place,
        );
        Ok(TaskConsumer::assemble(Arc::new(shared), order))
    }
}
