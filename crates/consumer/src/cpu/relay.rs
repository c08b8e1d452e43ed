//! What the consumer does for a run in a worker.

use std::sync::Arc;

use aqueduct_broker_api::wire as envelope;
use aqueduct_core::Payload;
use aqueduct_core::attempt::AttemptPort;
use aqueduct_core::manager::{QueueError, QueueErrorKind};
use aqueduct_core::run::Lineage;
use aqueduct_cpu_pool::{Answering, LogLine, Progress, Relay, pack, printed, unpack};

use super::logs;
use super::progress::ProgressWatch;
use super::wire::{Answer, Cancelled, NotKept, Problem, Queued, Reply, Request, Waited};
use crate::in_flight::Owed;
use crate::port::ConsumerPort;
use crate::shared::Shared;

/// Does for one run what its worker asks for, as long as this consumer holds it.
#[derive(Debug)]
pub(super) struct RunRelay {
    pub(super) shared: Arc<Shared>,
    pub(super) owed: Arc<Owed>,
    pub(super) progress: Arc<ProgressWatch>,
}

impl RunRelay {
    /// Returns whether the run may still act: a run whose lease is lost queues nothing more.
    fn may_act(&self) -> bool {
        !self.owed.has_ended() && !self.owed.is_lost() && !self.shared.trusted_for().is_zero()
    }
}

impl Relay for RunRelay {
    fn request(&self, body: Vec<u8>) -> Answering {
        if !self.may_act() {
            return Box::pin(async { Err("the lease of the run is lost".to_owned()) });
        }
        let (owed, port) = (Arc::clone(&self.owed), Arc::clone(&self.shared.port));
        Box::pin(async move {
            let request = unpack(&body).map_err(|error| error.to_string())?;
            let reply = answer(&owed, &port, request).await.unwrap_or_else(|error| {
                Reply::Failed(Problem::of(error.kind()), error.to_string())
            });
            pack(&reply).map_err(|error| error.to_string())
        })
    }

    fn progress(&self, progress: Progress) {
        self.progress.reported();
        let Progress {
            done, total, text, ..
        } = progress;
        if self.may_act() {
            self.owed.context.progress_with(done, total, &text);
        }
    }

    fn log(&self, line: LogLine) {
        logs::write(&line);
    }

    fn printed(&self, line: &str) {
        printed(line);
    }
}

async fn answer(owed: &Owed, port: &ConsumerPort, request: Request) -> Result<Reply, QueueError> {
    let manager = owed.context.task_manager();
    match request {
        Request::Enqueue(tasks) => {
            let run = owed.context.run();
            let lineage = Lineage::child_of(run.id, run.lineage.root);
            let tasks = tasks
                .into_iter()
                .map(|task: Queued| task.into_task(lineage));
            let tasks = tasks.collect::<Result<Vec<_>, _>>()?;
            let answers = manager.queue_tasks(tasks).await?;
            Ok(Reply::Enqueued(
                answers.into_iter().map(Answer::of).collect(),
            ))
        }
        Request::Find(run) => {
            let found = manager.find(run).await?;
            let bytes = found.map(|run| envelope::encode(&run)).transpose();
            let bytes = bytes
                .map_err(|error| QueueError::new(QueueErrorKind::Refused, error.to_string()))?;
            Ok(Reply::Found(bytes))
        }
        Request::Cancel { run, reason } => {
            let answer = manager.cancel(run, reason).await?;
            Ok(Reply::Cancelled(Cancelled::of(answer)))
        }
        Request::Pause(wait) => {
            tokio::time::sleep(wait.min(owed.context.remaining())).await;
            Ok(Reply::Paused)
        }
        Request::Checkpoint { number, value } => {
            let value = Payload::from_bytes(&value);
            let value = value
                .map_err(|error| QueueError::new(QueueErrorKind::Refused, error.to_string()))?;
            let kept = port.checkpoint(owed.context.run(), number, value).await;
            Ok(kept.map_or_else(
                |error| Reply::NotKept(NotKept::of(error.kind()), error.to_string()),
                |()| Reply::Checkpointed,
            ))
        }
        Request::WaitEnded { run, at_most } => {
            let answer = Waited::of(manager.wait_ended(run, at_most).await?);
            answer
                .map(Reply::Waited)
                .map_err(|error| QueueError::new(QueueErrorKind::Refused, error.to_string()))
        }
    }
}
