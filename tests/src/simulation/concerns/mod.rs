//! What is known of each feature: what it asks for of queued runs, its acts, its laws. One feature, one file.
//!
//! To add one: write its file beside these, with a constant of type [`Concern`], and name it in [`all`].

mod checkpoints;
mod clocks;
mod consuming;
mod deadlines;
mod keys;
mod limits;
mod progress;
mod queueing;
mod results;
mod schedules;
mod steering;
mod turns;
mod waits;
mod workflows;

use std::fmt::Debug;
use std::sync::Arc;

use aqueduct::{Payload, QueuedTask, RunId, TaskName};
use fastrand::Rng;

use super::law::Law;
use super::world::World;
pub(super) use workflows::link;

/// Something that somebody does, or that happens.
pub trait Act: Debug + Send + Sync {
    /// Lets it happen.
    fn take(&self, world: &mut World, concerns: &[Concern]);
}

/// Draws an act.
pub type Draw = fn(&mut Rng) -> Arc<dyn Act>;

/// What is simulated and judged of one feature.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Concern {
    /// What it asks for of a run that is queued, now and then.
    pub dress: fn(&mut QueuedTask, &mut Rng),
    /// Its acts, each with a weight: how often it is drawn.
    pub acts: &'static [(u32, Draw)],
    /// What must be true.
    pub laws: fn() -> Vec<Box<dyn Law>>,
}

/// A concern that asks for nothing.
const PLAIN: Concern = Concern {
    dress: |_, _| {},
    acts: &[],
    laws: Vec::new,
};

/// Returns so many tasks that ask for whatever the concerns let them ask for.
fn some_tasks(
    count: usize,
    concerns: &[Concern],
    world: &World,
    dice: &mut Rng,
) -> Vec<QueuedTask> {
    let now = world.clock.clock().now();
    let task = |_| {
        let name = TaskName::from_static(["one", "two"][dice.usize(..2)]);
        let mut task = QueuedTask::new(RunId::generate(now), name, Payload::empty());
        for concern in concerns {
            (concern.dress)(&mut task, dice);
        }
        task
    };
    (0..count).map(task).collect()
}

/// Returns all that is simulated and judged.
#[must_use]
pub fn all() -> Vec<Concern> {
    vec![
        queueing::QUEUEING,
        consuming::CONSUMING,
        clocks::CLOCKS,
        checkpoints::CHECKPOINTS,
        deadlines::DEADLINES,
        keys::KEYS,
        limits::LIMITS,
        results::RESULTS,
        schedules::SCHEDULES,
        progress::PROGRESS,
        steering::STEERING,
        turns::TURNS,
        waits::WAITS,
        workflows::WORKFLOWS,
    ]
}

/// Returns the laws alone: they hold whoever the clients are.
#[must_use]
pub fn laws() -> Vec<Box<dyn Law>> {
    all().iter().flat_map(|it| (it.laws)()).collect()
}
