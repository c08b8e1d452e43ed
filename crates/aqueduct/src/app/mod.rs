//! The application: tasks, state, a broker, and the parts that run them, wired.

mod error;
mod running;
mod shutdown;

pub use error::AppError;
pub use running::{RunningApp, StopSummary};

use std::future::Future;
use std::sync::Arc;

use aqueduct_broker_api::Producer;
use aqueduct_core::event::Events;
use aqueduct_core::layer::{AttemptLayer, EnqueueLayer, Layers};
use aqueduct_core::state::States;
use aqueduct_core::task::Task;
use aqueduct_core::{Clock, Priority, TaskManager, TaskRegistry};

#[cfg(feature = "consumer")]
use aqueduct_consumer::{TaskConsumer, TaskConsumerBuilder};
#[cfg(feature = "scheduler")]
use aqueduct_scheduler::{TaskScheduler, TaskSchedulerBuilder};

use crate::broker::Broker;
use crate::observe::{AsyncObserver, Observer, ObserverBus};
#[cfg(feature = "testing")]
use crate::testing::Log;
use shutdown::Signals;

/// An application: collects tasks, state and settings; starting it checks them all at once.
///
/// ```no_run
/// use aqueduct::{App, Broker, task, tasks};
///
/// #[task(schedule = every("1s"))]
/// async fn heartbeat() -> &'static str {
///     "OK"
/// }
///
/// #[aqueduct::main]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let broker = Broker::from_url("memory://").await?;
///     App::new(broker).tasks(tasks![heartbeat]).run_until_ctrl_c().await?;
///     Ok(())
/// }
/// ```
#[must_use = "an app does nothing until it is started"]
pub struct App {
    broker: Broker,
    tasks: Vec<Arc<dyn Task>>,
    states: States,
    layers: Layers,
    enqueue_layers: Vec<Arc<dyn EnqueueLayer>>,
    clock: Clock,
    observers: ObserverBus,
    problems: Vec<AppError>,
    #[cfg(feature = "testing")]
    log: Option<Arc<Log>>,
    #[cfg(feature = "consumer")]
    consumer: Option<Settings<TaskConsumerBuilder>>,
    #[cfg(feature = "scheduler")]
    scheduler: Option<Settings<TaskSchedulerBuilder>>,
}

/// What the application asks of a builder, when there is one.
struct Settings<B>(Box<dyn FnOnce(B) -> B + Send>);

/// The checked parts of an application.
pub(crate) struct Parts {
    pub(crate) broker: Broker,
    pub(crate) manager: TaskManager,
    pub(crate) observers: Arc<ObserverBus>,
    #[cfg(feature = "consumer")]
    pub(crate) consumer: Option<TaskConsumer>,
    #[cfg(feature = "scheduler")]
    pub(crate) scheduler: Option<TaskScheduler>,
}

impl App {
    /// Creates an application on a broker, with a consumer and a scheduler.
    pub fn new(broker: Broker) -> Self {
        Self {
            broker,
            tasks: Vec::new(),
            states: States::default(),
            layers: Layers::new(),
            enqueue_layers: Vec::new(),
            clock: Clock::system(),
            observers: ObserverBus::default(),
            problems: Vec::new(),
            #[cfg(feature = "testing")]
            log: None,
            #[cfg(feature = "consumer")]
            consumer: Some(Settings::none()),
            #[cfg(feature = "scheduler")]
            scheduler: Some(Settings::none()),
        }
    }

    /// Creates an application of a test kit: all of it on one runtime, and nothing of it goes unnoticed.
    #[cfg(feature = "testing")]
    pub(crate) fn of_kit(broker: Broker, clock: Clock, log: Arc<Log>) -> Self {
        Self {
            log: Some(log),
            ..Self::new(broker).clock(clock)
        }
    }

    /// Adds tasks: `.tasks(tasks![fetch, report])`.
    pub fn tasks(mut self, tasks: impl IntoIterator<Item = Arc<dyn Task>>) -> Self {
        self.tasks.extend(tasks);
        self
    }

