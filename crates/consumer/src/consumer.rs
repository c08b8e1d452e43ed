//! The consumer: runs until it is told to stop, then drains.

use std::future::Future;
use std::sync::Arc;

use aqueduct_core::ConsumerId;
use tracing::info;

use crate::builder::TaskConsumerBuilder;
use crate::cpu::serve_late;
use crate::engine::Engine;
use crate::error::ConsumerError;
use crate::metrics::MetricsHandle;
use crate::order::QueueOrder;
use crate::report::StopReport;
use crate::running::RunningConsumer;
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
    /// Dropping the future lets the consumer drain by itself.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<StopReport, ConsumerError> {
        self.start(shutdown).await?.result().await
    }

    /// Starts to execute runs; `shutdown` is looked at on a thread of its own, that no task can block.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system refuses the thread.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime, which executes the tasks.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future starts nothing.
    pub async fn start(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<RunningConsumer, ConsumerError> {
        let Self { shared, order } = self;
        serve_late(&shared.registry).await;
        let engine = Engine::start(Arc::clone(&shared), order, shutdown)?;
        info!(consumer = %shared.id, concurrency = shared.limits.concurrency, "consuming");
        Ok(RunningConsumer::new(shared, engine))
    }
}
