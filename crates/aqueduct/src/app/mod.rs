//! The application: tasks, state, a broker, and the parts that run them, wired.

mod build;
mod error;
#[cfg(feature = "testing")]
mod kit;
mod running;
mod shutdown;

pub use error::AppError;
pub use running::{RunningApp, StopSummary};

use std::future::Future;
use std::sync::Arc;

use aqueduct_core::layer::{AttemptLayer, EnqueueLayer, Layers};
use aqueduct_core::state::States;
use aqueduct_core::task::Task;
use aqueduct_core::{Clock, TaskManager};

#[cfg(feature = "consumer")]
use aqueduct_consumer::{TaskConsumer, TaskConsumerBuilder};
#[cfg(feature = "scheduler")]
use aqueduct_scheduler::{TaskScheduler, TaskSchedulerBuilder};

use crate::broker::Broker;
use crate::observe::{AsyncObserver, Observer, ObserverBus};
#[cfg(feature = "testing")]
use crate::testing::Log;
#[cfg(feature = "testing")]
use kit::KitHooks;
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
    kit: KitHooks,
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
            kit: KitHooks::default(),
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
            kit: KitHooks::noting(log),
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
