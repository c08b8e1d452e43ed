//! Workflows: a follow-up runs once, with all that it waited for, and only if those ended as it asks for.

mod law;
mod part;
mod plan;

use std::sync::Arc;
use std::time::Duration;

use aqueduct::QueuedTask;
use aqueduct::run::{FollowedBy, Follows, Takes};
use aqueduct_core::queue::Due;
use fastrand::Rng;

use super::{Act, Concern, PLAIN, some_tasks};
use crate::simulation::network::Fate;
use crate::simulation::world::World;
use law::Workflows;
pub(super) use law::is_brought_back;

pub(super) const WORKFLOWS: Concern = Concern {
    acts: &[(5, |dice| {
        Arc::new(Produce {
            place: dice.usize(..8),
            seed: dice.u64(..),
            fate: Fate::draw(dice),
        })
    })],
    laws: || vec![Box::<Workflows>::default()],
    ..PLAIN
};

/// A producer queues a workflow, or repeats the request whose answer it lacks.
#[derive(Debug)]
struct Produce {
    place: usize,
    /// What it looks like follows from it.
    seed: u64,
    fate: Fate,
}

impl Act for Produce {
    fn take(&self, world: &mut World, concerns: &[Concern]) {
        let mut dice = Rng::with_seed(self.seed);
        let mut tasks = some_tasks(4, concerns, world, &mut dice);
        tasks.truncate(dice.usize(2..5));
        link(&mut tasks, &mut dice);
        world.produce(self.place, tasks, false, self.fate);
    }
}

/// Makes a workflow of tasks: a chain, or a group with what follows it.
pub(in crate::simulation) fn link(tasks: &mut [QueuedTask], dice: &mut Rng) {
    let is_chain = dice.bool();
    for task in tasks.iter_mut() {
        // A key is refused in a workflow.
        task.options_mut().unique = None;
    }
    for at in 1..tasks.len() {
        tasks[at].with_previous = true;
        let (before, rest) = tasks.split_at_mut(at);
        if is_chain {
            follow(&mut rest[0], &mut before[at - 1..], Takes::Value, dice);
        } else if rest.len() == 1 {
            follow(&mut rest[0], before, Takes::Values, dice);
        }
    }
}

/// Lets a task follow others; its delay counts from the end of the last of them.
fn follow(task: &mut QueuedTask, before: &mut [QueuedTask], takes: Takes, dice: &mut Rng) {
    let runs = before.iter().map(|task| task.id).collect();
    let takes = if dice.u32(..6) == 0 {
        Takes::Nothing
    } else {
        takes
    };
    let mut follows = Follows::new(runs, takes);
    follows.runs_anyway = dice.u32(..3) == 0;
    if let Due::After(delay) = std::mem::take(&mut task.due) {
        follows.delay = (delay < Duration::from_secs(2)).then_some(delay);
    }
    task.expires_in = None;
    for (place, before) in (0..).zip(before) {
        let next = FollowedBy::new(task.id, place, takes != Takes::Nothing);
        before.options_mut().followed_by = Some(next);
    }
    task.options_mut().follows = Some(follows);
}
