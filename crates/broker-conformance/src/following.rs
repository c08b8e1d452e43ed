//! Tasks that follow others, to be queued together.

use aqueduct_core::QueuedTask;
use aqueduct_core::queue::Due;
use aqueduct_core::run::{FollowedBy, Follows, Takes};

use crate::fixture::named;
use crate::plan::Shape;

/// Returns tasks, each of which takes the value of the one before.
pub(crate) fn chain(names: &[&str]) -> Vec<QueuedTask> {
    let mut tasks: Vec<QueuedTask> = Vec::new();
    for name in names {
        let mut task = named(name);
        let from = tasks.len().saturating_sub(1);
        follow(&mut task, &mut tasks[from..], Takes::Value);
        tasks.push(task);
    }
    together(tasks)
}

/// Makes a workflow of tasks that are alike; their delay counts from the end of what they wait for.
pub(crate) fn shaped(mut tasks: Vec<QueuedTask>, shape: Shape) -> Vec<QueuedTask> {
    let last = tasks.len() - 1;
    for at in 1..tasks.len() {
        if shape != Shape::Chain && at < last {
            continue;
        }
        let from = if shape == Shape::Chain { at - 1 } else { 0 };
        let (before, rest) = tasks.split_at_mut(at);
        let takes = if shape == Shape::Chain {
            Takes::Value
        } else {
            Takes::Values
        };
        follow(&mut rest[0], &mut before[from..], takes);
        let due = std::mem::take(&mut rest[0].due);
        rest[0].expires_in = None;
        if let Some(follows) = &mut rest[0].options_mut().follows {
            follows.runs_anyway = shape == Shape::ChordAnyway;
            follows.delay = match due {
                Due::After(delay) => Some(delay),
                _ => None,
            };
        }
    }
    if shape == Shape::ChordAnyway {
        // Which of those that expire in one step comes first is open, and so is what they release.
        for task in &mut tasks {
            task.expires_in = None;
        }
    }
    together(tasks)
}

/// Makes a task wait for others, if there are any.
fn follow(task: &mut QueuedTask, before: &mut [QueuedTask], takes: Takes) {
    if before.is_empty() {
        return;
    }
    for (place, before) in (0..).zip(before.iter_mut()) {
        before.options_mut().followed_by = Some(FollowedBy::new(task.id, place, true));
    }
    let runs = before.iter().map(|task| task.id).collect();
    task.options_mut().follows = Some(Follows::new(runs, takes));
}

/// Returns members, and behind them what follows when all have ended.
pub(crate) fn chord(members: usize, change: impl FnOnce(&mut Follows)) -> Vec<QueuedTask> {
    let mut tasks: Vec<QueuedTask> = (0..members).map(|_| named("member")).collect();
    let mut last = named("last");
    follow(&mut last, &mut tasks, Takes::Values);
    last.options_mut().follows.as_mut().map(change);
    tasks.push(last);
    together(tasks)
}

fn together(mut tasks: Vec<QueuedTask>) -> Vec<QueuedTask> {
    for task in tasks.iter_mut().skip(1) {
        task.with_previous = true;
    }
    tasks
}
