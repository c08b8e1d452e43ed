//! What an application of a test kit does in another way: all of it on one runtime, noted as it happens.

use std::sync::Arc;

use aqueduct_consumer::TaskConsumerBuilder;
use aqueduct_core::event::Events;
use aqueduct_core::state::States;
use aqueduct_core::{TaskManager, TaskRegistry};

use super::AppError;
use crate::testing::Log;

/// What is done in another way, if the application is one of a test kit.
#[derive(Debug, Default)]
pub(super) struct KitHooks(Option<Arc<Log>>);

impl KitHooks {
    pub(super) fn noting(log: Arc<Log>) -> Self {
        Self(Some(log))
    }

    /// Makes the state of CPU tasks, which run here; returns what went wrong.
    pub(super) fn make_states(
        &self,
        registry: &TaskRegistry,
        states: &mut States,
    ) -> Vec<AppError> {
        if self.0.is_none() {
            return Vec::new();
        }
        let definitions = registry.definitions().into_iter();
        let makers = definitions.flat_map(aqueduct_core::TaskDefinition::makers);
        let made = makers.map(|maker| maker.make(states));
        made.filter_map(Result::err).map(AppError::state).collect()
    }

    pub(super) fn events(&self, events: Events) -> Events {
        match &self.0 {
            Some(log) => Log::before(log, events),
            None => events,
        }
    }

    pub(super) fn manager(&self, manager: TaskManager) -> TaskManager {
        match &self.0 {
            Some(log) => manager.with_enqueue_layer(Arc::<Log>::clone(log)),
            None => manager,
        }
    }

    pub(super) fn consumer(&self, consumer: TaskConsumerBuilder) -> TaskConsumerBuilder {
        match &self.0 {
            Some(_) => consumer.in_place(),
            None => consumer,
        }
    }
}
