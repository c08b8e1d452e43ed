//! Checks an application, and makes its parts.

use std::sync::Arc;

use aqueduct_broker_api::Producer;
use aqueduct_core::event::Events;
use aqueduct_core::{Priority, TaskManager, TaskRegistry};

#[cfg(feature = "consumer")]
use aqueduct_consumer::TaskConsumer;
#[cfg(feature = "scheduler")]
use aqueduct_scheduler::TaskScheduler;

use super::{App, AppError, Parts};
use crate::broker::Broker;
use crate::observe::ObserverBus;

impl App {
    /// Checks everything at once, and makes the parts.
    pub(super) fn build(mut self) -> Result<Parts, AppError> {
        let mut problems = std::mem::take(&mut self.problems);
        let mut registry = TaskRegistry::new();
        for task in self.layers.around(self.tasks) {
            if let Err(error) = registry.register(&task) {
                problems.push(AppError::tasks(&error));
            }
        }
        let registry = Arc::new(registry);
        problems.extend(check_broker(&registry, &self.broker));
        #[cfg(feature = "testing")]
        problems.extend(self.kit.make_states(&registry, &mut self.states));
        let states = Arc::new(self.states);
        let observers = Arc::new(self.observers);
        let events = events_to(&observers);
        #[cfg(feature = "testing")]
        let events = self.kit.events(events);
        let producer = Arc::new(Producer::new(self.broker.handle().clone()));
        let manager = TaskManager::new(Arc::clone(&registry), producer)
            .with_clock(self.clock.clone())
            .with_events(events.clone())
            .with_states(Arc::clone(&states));
        let layers = self.enqueue_layers.into_iter();
        let manager = layers.fold(manager, TaskManager::with_enqueue_layer);
        #[cfg(feature = "testing")]
        let manager = self.kit.manager(manager);
        #[cfg(feature = "consumer")]
        let consumer = self.consumer.map(|settings| {
            let builder =
                TaskConsumer::builder(self.broker.handle().clone(), Arc::clone(&registry))
                    .states(states)
                    .events(events)
                    .clock(self.clock.clone())
                    .manager(manager.clone());
            let builder = settings.apply(builder);
            #[cfg(feature = "testing")]
            let builder = self.kit.consumer(builder);
            let built = builder.build();
            #[cfg(feature = "testing")]
            let built = built.inspect(|consumer| self.kit.note(consumer));
            built.map_err(|error| problems.push(AppError::part(error)))
        });
        #[cfg(feature = "scheduler")]
        let can_schedule = self.broker.capabilities().schedules;
        #[cfg(feature = "scheduler")]
        let scheduler = self.scheduler.and_then(|settings| {
            let builder = TaskScheduler::builder(self.broker.handle().clone());
            let builder = builder.schedules_of(&registry).clock(self.clock.clone());
            let builder = settings.apply(builder);
            // A broker without schedules is no problem for an app that has none.
            let is_needed = can_schedule || !builder.is_empty();
            is_needed.then(|| {
                let built = builder.build();
                built.map_err(|error| problems.push(AppError::part(error)))
            })
        });
        AppError::all(problems)?;
        Ok(Parts {
            broker: self.broker,
            manager,
            observers,
            #[cfg(feature = "consumer")]
            consumer: consumer.and_then(Result::ok),
            #[cfg(feature = "scheduler")]
            scheduler: scheduler.and_then(Result::ok),
        })
    }
}

fn events_to(observers: &Arc<ObserverBus>) -> Events {
    if observers.is_empty() {
        return Events::none();
    }
    Events::to(Arc::<ObserverBus>::clone(observers))
}

/// Returns what the tasks ask for and the broker lacks.
fn check_broker(registry: &TaskRegistry, broker: &Broker) -> Vec<AppError> {
    let can = broker.capabilities();
    let mut problems = Vec::new();
    for definition in registry.definitions() {
        let mut lacks = |needed: bool, has: bool, what: &'static str| {
            if needed && !has {
                problems.push(AppError::lacks(definition, what));
            }
        };
        lacks(definition.schedule().is_some(), can.schedules, "schedules");
        lacks(definition.keep_result().is_some(), can.results, "results");
        lacks(!definition.limits().is_empty(), can.limits, "limits");
        lacks(definition.fair().is_some(), can.fair, "fair turns");
        let is_plain = definition.priority() == Priority::default();
        lacks(!is_plain, can.priorities, "priorities");
    }
    problems
}
