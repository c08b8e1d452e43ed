//! A producer: gives enqueues their identity and repeats those whose answer was lost.

use std::sync::atomic::{AtomicU64, Ordering};

use aqueduct_core::manager::{PortFuture, QueueError, QueueErrorKind, QueuePort};
use aqueduct_core::queue::{Enqueued, QueuedTask};
use aqueduct_core::run::{Reason, TaskRun};
use aqueduct_core::{ProducerId, RunId};

use crate::admin::{BrokerAdmin, CancelAnswer};
use crate::broker::{Broker, Sequence};
use crate::enqueue::EnqueueRequest;
use crate::erased::BrokerHandle;
use crate::error::{BrokerError, BrokerErrorKind};

/// Queues on a broker under one identity; this is how a task manager reaches it.
#[derive(Debug)]
pub struct Producer {
    broker: BrokerHandle,
    id: ProducerId,
    last: AtomicU64,
}

impl Producer {
    /// Creates a producer with a fresh identity.
    #[must_use]
    pub fn new(broker: BrokerHandle) -> Self {
        Self {
            broker,
            id: ProducerId::generate(),
            last: AtomicU64::new(0),
        }
    }

    fn next_sequence(&self) -> Sequence {
        Sequence::from_number(self.last.fetch_add(1, Ordering::Relaxed) + 1)
    }

    async fn send(&self, tasks: Vec<QueuedTask>) -> Result<Vec<Enqueued>, BrokerError> {
        let request = EnqueueRequest::new(self.id, self.next_sequence(), tasks);
        for _ in 1..MAX_SENDS {
            match self.broker.enqueue(&request).await {
                Err(error) if is_unknown_outcome(&error) => {}
                answer => return answer,
            }
        }
        self.broker.enqueue(&request).await
    }
}

impl QueuePort for Producer {
    fn enqueue(&self, tasks: Vec<QueuedTask>) -> PortFuture<'_, Vec<Enqueued>> {
        Box::pin(async move {
            check_sizes(&tasks, self.broker.capabilities().max_payload)?;
            self.send(tasks).await.map_err(into_queue_error)
        })
    }

    fn find(&self, run: RunId) -> PortFuture<'_, Option<TaskRun>> {
        Box::pin(async move {
            let admin = self.broker.admin().map_err(into_queue_error)?;
            let found = admin.find(&[run]).await.map_err(into_queue_error)?;
            Ok(found.into_iter().next().flatten())
        })
    }

    fn cancel(&self, run: RunId, reason: Reason) -> PortFuture<'_, bool> {
        Box::pin(async move {
            let admin = self.broker.admin().map_err(into_queue_error)?;
            let answers = admin
                .cancel(&[run], reason)
                .await
                .map_err(into_queue_error)?;
            let cancelled = matches!(
                answers.first(),
                Some(CancelAnswer::Cancelled | CancelAnswer::Requested)
            );
            Ok(cancelled)
        })
    }
}

fn check_sizes(tasks: &[QueuedTask], max: usize) -> Result<(), QueueError> {
    let Some(task) = tasks.iter().find(|task| task.payload.len() > max) else {
        return Ok(());
    };
    let message = format!(
        "the parameters of `{}` take {} bytes, this broker allows {max}; store them elsewhere and \
         pass a reference",
        task.task,
        task.payload.len(),
    );
    Err(QueueError::new(QueueErrorKind::LimitExceeded, message))
}

fn is_unknown_outcome(error: &BrokerError) -> bool {
    matches!(
        error.kind(),
        BrokerErrorKind::Unavailable | BrokerErrorKind::Timeout
    )
}

fn into_queue_error(error: BrokerError) -> QueueError {
    let kind = match error.kind() {
        BrokerErrorKind::Unavailable | BrokerErrorKind::Timeout => QueueErrorKind::Unavailable,
        BrokerErrorKind::LimitExceeded => QueueErrorKind::LimitExceeded,
        BrokerErrorKind::NotSupported => QueueErrorKind::NotSupported,
        _ => QueueErrorKind::Refused,
    };
    let message = match kind {
        QueueErrorKind::Unavailable => {
            "the broker did not answer; the task may be queued or not".to_owned()
        }
        _ => "the broker refused".to_owned(),
    };
    QueueError::new(kind, message).with_source(error)
}

/// How often an enqueue is sent before its outcome is reported as unknown.
const MAX_SENDS: u32 = 3;
