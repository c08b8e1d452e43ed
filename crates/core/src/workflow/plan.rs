//! The runs of a workflow before they are queued, and the checks that they pass. Pure.

use std::time::Duration;

use super::{MAX_RUNS, MAX_STEPS};
use crate::id::RunId;
use crate::manager::{QueueError, QueueErrorKind, TaskCall};
use crate::payload::Payload;
use crate::queue::{Due, QueuedTask};
use crate::run::{FollowedBy, Follows, Takes};

/// The runs of a workflow, each behind those that it waits for.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    steps: Vec<Step>,
}

/// One run of a workflow.
#[derive(Debug)]
struct Step {
    call: TaskCall<()>,
    /// The places of the runs that it waits for, in this order.
    after: Vec<usize>,
    takes: Takes,
    runs_anyway: bool,
    /// How many runs of the workflow are in line up to this one.
    depth: usize,
}

impl Plan {
    pub(super) fn of(call: TaskCall<()>) -> Self {
        let mut plan = Self::default();
        plan.push(call, Vec::new(), Takes::Nothing, false);
        plan
    }

    /// Adds a run that waits for others; returns its place.
    pub(super) fn push(
        &mut self,
        call: TaskCall<()>,
        after: Vec<usize>,
        takes: Takes,
        runs_anyway: bool,
    ) -> usize {
        let before = after.iter().filter_map(|place| self.steps.get(*place));
        let depth = 1 + before.map(|step| step.depth).max().unwrap_or(0);
        self.steps.push(Step {
            call,
            after,
            takes,
            runs_anyway,
            depth,
        });
        self.steps.len() - 1
    }

    /// Adds the runs of another plan; returns by how much their places moved.
    pub(super) fn append(&mut self, other: Self) -> usize {
        let moved = self.steps.len();
        self.steps.extend(other.steps.into_iter().map(|mut step| {
            for place in &mut step.after {
                *place += moved;
            }
            step
        }));
        moved
    }

    /// Changes the call of a run.
    pub(super) fn change(
        &mut self,
        place: usize,
        change: impl FnOnce(TaskCall<()>) -> TaskCall<()>,
    ) {
        if place < self.steps.len() {
            let mut step = self.steps.remove(place);
            step.call = change(step.call);
            self.steps.insert(place, step);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Makes the tasks that are queued, with these ids, as `resolve` completes each call.
    pub(crate) fn into_tasks(
        self,
        ids: &[RunId],
        mut resolve: impl FnMut(TaskCall<()>, RunId) -> Result<QueuedTask, QueueError>,
    ) -> Result<Vec<QueuedTask>, QueueError> {
        if self.steps.len() > MAX_RUNS {
            return Err(too_many("runs", self.steps.len(), MAX_RUNS));
        }
        if let Some(step) = self.steps.iter().find(|step| step.depth > MAX_STEPS) {
            return Err(too_many("steps in line", step.depth, MAX_STEPS));
        }
        let mut tasks: Vec<QueuedTask> = Vec::with_capacity(self.steps.len());
        for (step, id) in self.steps.into_iter().zip(ids) {
            let mut task = resolve(step.call, *id)?;
            check(&task, !step.after.is_empty())?;
            task.with_previous = !tasks.is_empty();
            if step.after.is_empty() && step.takes == Takes::Values {
                // There is nothing to wait for: it follows a group without members.
                task.input = Payload::encode(&[(); 0]).ok();
            }
            if !step.after.is_empty() {
                let delay = delay_of(&mut task)?;
                for (number, place) in step.after.iter().enumerate() {
                    let before = tasks.get_mut(*place).map(QueuedTask::options_mut);
                    if let (Some(before), Ok(number)) = (before, u16::try_from(number)) {
                        let takes_value = step.takes != Takes::Nothing;
                        before.followed_by = Some(FollowedBy::new(*id, number, takes_value));
                    }
                }
                let runs = step
                    .after
                    .iter()
                    .filter_map(|place| ids.get(*place).copied());
                let mut follows = Follows::new(runs.collect(), step.takes);
                follows.runs_anyway = step.runs_anyway;
                follows.delay = delay;
                task.options_mut().follows = Some(follows);
            }
            tasks.push(task);
        }
        Ok(tasks)
    }
}

/// Refuses what a run of a workflow cannot ask for.
fn check(task: &QueuedTask, is_follow_up: bool) -> Result<(), QueueError> {
    let options = task.options.as_deref();
    if options.is_some_and(|options| options.unique.is_some()) {
        let problem = "a run of a workflow cannot be unique: if another had its key, what follows would wait \
                       for a run that is not there";
        return Err(contradiction(task, problem));
    }
    let expires =
        task.expires_in.is_some() || options.is_some_and(|options| options.deadline.is_some());
    if is_follow_up && expires {
        let problem = "`expires_in` counts from now, and a follow-up waits for others first";
        return Err(contradiction(task, problem));
    }
    Ok(())
}

/// Takes the delay of a follow-up, which counts from the end of what it waits for.
fn delay_of(task: &mut QueuedTask) -> Result<Option<Duration>, QueueError> {
    match std::mem::take(&mut task.due) {
        Due::Now => Ok(None),
        Due::After(delay) => Ok(Some(delay)),
        Due::At(_) => {
            let problem = "a follow-up waits for others and not for a time: set `delay`, which counts from \
                           their end, or leave `at` out";
            Err(contradiction(task, problem))
        }
    }
}

fn contradiction(task: &QueuedTask, problem: &str) -> QueueError {
    let message = format!(
        "`{}` cannot be queued in a workflow so: {problem}",
        task.task
    );
    QueueError::new(QueueErrorKind::Contradiction, message)
}

fn too_many(what: &str, number: usize, most: usize) -> QueueError {
    let message = format!(
        "a workflow has at most {most} {what}, this one has {number}: let one of its tasks queue the rest"
    );
    QueueError::new(QueueErrorKind::LimitExceeded, message)
}
