//! The engine of a consumer: claims, settles and beats, on a thread of its own.
//!
//! On the runtime of the tasks it could be held up by them: what a thread of tokio has been told to run
//! next is taken by no other thread, so that a task which queues something and then blocks its thread
//! would block the engine as well.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::{Dispatch, dispatcher};

use crate::drain::drain;
use crate::error::ConsumerError;
use crate::heartbeat::beat_until_drained;
use crate::order::QueueOrder;
use crate::pump::Pump;
use crate::report::StopReport;
use crate::shared::Shared;

/// The running engine of a consumer; it drains when it is dropped.
#[derive(Debug)]
pub(crate) struct Engine {
    stopped: oneshot::Receiver<Result<Stopped, ConsumerError>>,
    ended: Option<Result<Stopped, ConsumerError>>,
    /// Closed when the engine is dropped.
    _alive: oneshot::Sender<Infallible>,
}

/// How an engine stopped, and why, unless it was told to.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) report: StopReport,
    pub(crate) problem: Option<ConsumerError>,
}

impl Engine {
    /// Starts the thread, which looks at `shutdown`; tasks are executed on the current runtime.
    pub(crate) fn start(
        shared: Arc<Shared>,
        order: QueueOrder,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Self, ConsumerError> {
        let (alive, dropped) = oneshot::channel();
        let (ended, stopped) = oneshot::channel();
        let tasks = Handle::current();
        let runtime_is_gone = gone(&tasks);
        let pump = Pump::new(Arc::clone(&shared), order, tasks);
        let told = async {
            tokio::select! {
                biased;
                () = shutdown => {}
                _ = dropped => {}
                () = runtime_is_gone => {}
            }
        };
        // Nobody listens to the end once the consumer has gone.
        if shared.in_place.is_some() {
            let engine = Arc::clone(&shared);
            let run = async move { drop(ended.send(Ok(run_until(&engine, pump, told).await))) };
            shared.in_place.as_ref().inspect(|it| it.spawn_engine(run));
        } else {
            let body = move || {
                let run = AssertUnwindSafe(|| block_on(run_until(&shared, pump, told)));
                let outcome = catch_unwind(run).unwrap_or_else(|panic| Err(panicked(&*panic)));
                let _ = ended.send(outcome);
            };
            thread::Builder::new()
                .name("aqueduct-consumer".to_owned())
                .spawn(under_current_subscriber(body))
                .map_err(|error| ConsumerError::engine(&error.to_string()))?;
        }
        Ok(Self {
            stopped,
            ended: None,
            _alive: alive,
        })
    }

    /// Waits for the end.
    pub(crate) async fn ended(&mut self) {
        if self.ended.is_none() {
            let ended = (&mut self.stopped).await;
            self.ended = Some(ended.unwrap_or_else(|_| Err(ConsumerError::engine("it is gone"))));
        }
    }

    /// Waits for the end, and returns how it came.
    pub(crate) async fn result(mut self) -> Result<Stopped, ConsumerError> {
        self.ended().await;
        self.ended
            .unwrap_or_else(|| Err(ConsumerError::engine("it is gone")))
    }
}

/// Waits until the runtime of the tasks is shut down: then nothing can be executed any more.
fn gone(tasks: &Handle) -> impl Future<Output = ()> + Send + 'static {
    let (lives, is_gone) = oneshot::channel::<Infallible>();
    // It ends with its runtime, or when nobody listens any more.
    drop(tasks.spawn(async move {
        let mut lives = lives;
        lives.closed().await;
    }));
    async {
        let _ = is_gone.await;
    }
}

/// Runs the engine on a runtime of its own, on this thread.
fn block_on(engine: impl Future<Output = Stopped>) -> Result<Stopped, ConsumerError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| ConsumerError::engine(&error.to_string()))?;
    Ok(runtime.block_on(engine))
}

/// Claims and executes until it is told, or the broker refuses; then drains, and leaves.
pub(crate) async fn run_until(
    shared: &Arc<Shared>,
    mut pump: Pump,
    told: impl Future<Output = ()>,
) -> Stopped {
    let work = async {
        let problem = tokio::select! {
            biased;
            () = told => None,
            problem = pump.feed() => Some(problem),
        };
        let report = drain(shared, &mut pump).await;
        Stopped { report, problem }
    };
    let (stopped, ()) = tokio::join!(biased; work, beat_until_drained(shared));
    stopped
}

/// Passes a subscriber of this thread on to another; without one there is nothing to pass on, and the
/// other thread must not look as if it had one.
fn under_current_subscriber(body: impl FnOnce() + Send + 'static) -> impl FnOnce() + Send {
    let subscriber = dispatcher::has_been_set().then(|| dispatcher::get_default(Dispatch::clone));
    move || match subscriber {
        Some(subscriber) => dispatcher::with_default(&subscriber, body),
        None => body(),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> ConsumerError {
    let message = panic.downcast_ref::<&str>().copied();
    let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    ConsumerError::engine(message.unwrap_or("it panicked"))
}
