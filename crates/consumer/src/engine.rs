//! The engine of a consumer: claims, settles and beats, on a thread of its own.
//!
//! On the runtime of the tasks it could be held up by them: what a thread of tokio has been told to run
//! next is taken by no other thread, so that a task which queues something and then blocks its thread
//! would block the engine as well.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::{Dispatch, dispatcher};

use crate::drain::drain;
use crate::error::ConsumerError;
use crate::heartbeat::beat_and_watch;
use crate::order::QueueOrder;
use crate::pump::Pump;
use crate::report::StopReport;
use crate::shared::Shared;

/// The running engine of a consumer.
#[derive(Debug)]
pub(crate) struct Engine {
    stop: Option<oneshot::Sender<()>>,
    stopped: oneshot::Receiver<Result<Stopped, ConsumerError>>,
    ended: Option<Result<Stopped, ConsumerError>>,
}

/// How an engine stopped, and why, unless it was told to.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) report: StopReport,
    pub(crate) problem: Option<ConsumerError>,
}

impl Engine {
    /// Starts the thread; tasks are executed on the current runtime.
    pub(crate) fn start(shared: Arc<Shared>, order: QueueOrder) -> Result<Self, ConsumerError> {
        let (stop, stopping) = oneshot::channel();
        let (ended, stopped) = oneshot::channel();
        let pump = Pump::new(Arc::clone(&shared), order, Handle::current());
        let subscriber = dispatcher::get_default(Dispatch::clone);
        let body = move || {
            let run = AssertUnwindSafe(|| run_until(&shared, pump, stopping));
            let outcome = dispatcher::with_default(&subscriber, || catch_unwind(run));
            let outcome = outcome.unwrap_or_else(|panic| Err(panicked(&*panic)));
            // Nobody listens once the consumer has gone.
            let _ = ended.send(outcome);
        };
        thread::Builder::new()
            .name("aqueduct-consumer".to_owned())
            .spawn(body)
            .map_err(|error| ConsumerError::engine(&error.to_string()))?;
        Ok(Self {
            stop: Some(stop),
            stopped,
            ended: None,
        })
    }

    /// Waits for the end, which nobody asked for.
    pub(crate) async fn ended(&mut self) {
        if self.ended.is_none() {
            let ended = (&mut self.stopped).await;
            self.ended = Some(ended.unwrap_or_else(|_| Err(ConsumerError::engine("it is gone"))));
        }
    }

    /// Lets the engine drain, and waits for it.
    pub(crate) async fn stop(mut self) -> Result<Stopped, ConsumerError> {
        if let Some(stop) = self.stop.take() {
            // It may have ended already; then there is nothing to stop.
            let _ = stop.send(());
        }
        self.ended().await;
        self.ended
            .unwrap_or_else(|| Err(ConsumerError::engine("it is gone")))
    }
}

fn run_until(
    shared: &Arc<Shared>,
    mut pump: Pump,
    stopping: oneshot::Receiver<()>,
) -> Result<Stopped, ConsumerError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| ConsumerError::engine(&error.to_string()))?;
    let work = async {
        let problem = tokio::select! {
            told = stopping => match told {
                Ok(()) => None,
                Err(_) => return Err(ConsumerError::engine("its consumer was dropped")),
            },
            problem = pump.feed() => Some(problem),
        };
        let report = drain(shared, &mut pump).await;
        Ok(Stopped { report, problem })
    };
    runtime.block_on(async {
        tokio::select! {
            stopped = work => stopped,
            never = beat_and_watch(shared) => match never {},
        }
    })
}

fn panicked(panic: &(dyn Any + Send)) -> ConsumerError {
    let message = panic.downcast_ref::<&str>().copied();
    let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    ConsumerError::engine(message.unwrap_or("it panicked"))
}
