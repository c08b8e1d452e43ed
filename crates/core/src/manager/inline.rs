//! Running a task inline: in this process, at once, without a broker.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::TaskManager;
use super::call::TaskCall;
use super::error::QueueError;
use crate::context::{ContextShared, TaskContext};
use crate::id::RunId;
use crate::payload::{Payload, PayloadError};
use crate::queue::QueuedTask;
use crate::run::{MAX_WAIT, TaskRun};
use crate::state::States;
use crate::task::{InvalidParams, TaskDefinition, TaskError, TaskErrorKind};
use crate::time::Timestamp;

/// Why a task that was run inline returned no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InlineError {
    /// The call was not in order, or no task of that name is registered.
    #[error("the call is not in order")]
    Call(#[from] QueueError),
    /// The parameters do not fit the task.
    #[error(transparent)]
    Params(#[from] InvalidParams),
    /// The task returned an error.
    #[error("the task failed: {0}")]
    Task(TaskError),
    /// The value that the task returned cannot be read back.
    #[error("the returned value cannot be read back")]
    Value(#[from] PayloadError),
}

impl TaskManager {
    /// Runs a task inline and returns its value: no broker, no retry, no time limit of its own.
    ///
    /// Within a task it is a child of that run, and sees its cancellation and its time limit. Inline
    /// runs within inline runs nest on the stack of the caller, without a limit.
    ///
    /// # Errors
    ///
    /// Returns an error if the task is not registered, the parameters do not fit, or the task fails.
    ///
    /// # Panics
    ///
    /// Panics if the task does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the task where it is.
    pub async fn run<Out: DeserializeOwned>(
        &self,
        call: TaskCall<Out>,
    ) -> Result<Out, InlineError> {
        let now = self.clock().now();
        let id = RunId::generate(now);
        let queued = call.into_queued(id, self.lineage_of(id))?;
        Ok(self.run_inline(queued, now).await?.decode()?)
    }

    /// Runs a task inline and returns its encoded value.
    pub(crate) async fn run_inline(
        &self,
        mut queued: QueuedTask,
        now: Timestamp,
    ) -> Result<Payload, InlineError> {
        queued.options_mut().keep_result = Some(MAX_WAIT);
        self.inherit_trace(&mut queued);
        queued.due = crate::queue::Due::Now;
        let task = self
            .shared
            .registry
            .get(queued.task.as_str())
            .ok_or_else(|| {
                let nearest = self.shared.registry.nearest(queued.task.as_str());
                QueueError::unknown_task(queued.task.as_str(), nearest)
            })?;
        let states = inline_states(&self.shared.states, task.definition());
        let states = states.map_err(|problem| InlineError::Task(TaskError::msg(problem)))?;
        let shared = ContextShared::new(self.clone(), states);
        let run = TaskRun::accept(queued, now);
        let context = TaskContext::inline(run, Arc::new(shared), self.parent.clone());
        let result = task.start(context)?.await.map_err(failed)?;
        match result {
            Some(payload) => Ok(payload),
            None => Ok(Payload::encode(&())?),
        }
    }
}

/// Tells parameters that do not fit, which layers pass on as an error of the task, from its own errors.
fn failed(error: TaskError) -> InlineError {
    match error.into_kind() {
        TaskErrorKind::InvalidParams(problem) => InlineError::Params(problem),
        kind => InlineError::Task(kind.into()),
    }
}

/// Returns the states that a task receives: a CPU task gets its own, made for this call.
fn inline_states(states: &Arc<States>, definition: &TaskDefinition) -> Result<Arc<States>, String> {
    if definition.makers().is_empty() {
        return Ok(Arc::clone(states));
    }
    let mut states = States::clone(states);
    for maker in definition.makers() {
        maker.make(&mut states)?;
    }
    Ok(Arc::new(states))
}
