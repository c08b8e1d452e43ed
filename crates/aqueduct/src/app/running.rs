//! An application that runs.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_core::TaskManager;
use aqueduct_core::cancel::{CancelReason, Cancellation};
#[cfg(feature = "scheduler")]
use tokio::task::{JoinError, JoinHandle};

#[cfg(feature = "consumer")]
use aqueduct_consumer::{MetricsHandle, RunningConsumer, StopReport};
#[cfg(feature = "scheduler")]
use aqueduct_scheduler::{ScheduleControl, ScheduleReport, SchedulerError};

use super::shutdown::Signals;
use super::{AppError, Parts};
use crate::admin::{Admin, AdminError};
use crate::broker::Broker;
use crate::observe::{ObserverBus, ObserverStats};

/// An application that runs; [`RunningApp::stop`] drains it.
///
/// Dropping it tells consumer and scheduler to stop, but does not wait for them.
#[derive(Debug)]
#[must_use = "dropping it stops the app"]
pub struct RunningApp {
    broker: Broker,
    manager: TaskManager,
    observers: Arc<ObserverBus>,
    stop: Arc<Cancellation>,
    #[cfg(feature = "consumer")]
    consumer: Option<RunningConsumer>,
    #[cfg(feature = "consumer")]
    metrics: Option<MetricsHandle>,
    #[cfg(feature = "scheduler")]
    scheduler: Option<Running<Result<ScheduleReport, SchedulerError>>>,
    #[cfg(feature = "scheduler")]
    schedules: Option<ScheduleControl>,
}

/// A part that runs, and its result once it has ended.
#[cfg(feature = "scheduler")]
#[derive(Debug)]
struct Running<T> {
    handle: JoinHandle<T>,
    ended: Option<Result<T, JoinError>>,
}

/// How an application stopped.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct StopSummary {
    /// How the consumer stopped, if there was one.
    #[cfg(feature = "consumer")]
    pub consumer: Option<StopReport>,
    /// What the scheduler did, if there was one.
    #[cfg(feature = "scheduler")]
    pub scheduler: Option<ScheduleReport>,
    /// What became of the events, observer by observer.
    pub observers: Vec<ObserverStats>,
}

#[cfg(feature = "scheduler")]
impl StopSummary {
    /// Returns whether tasks may block every thread of the runtime: then the scheduler, which loses
    /// nothing, is held up as well.
    fn is_blocked(&self) -> bool {
        #[cfg(feature = "consumer")]
        return self.consumer.is_some_and(|it| it.abandoned > 0);
        #[cfg(not(feature = "consumer"))]
        false
    }
}

/// How long observers may take for the last events.
const OBSERVER_GRACE: Duration = Duration::from_secs(2);

