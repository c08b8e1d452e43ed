//! The runs of a workflow before they are queued, and the checks that they pass. Pure.

use std::collections::HashSet;
use std::time::Duration;

use super::{MAX_RUNS, MAX_STEPS};
use crate::id::RunId;
use crate::manager::{QueueError, QueueErrorKind, TaskCall};
use crate::payload::Payload;
use crate::queue::{Due, QueuedTask};
use crate::run::{FollowedBy, Follows, Takes};

/// The runs of a workflow, each behind those that it waits for.
#[derive(Debug, Default)]
pub(super) struct Plan {
    steps: Vec<Step>,
}

/// One run of a workflow.
#[derive(Debug)]
struct Step {
    call: TaskCall<()>,
    place: Place,
    /// How many runs of the workflow are in line up to this one.
    depth: usize,
}

/// What a run of a workflow waits for, and what it takes from it.
#[derive(Debug)]
pub(super) struct Place {
    /// Where in the plan the runs are, in the order of their values.
    pub(super) after: Vec<usize>,
    pub(super) takes: Takes,
    pub(super) runs_anyway: bool,
}

impl Place {
    /// The place of a run that waits for nothing.
    pub(super) fn first() -> Self {
        Self {
            after: Vec::new(),
            takes: Takes::Nothing,
            runs_anyway: false,
        }
    }
}

impl Plan {
    /// Adds a run; returns its number.
    pub(super) fn push(&mut self, call: TaskCall<()>, place: Place) -> usize {
        let before = place
            .after
            .iter()
            .filter_map(|number| self.steps.get(*number));
        let depth = 1 + before.map(|step| step.depth).max().unwrap_or(0);
        self.steps.push(Step { call, place, depth });
        self.steps.len() - 1
    }

    /// Adds the runs of another plan; returns by how much their numbers moved.
    pub(super) fn append(&mut self, other: Self) -> usize {
        let moved = self.steps.len();
        self.steps.extend(other.steps.into_iter().map(|mut step| {
            for number in &mut step.place.after {
                *number += moved;
            }
            step
        }));
        moved
    }

    /// Keeps the results of runs.
    pub(super) fn keep(&mut self, runs: &[usize], keep: impl Fn(TaskCall<()>) -> TaskCall<()>) {
        let runs: HashSet<usize> = runs.iter().copied().collect();
        let steps = std::mem::take(&mut self.steps).into_iter().enumerate();
        let kept = steps.map(|(number, mut step)| {
            if runs.contains(&number) {
                step.call = keep(step.call);
            }
            step
        });
        self.steps = kept.collect();
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Makes the tasks that are queued, with these ids, as `resolve` completes each call.
    pub(super) fn into_tasks(
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
            check(&task, !step.place.after.is_empty())?;
            task.with_previous = !tasks.is_empty();
            step.place.follow(&mut task, &mut tasks)?;
            tasks.push(task);
        }
        Ok(tasks)
    }
}

impl Place {
    /// Makes a task wait for those before it.
    fn follow(self, task: &mut QueuedTask, before: &mut [QueuedTask]) -> Result<(), QueueError> {
        if self.after.is_empty() {
            // There is nothing to wait for: it may follow a group without members.
            if self.takes == Takes::Values {
                task.input = Payload::encode(&[(); 0]).ok();
            }
            return Ok(());
        }
        let mut runs = Vec::with_capacity(self.after.len());
        for (number, place) in (0..).zip(&self.after) {
            if let Some(before) = before.get_mut(*place) {
                let takes_value = self.takes != Takes::Nothing;
                let followed_by = FollowedBy::new(task.id, number, takes_value);
                before.options_mut().followed_by = Some(followed_by);
                runs.push(before.id);
            }
        }
        let mut follows = Follows::new(runs, self.takes);
        follows.runs_anyway = self.runs_anyway;
        follows.delay = delay_of(task)?;
        task.options_mut().follows = Some(follows);
        Ok(())
    }
}

/// Refuses what a run of a workflow cannot ask for.
fn check(task: &QueuedTask, is_follow_up: bool) -> Result<(), QueueError> {
    let options = task.options.as_deref();
    if options.is_some_and(|options| options.unique.is_some() || options.idempotency.is_some()) {
        let problem = "a run of a workflow has no unique and no idempotency key: if another run had it, what follows would wait \
                       for a run that is not there";
        return Err(contradiction(task, problem));
    }
    let expires =
        task.expires_in.is_some() || options.is_some_and(|options| options.deadline.is_some());
    if is_follow_up && expires {
        let problem = "`expires_in` counts from now, and a follow-up waits for others first: leave it out, of its task as \
                       well";
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
