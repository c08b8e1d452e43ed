//! The consumer: runs until it is told to stop, then drains.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use aqueduct_core::ConsumerId;
use aqueduct_core::cancel::CancelReason;
use tracing::info;

use crate::builder::TaskConsumerBuilder;
use crate::cpu::serve_late;
use crate::engine::{Engine, Stopped};
use crate::error::ConsumerError;
use crate::metrics::MetricsHandle;
use crate::order::QueueOrder;
use crate::report::StopReport;
use crate::shared::Shared;

/// Claims queued runs and executes them.
#[derive(Debug)]
pub struct TaskConsumer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) order: QueueOrder,
}

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
    /// Returns an error if the broker refuses the consumer for good; it drains then, too. A broker that
    /// cannot be reached is no error: it is tried again.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime, which executes the tasks.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends claims and heartbeats at once and leaves running tasks to the runtime;
    /// their runs start again elsewhere when the lease runs out. Complete `shutdown` instead.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<StopReport, ConsumerError> {
        let Self { shared, order } = self;
        serve_late(&shared.registry).await;
        let mut engine = Engine::start(Arc::clone(&shared), order)?;
        info!(consumer = %shared.id, concurrency = shared.limits.concurrency, "consuming");
        let shutdown = pin!(shutdown);
        tokio::select! {
            () = shutdown => {}
            () = engine.ended() => {}
            never = warm_up(&shared) => match never {},
        }
        let stopped = engine.stop().await;
        if let Some(cpu) = &shared.cpu {
            cpu.workers().close().await;
        }
        if stopped.is_err() {
            lose_all(&shared);
        }
        let Stopped { report, problem } = stopped?;
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

/// Tells every task that its lease is not renewed any more.
fn lose_all(shared: &Shared) {
    for owed in shared.in_flight.all() {
        owed.context.cancellation().cancel(CancelReason::LeaseLost);
    }
}
