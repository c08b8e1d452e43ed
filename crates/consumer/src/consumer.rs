//! The consumer: runs until it is told to stop, then drains.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aqueduct_core::ConsumerId;
use aqueduct_core::cancel::CancelReason;
use aqueduct_core::run::Outcome;
use tracing::{info, warn};

use crate::builder::TaskConsumerBuilder;
use crate::cpu::serve_late;
use crate::error::ConsumerError;
use crate::heartbeat::Heartbeat;
use crate::metrics::{ConsumerMetrics, MetricsHandle};
use crate::order::QueueOrder;
use crate::pump::Pump;
use crate::report::StopReport;
use crate::shared::Shared;

/// Claims queued runs and executes them.
#[derive(Debug)]
pub struct TaskConsumer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) order: QueueOrder,
}

/// How long tasks that were dropped may take to let go of their threads.
const DROP_TIME: Duration = Duration::from_secs(1);

impl TaskConsumer {
    /// Begins a consumer of the tasks in a registry.
    pub fn builder(
        broker: aqueduct_broker_api::BrokerHandle,
        registry: Arc<aqueduct_core::TaskRegistry>,
    ) -> TaskConsumerBuilder {
        TaskConsumerBuilder::new(broker, registry)
    }

    pub(crate) fn assemble(shared: Arc<Shared>, order: QueueOrder) -> Self {
        Self { shared, order }
    }

    /// Returns the identity of the consumer, fresh for each.
    #[must_use]
    pub fn id(&self) -> ConsumerId {
        self.shared.id
    }

    /// Returns a handle to read metrics with while the consumer runs.
    #[must_use]
    pub fn metrics(&self) -> MetricsHandle {
        MetricsHandle(Arc::clone(&self.shared))
    }

    /// Executes runs until `shutdown` completes, then drains.
    ///
    /// Draining: no more claims; running tasks are told by `ctx.cancelled()`; what does not end
    /// within the grace time is dropped and given back, with nothing counted against it.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker refuses the consumer for good, or the heartbeat dies. The
    /// consumer drains then, too. A broker that cannot be reached is no error: it is tried again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves running tasks to the runtime, without a heartbeat; their runs start
    /// again elsewhere when the lease runs out. Complete `shutdown` instead.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<StopReport, ConsumerError> {
        let Self { shared, order } = self;
        serve_late(&shared.registry).await;
        let mut heartbeat = Heartbeat::start(Arc::clone(&shared))?;
        let mut pump = Pump::new(Arc::clone(&shared), order);
        info!(consumer = %shared.id, concurrency = shared.limits.concurrency, "consuming");
        let shutdown = pin!(shutdown);
        let problem = tokio::select! {
            () = shutdown => None,
            problem = pump.feed() => Some(problem),
            problem = heartbeat.died() => Some(problem),
            never = warm_up(&shared) => match never {},
        };
        let report = drain(&shared, &mut pump).await;
        if let Some(cpu) = &shared.cpu {
            cpu.workers().close().await;
        }
        heartbeat.stop().await;
        info!(consumer = %shared.id, ?report, "stopped");
        problem.map_or(Ok(report), Err)
    }
}

/// Starts the first CPU workers, so that whatever is wrong with them is in the log at once.
async fn warm_up(shared: &Shared) -> Infallible {
    if let Some(cpu) = &shared.cpu {
        // The pool logs what is wrong, and tries again when there is work.
        let _ = cpu.workers().warm_up().await;
    }
    std::future::pending().await
}

/// Ends what is under way: by itself, then dropped, then given back although a thread is blocked.
async fn drain(shared: &Arc<Shared>, pump: &mut Pump) -> StopReport {
    let before = numbers(shared);
    for owed in shared.in_flight.all() {
        owed.context
            .cancellation()
            .cancel(CancelReason::ShuttingDown);
    }
    let mut abandoned = 0;
    let graceful = tokio::time::timeout(shared.limits.shutdown_grace, pump.drain()).await;
    if graceful.is_err() {
        shared.abandon.cancel(CancelReason::ShuttingDown);
        // What the drop does not reach is given back below.
        let _ = tokio::time::timeout(DROP_TIME, pump.drain()).await;
        abandoned = give_back(shared);
        // Past the lease the broker has taken everything back by itself.
        let _ = tokio::time::timeout(shared.limits.lease, pump.drain()).await;
    }
    let metrics = numbers(shared);
    StopReport {
        metrics,
        finished: difference(ended(&metrics), ended(&before)),
        released: difference(metrics.released, before.released),
        abandoned,
        unsettled: shared.in_flight.len(),
    }
}

/// Gives back the runs of tasks that block a thread; returns how many there are.
fn give_back(shared: &Arc<Shared>) -> usize {
    let blocking: Vec<_> = shared
        .in_flight
        .all()
        .into_iter()
        .filter(|owed| !owed.has_ended())
        .collect();
    for owed in &blocking {
        let run = owed.context.run();
        warn!(task = %run.task, run = %run.id, "the task blocks its thread; its run is given back");
        shared.end(owed, Outcome::Released);
    }
    blocking.len()
}

fn numbers(shared: &Arc<Shared>) -> ConsumerMetrics {
    MetricsHandle(Arc::clone(shared)).snapshot()
}

fn ended(metrics: &ConsumerMetrics) -> u64 {
    let ConsumerMetrics {
        succeeded,
        failed,
        retried,
        cancelled,
        put_off,
        ..
    } = metrics;
    succeeded + failed + retried + cancelled + put_off
}

fn difference(after: u64, before: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX)
}