    /// Gives a value to the tasks that ask for `State<T>`; one value a type.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
        self
    }

    /// Puts a layer around each attempt, within those that are there; tasks that are run inline have it too.
    ///
    /// A CPU task has it where its body runs: in a worker process only if the list of tasks that the worker
    /// hook gets has it, see [`manual::layers`](crate::manual::layers).
    pub fn layer(mut self, layer: impl AttemptLayer) -> Self {
        self.layers = self.layers.with(layer);
        self
    }

    /// Shows each task that is queued here to a layer, behind those that are there.
    pub fn enqueue_layer(mut self, layer: impl EnqueueLayer) -> Self {
        self.enqueue_layers.push(Arc::new(layer));
        self
    }

    /// Adds an observer of what happens to runs, on a thread of its own.
    pub fn observe(mut self, observer: impl Observer) -> Self {
        if let Err(error) = self.observers.add(Box::new(observer)) {
            self.problems.push(AppError::observer(error));
        }
        self
    }

    /// Adds an asynchronous observer of what happens to runs.
    ///
    /// # Panics
    ///
    /// Panics outside a runtime.
    pub fn observe_async(mut self, observer: impl AsyncObserver) -> Self {
        self.observers.add_async(observer);
        self
    }

    /// Uses another clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets up the consumer: `.consumer(|consumer| consumer.concurrency(64))`.
    #[cfg(feature = "consumer")]
    pub fn consumer(
        mut self,
        settings: impl FnOnce(TaskConsumerBuilder) -> TaskConsumerBuilder + Send + 'static,
    ) -> Self {
        self.consumer = Some(Settings(Box::new(settings)));
        self
    }

    /// Runs nothing here: this process only queues, or only schedules.
    #[cfg(feature = "consumer")]
    pub fn without_consumer(mut self) -> Self {
        self.consumer = None;
        self
    }

    /// Sets up the scheduler: `.scheduler(|scheduler| scheduler.deploy(7))`.
    #[cfg(feature = "scheduler")]
    pub fn scheduler(
        mut self,
        settings: impl FnOnce(TaskSchedulerBuilder) -> TaskSchedulerBuilder + Send + 'static,
    ) -> Self {
        self.scheduler = Some(Settings(Box::new(settings)));
        self
    }

    /// Schedules nothing here.
    #[cfg(feature = "scheduler")]
    pub fn without_scheduler(mut self) -> Self {
        self.scheduler = None;
        self
    }

    /// Checks everything, and starts the consumer and the scheduler.
    ///
    /// # Errors
    ///
    /// Returns an error that lists all that is wrong: two tasks of one name, missing state, schedules
    /// that the broker cannot keep, bounds that are violated; or that there is no tokio runtime here.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future starts nothing.
    #[cfg_attr(
        not(feature = "consumer"),
        expect(clippy::unused_async, reason = "with a consumer it waits in workers")
    )]
    pub async fn start(self) -> Result<RunningApp, AppError> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(AppError::no_runtime());
        }
        let parts = self.build()?;
        #[cfg(feature = "consumer")]
        aqueduct_consumer::cpu::serve_late(parts.manager.registry()).await;
        RunningApp::start(parts).await
    }

    /// Runs until `shutdown` completes, then drains and stops.
    ///
    /// # Errors
    ///
    /// Returns an error like [`App::start`], or if the consumer or the scheduler had to stop.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops without draining; complete `shutdown` instead.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<StopSummary, AppError> {
        let mut app = self.start().await?;
        tokio::select! {
            () = shutdown => {}
            () = app.failed() => {}
        }
        app.stop().await
    }

    /// Runs until Ctrl-C or SIGTERM, then drains and stops; a second signal returns at once.
    ///
    /// This is the one place where the library looks at signals. They are heard even while tasks block
    /// every thread of the runtime. `#[aqueduct::main]` then ends the process within a second, whatever
    /// such tasks do.
    ///
    /// # Errors
    ///
    /// Returns an error like [`App::run`], or if signals cannot be awaited.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops without draining.
    pub async fn run_until_ctrl_c(self) -> Result<StopSummary, AppError> {
        let signals = Signals::listen().await.map_err(AppError::signals)?;
        self.start().await?.run_until(signals).await
    }

    /// Checks everything, and returns a manager to queue with; starts nothing.
    ///
    /// # Errors
    ///
    /// Returns an error like [`App::start`].
    pub fn into_task_manager(self) -> Result<TaskManager, AppError> {
        Ok(self.build()?.manager)
    }

    fn build(mut self) -> Result<Parts, AppError> {
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
        if self.log.is_some() {
            problems.extend(make_states_here(&registry, &mut self.states));
        }
        let states = Arc::new(self.states);
        let observers = Arc::new(self.observers);
        let events = if observers.is_empty() {
            Events::none()
        } else {
            Events::to(Arc::<ObserverBus>::clone(&observers))
        };
        #[cfg(feature = "testing")]
        let events = match &self.log {
            Some(log) => Log::before(log, events),
            None => events,
        };
        let producer = Arc::new(Producer::new(self.broker.handle().clone()));
        let manager = TaskManager::new(Arc::clone(&registry), producer)
            .with_clock(self.clock.clone())
            .with_events(events.clone())
            .with_states(Arc::clone(&states));
        let layers = self.enqueue_layers.into_iter();
        let manager = layers.fold(manager, TaskManager::with_enqueue_layer);
        #[cfg(feature = "testing")]
        let manager = match &self.log {
            Some(log) => manager.with_enqueue_layer(Arc::<Log>::clone(log)),
            None => manager,
        };
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
            let builder = match &self.log {
                Some(_) => builder.in_place(),
                None => builder,
            };
            builder
                .build()
                .map_err(|error| problems.push(AppError::part(error)))
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

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("broker", &self.broker)
            .field("tasks", &self.tasks)
            .field("layers", &self.layers)
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
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
        let is_plain = definition.priority() == Priority::default();
        lacks(!is_plain, can.priorities, "priorities");
    }
    problems
}

/// Makes the state of CPU tasks, which run here in a test kit; returns what went wrong.
#[cfg(feature = "testing")]
fn make_states_here(registry: &TaskRegistry, states: &mut States) -> Vec<AppError> {
    let definitions = registry.definitions();
    let makers = definitions.into_iter().flat_map(|it| it.makers());
    let made = makers.map(|maker| maker.make(states));
    made.filter_map(Result::err).map(AppError::state).collect()
}

impl<B> Settings<B> {
    fn none() -> Self {
        Self(Box::new(|builder| builder))
    }

    fn apply(self, builder: B) -> B {
        (self.0)(builder)
    }
}

impl<B> std::fmt::Debug for Settings<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Settings")
    }
}
