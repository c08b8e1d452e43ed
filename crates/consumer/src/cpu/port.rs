//! The way of a task manager in a worker: through the consumer.

use std::time::Duration;

use aqueduct_broker_api::wire as envelope;
use aqueduct_core::attempt::{AttemptPort, KeepFuture};
use aqueduct_core::checkpoint::{CheckpointError, CheckpointErrorKind};
use aqueduct_core::event;
use aqueduct_core::manager::{PortFuture, QueueError, QueueErrorKind, QueuePort};
use aqueduct_core::queue::{Enqueued, QueuedTask};
use aqueduct_core::run::{CancelAnswer, Reason, TaskRun, WaitAnswer};
use aqueduct_core::{Payload, RunId};
use aqueduct_cpu_pool::{Link, LinkError, Progress, pack, unpack};

use super::wire::{Answer, Queued, Reply, Request};

/// Queues, finds, cancels and waits through the consumer, which knows the lease of the run.
#[derive(Debug)]
pub(super) struct RelayPort(pub(super) Link);

/// Passes on what an attempt reports and keeps.
#[derive(Debug)]
pub(super) struct RelayedAttempt(pub(super) Link);

impl RelayPort {
    async fn ask(&self, request: Request) -> Result<Reply, QueueError> {
        let unclear = |error: &dyn std::error::Error| {
            QueueError::new(
                QueueErrorKind::Refused,
                format!("the request is not in order: {error}"),
            )
        };
        let request = pack(&request).map_err(|error| unclear(&error))?;
        let answer = self.0.request(request).await.map_err(|error| match error {
            LinkError::Refused(problem) => QueueError::new(QueueErrorKind::Refused, problem),
            gone => QueueError::new(QueueErrorKind::Unavailable, gone.to_string()),
        })?;
        match unpack(&answer).map_err(|error| unclear(&error))? {
            Reply::Failed(problem, message) => Err(QueueError::new(problem.kind(), message)),
            reply => Ok(reply),
        }
    }
}

impl QueuePort for RelayPort {
    fn enqueue(&self, tasks: Vec<QueuedTask>) -> PortFuture<'_, Vec<Enqueued>> {
        Box::pin(async move {
            let tasks = tasks.into_iter().map(Queued::of).collect();
            match self.ask(Request::Enqueue(tasks)).await? {
                Reply::Enqueued(answers) => {
                    Ok(answers.into_iter().map(Answer::into_enqueued).collect())
                }
                _ => Err(other_answer()),
            }
        })
    }

    fn find(&self, run: RunId) -> PortFuture<'_, Option<TaskRun>> {
        Box::pin(async move {
            match self.ask(Request::Find(run)).await? {
                Reply::Found(None) => Ok(None),
                Reply::Found(Some(bytes)) => envelope::decode(&bytes)
                    .map(Some)
                    .map_err(|error| QueueError::new(QueueErrorKind::Refused, error.to_string())),
                _ => Err(other_answer()),
            }
        })
    }

    fn cancel(&self, run: RunId, reason: Reason) -> PortFuture<'_, CancelAnswer> {
        Box::pin(async move {
            let reason = reason.as_str().to_owned();
            match self.ask(Request::Cancel { run, reason }).await? {
                Reply::Cancelled(answer) => Ok(answer.into_answer()),
                _ => Err(other_answer()),
            }
        })
    }

    fn pause(&self, wait: Duration) -> PortFuture<'_, ()> {
        Box::pin(async move {
            match self.ask(Request::Pause(wait)).await? {
                Reply::Paused => Ok(()),
                _ => Err(other_answer()),
            }
        })
    }

    fn wait_ended(&self, run: RunId, at_most: Duration) -> PortFuture<'_, WaitAnswer> {
        Box::pin(async move {
            match self.ask(Request::WaitEnded { run, at_most }).await? {
                Reply::Waited(answer) => answer
                    .into_answer()
                    .map_err(|error| QueueError::new(QueueErrorKind::Refused, error.to_string())),
                _ => Err(other_answer()),
            }
        })
    }
}

impl AttemptPort for RelayedAttempt {
    fn progress(&self, _run: &TaskRun, progress: event::Progress) {
        let report = Progress::new(progress.done, progress.total, progress.text);
        self.0.progress(&report);
    }

    fn checkpoint(&self, _run: &TaskRun, number: u32, value: Payload) -> KeepFuture<'_> {
        Box::pin(async move {
            let value = value.as_bytes().to_vec();
            let request = Request::Checkpoint { number, value };
            match RelayPort(self.0.clone()).ask(request).await {
                Ok(Reply::Checkpointed) => Ok(()),
                Ok(Reply::NotKept(why, message)) => Err(CheckpointError::new(why.kind(), message)),
                Ok(_) => Err(not_kept(CheckpointErrorKind::Refused, &other_answer())),
                // The consumer refuses what comes from a run that has lost its lease.
                Err(error) if error.kind() == QueueErrorKind::Refused => {
                    Err(not_kept(CheckpointErrorKind::LeaseLost, &error))
                }
                Err(error) => Err(not_kept(CheckpointErrorKind::Unavailable, &error)),
            }
        })
    }
}

fn not_kept(kind: CheckpointErrorKind, error: &QueueError) -> CheckpointError {
    CheckpointError::new(kind, error.to_string())
}

fn other_answer() -> QueueError {
    QueueError::new(
        QueueErrorKind::Refused,
        "the consumer answered something else",
    )
}
