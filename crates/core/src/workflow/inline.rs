//! Running a chain inline: in this process, at once, without a broker.

use std::collections::HashMap;

use serde::de::DeserializeOwned;

use super::chain::Chain;
use crate::id::RunId;
use crate::manager::{InlineError, QueueTarget, TaskManager};
use crate::payload::Payload;
use crate::queue::QueuedTask;
use crate::run::{Failure, FailureKind, Follows, Gathered, Reason, RunState, TaskRun};
use crate::task::{TaskError, TaskErrorKind};
use crate::time::Timestamp;

impl<Out: DeserializeOwned> Chain<Out> {
    /// Runs all runs of the chain inline, one after the other, and returns the value of the last.
    ///
    /// Each is run as [`TaskManager::run`] does it; delays are left out. What does not succeed has the same
    /// consequences as with a broker, at its first attempt: for tests of a workflow.
    ///
    /// # Errors
    ///
    /// Returns an error if a call is not in order, or the one because of which the last run did not succeed.
    ///
    /// # Panics
    ///
    /// Panics if a task does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the task that runs where it is, and runs none behind it.
    pub async fn run(
        self,
        target: &(impl QueueTarget + Sync + ?Sized),
    ) -> Result<Out, InlineError> {
        let manager = target.manager();
        let (plan, _) = self.into_parts();
        let now = manager.clock().now();
        let ids: Vec<RunId> = (0..plan.len()).map(|_| RunId::generate(now)).collect();
        let tasks = plan.into_tasks(&ids, |call, id| {
            call.into_queued(id, manager.lineage_of(id))
        })?;
        let mut line = Line::of(&tasks);
        let mut value = Payload::encode(&())?;
        // What follows all others, at once or in the end, is the last of the plan.
        for task in tasks {
            value = line.run(&manager, task, now).await.unwrap_or(value);
        }
        match line.last_error {
            Some(error) => Err(error),
            None => Ok(value.decode()?),
        }
    }
}

/// What runs have left for those that follow them.
struct Line {
    follows: HashMap<RunId, Follows>,
    gathered: HashMap<RunId, Gathered>,
    /// Follow-ups that do not run, why, and the error of what they follow.
    broken: HashMap<RunId, (Reason, InlineError)>,
    /// Why the last run did not succeed.
    last_error: Option<InlineError>,
}

impl Line {
    fn of(tasks: &[QueuedTask]) -> Self {
        let follows = tasks.iter().filter_map(|task| {
            let follows = task.options.as_ref()?.follows.clone()?;
            Some((task.id, follows))
        });
        Self {
            follows: follows.collect(),
            gathered: HashMap::new(),
            broken: HashMap::new(),
            last_error: None,
        }
    }

    /// Runs one run, unless one before it did not succeed; returns its value if it succeeded.
    async fn run(
        &mut self,
        manager: &TaskManager,
        task: QueuedTask,
        now: Timestamp,
    ) -> Option<Payload> {
        let mut run = TaskRun::accept(task.clone(), now);
        let ended = match self.broken.remove(&task.id) {
            Some((reason, error)) => Err((Some(reason), error)),
            None => match self.with_input(task) {
                Ok(task) => manager.run_inline(task, now).await.map_err(reason_of),
                Err(reason) => {
                    let error = TaskError::cancel(reason.as_str());
                    Err((Some(reason), InlineError::Task(error)))
                }
            },
        };
        let (value, error) = match ended {
            Ok(value) => {
                run.state = RunState::Succeeded;
                run.record_mut().result = Some(value.clone());
                (Some(value), None)
            }
            Err((reason, error)) => {
                let is_cancelled = reason.is_some();
                run.state = if is_cancelled {
                    RunState::Cancelled
                } else {
                    RunState::Failed
                };
                let failure = Failure::new(FailureKind::Error, format!("{error:#}"));
                run.record_mut().failure = (!is_cancelled).then_some(failure);
                run.record_mut().reason = reason;
                (None, Some(error))
            }
        };
        self.pass_on(&run, error);
        value
    }

    /// Gives a task its input, and lets it wait for nothing.
    fn with_input(&mut self, mut task: QueuedTask) -> Result<QueuedTask, Reason> {
        let options = task.options.as_mut();
        if let Some(follows) = options.and_then(|options| options.follows.take()) {
            let gathered = self.gathered.remove(&task.id).unwrap_or_default();
            task.input = gathered.into_input(&follows)?;
        }
        Ok(task)
    }

    fn pass_on(&mut self, ended: &TaskRun, error: Option<InlineError>) {
        let options = ended.options.as_ref();
        let Some(next) = options.and_then(|options| options.followed_by.as_ref()) else {
            self.last_error = error;
            return;
        };
        match self
            .follows
            .get(&next.run)
            .map(|follows| follows.part_of(ended))
        {
            Some(Ok(part)) => {
                let gathered = self.gathered.entry(next.run).or_default();
                gathered.add(next.place, part);
            }
            Some(Err(reason)) => {
                if let Some(error) = error {
                    self.broken.entry(next.run).or_insert((reason, error));
                }
            }
            None => {}
        }
    }
}

/// Returns the reason of a task that cancelled itself, beside its error.
fn reason_of(error: InlineError) -> (Option<Reason>, InlineError) {
    match error {
        InlineError::Task(error) => match error.into_kind() {
            TaskErrorKind::Cancel(reason) => (
                Some(reason.clone()),
                InlineError::Task(TaskErrorKind::Cancel(reason).into()),
            ),
            kind => (None, InlineError::Task(kind.into())),
        },
        other => (None, other),
    }
}