impl RunningApp {
    #[expect(
        clippy::disallowed_methods,
        reason = "kept in the app and awaited by `stop`"
    )]
    pub(super) async fn start(parts: Parts) -> Result<Self, AppError> {
        let stop = Arc::new(Cancellation::new());
        #[cfg(feature = "consumer")]
        let metrics = parts
            .consumer
            .as_ref()
            .map(aqueduct_consumer::TaskConsumer::metrics);
        #[cfg(feature = "consumer")]
        let consumer = match parts.consumer {
            Some(consumer) => {
                let running = consumer.start(until(Arc::clone(&stop))).await;
                Some(running.map_err(AppError::part)?)
            }
            None => None,
        };
        #[cfg(feature = "scheduler")]
        let schedules = parts
            .scheduler
            .as_ref()
            .map(aqueduct_scheduler::TaskScheduler::control);
        #[cfg(feature = "scheduler")]
        let scheduler = parts
            .scheduler
            .map(|scheduler| Running::new(tokio::spawn(scheduler.run(until(Arc::clone(&stop))))));
        Ok(Self {
            broker: parts.broker,
            manager: parts.manager,
            observers: parts.observers,
            stop,
            #[cfg(feature = "consumer")]
            consumer,
            #[cfg(feature = "consumer")]
            metrics,
            #[cfg(feature = "scheduler")]
            scheduler,
            #[cfg(feature = "scheduler")]
            schedules,
        })
    }

    /// Returns the manager to queue with.
    #[must_use]
    pub fn task_manager(&self) -> &TaskManager {
        &self.manager
    }

    /// Returns a handle to look into the broker and to steer it.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker has no administrative seam.
    pub fn admin(&self) -> Result<Admin, AdminError> {
        self.broker.admin()
    }

    /// Returns a handle on the metrics of the consumer, if there is one.
    #[cfg(feature = "consumer")]
    #[must_use]
    pub fn metrics(&self) -> Option<&MetricsHandle> {
        self.metrics.as_ref()
    }

    /// Returns a handle to steer schedules with, if there is a scheduler.
    #[cfg(feature = "scheduler")]
    #[must_use]
    pub fn schedules(&self) -> Option<&ScheduleControl> {
        self.schedules.as_ref()
    }

    /// Waits until the consumer or the scheduler has ended, which only a failure does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing; [`RunningApp::stop`] returns the failure.
    pub async fn failed(&mut self) {
        let consumer = async {
            #[cfg(feature = "consumer")]
            if let Some(consumer) = &mut self.consumer {
                return consumer.ended().await;
            }
            std::future::pending::<()>().await;
        };
        let scheduler = async {
            #[cfg(feature = "scheduler")]
            if let Some(scheduler) = &mut self.scheduler {
                return scheduler.end().await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = consumer => {}
            () = scheduler => {}
        }
    }

    /// Runs until Ctrl-C or SIGTERM, then drains and stops; as [`App::run_until_ctrl_c`](crate::App::run_until_ctrl_c),
    /// for an application that has queued something, or been looked at, in between.
    ///
    /// # Errors
    ///
    /// Returns an error if the consumer or the scheduler had to stop, or signals cannot be awaited.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future lets the application drain by itself.
    pub async fn run_until_ctrl_c(self) -> Result<StopSummary, AppError> {
        let signals = Signals::listen().await.map_err(AppError::signals)?;
        self.run_until(signals).await
    }

    pub(super) async fn run_until(mut self, mut signals: Signals) -> Result<StopSummary, AppError> {
        tokio::select! {
            () = signals.next() => {
                tracing::info!("stopping; a second signal does not wait for running tasks");
            }
            () = self.failed() => {}
        }
        tokio::select! {
            summary = self.stop() => summary,
            () = signals.next() => Err(AppError::second_signal()),
        }
    }

    /// Ends everything where it is, as a crash of the process would; only an app of a test kit can.
    #[cfg(feature = "testing")]
    pub(crate) fn crash(mut self) {
        if let Some(consumer) = self.consumer.take() {
            consumer.crash();
        }
        if let Some(scheduler) = self.scheduler.take() {
            scheduler.handle.abort();
        }
    }

    /// Stops: no more claims and ticks, running tasks get their grace time, the rest is given back.
    ///
    /// # Errors
    ///
    /// Returns an error if the consumer or the scheduler had failed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future lets consumer and scheduler drain by themselves.
    pub async fn stop(mut self) -> Result<StopSummary, AppError> {
        self.stop.cancel(CancelReason::ShuttingDown);
        let mut summary = StopSummary::default();
        let mut problems = Vec::new();
        #[cfg(feature = "consumer")]
        if let Some(consumer) = self.consumer.take() {
            match consumer.result().await {
                Ok(report) => summary.consumer = Some(report),
                Err(error) => problems.push(AppError::part(error)),
            }
        }
        #[cfg(feature = "scheduler")]
        if let Some(scheduler) = self.scheduler.take().filter(|_| !summary.is_blocked()) {
            match scheduler.result("scheduler").await {
                Ok(Ok(report)) => summary.scheduler = Some(report),
                Ok(Err(error)) => problems.push(AppError::part(error)),
                Err(error) => problems.push(error),
            }
        }
        self.observers.close(OBSERVER_GRACE).await;
        summary.observers = self.observers.stats();
        AppError::all(problems).map(|()| summary)
    }
}

impl Drop for RunningApp {
    fn drop(&mut self) {
        self.stop.cancel(CancelReason::ShuttingDown);
    }
}

#[cfg(feature = "scheduler")]
impl<T> Running<T> {
    fn new(handle: JoinHandle<T>) -> Self {
        Self {
            handle,
            ended: None,
        }
    }

    /// Waits for the end; the result stays for [`Running::result`].
    async fn end(&mut self) {
        if self.ended.is_none() {
            self.ended = Some((&mut self.handle).await);
        }
    }

    async fn result(self, part: &str) -> Result<T, AppError> {
        let ended = match self.ended {
            Some(ended) => ended,
            None => self.handle.await,
        };
        ended.map_err(|_panic| AppError::panicked(part))
    }
}

async fn until(stop: Arc<Cancellation>) {
    stop.cancelled().await;
}
