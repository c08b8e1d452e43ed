//! A producer: gives enqueues their identity, sends concurrent ones together, and repeats those
//! whose answer was lost.
//!
//! ```text
//! caller ── room ─────▶ flight ───────────────────────────▶ answered
//!   └── no room ─▶ waits ─▶ boards the next flight: the first leads, the others are told by it
//!
//! the leader is dropped           ─▶ the next who waits leads, with the same request
//! all are refused together        ─▶ each waits again, and flies alone
//! ```
//!
//! `check` refuses what the broker cannot do, `window` decides how many requests may be under way,
//! `line` lets callers wait for their turn, and `flight` is a request on its way. `wait` waits for ends.

mod check;
mod flight;
mod line;
mod wait;
mod window;

use std::sync::Arc;
use std::time::Duration;

use aqueduct_core::RunId;
use aqueduct_core::manager::{PortFuture, QueueError, QueueErrorKind, QueuePort};
use aqueduct_core::queue::{Enqueued, QueuedTask};
use aqueduct_core::run::{CancelAnswer, Reason, TaskRun, WaitAnswer};

use crate::admin::BrokerAdmin;
use crate::broker::Broker;
use crate::erased::BrokerHandle;
use crate::error::{BrokerError, BrokerErrorKind};
use check::check;
use line::Line;

/// Queues on a broker under one identity; this is how a task manager reaches it.
///
/// A few requests are under way at a time. What is queued meanwhile goes out together with the next
/// one, so that many concurrent callers cost the broker few requests; a caller alone waits for
/// nobody. A request that the broker refuses is sent again caller by caller, so that one bad task
/// holds up no other.
#[derive(Debug)]
pub struct Producer {
    broker: BrokerHandle,
    line: Arc<Line>,
}

impl Producer {
    /// Creates a producer with a fresh identity.
    #[must_use]
    pub fn new(broker: BrokerHandle) -> Self {
        let line = Arc::new(Line::new(broker.clone()));
        Self { broker, line }
    }
}

impl QueuePort for Producer {
    fn enqueue(&self, tasks: Vec<QueuedTask>) -> PortFuture<'_, Vec<Enqueued>> {
        Box::pin(async move {
            check(&tasks, &self.broker.capabilities())?;
            self.line.send(tasks).await.map_err(into_queue_error)
        })
    }

    fn find(&self, run: RunId) -> PortFuture<'_, Option<TaskRun>> {
        Box::pin(async move {
            let admin = self.broker.admin().map_err(into_queue_error)?;
            let found = admin.find(&[run]).await.map_err(into_queue_error)?;
            Ok(found.into_iter().next().flatten())
        })
    }

    fn cancel(&self, run: RunId, reason: Reason) -> PortFuture<'_, CancelAnswer> {
        Box::pin(async move {
            let admin = self.broker.admin().map_err(into_queue_error)?;
            let answers = admin.cancel(&[run], reason).await;
            let answer = answers.map_err(into_queue_error)?.into_iter().next();
            Ok(answer.unwrap_or(CancelAnswer::Unknown))
        })
    }

    fn pause(&self, wait: Duration) -> PortFuture<'_, ()> {
        Box::pin(async move {
            tokio::time::sleep(wait).await;
            Ok(())
        })
    }

    fn wait_ended(&self, run: RunId, at_most: Duration) -> PortFuture<'_, WaitAnswer> {
        Box::pin(wait::wait_ended(&self.broker, run, at_most))
    }
}

fn into_queue_error(error: impl Into<Arc<BrokerError>>) -> QueueError {
    let error = error.into();
    let kind = match error.kind() {
        BrokerErrorKind::Unavailable | BrokerErrorKind::Timeout => QueueErrorKind::Unavailable,
        BrokerErrorKind::LimitExceeded => QueueErrorKind::QueueFull,
        BrokerErrorKind::NotSupported => QueueErrorKind::NotSupported,
        _ => QueueErrorKind::Refused,
    };
    let message = match kind {
        QueueErrorKind::Unavailable => {
            "the broker did not answer; the task may be queued or not".to_owned()
        }
        QueueErrorKind::QueueFull => "the broker has no room left; try again later".to_owned(),
        _ => "the broker refused".to_owned(),
    };
    QueueError::new(kind, message).with_source(error)
}
