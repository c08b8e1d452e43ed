//! Queueing: what is accepted is stored, and stays until there is a reason for it to go.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aqueduct::broker_api::{Enqueued, Fired};
use aqueduct::run::Settlement;
use aqueduct::{Lane, Priority, QueueName, QueuedTask, RunId, RunState, Timestamp};
use aqueduct_core::queue::Due;
use fastrand::Rng;

use super::{Act, Concern, PLAIN, some_tasks};
use crate::simulation::event::{Deed, Heard};
use crate::simulation::law::{Law, check};
use crate::simulation::network::Fate;
use crate::simulation::world::World;

pub(super) const QUEUEING: Concern = Concern {
    dress,
    acts: &[(16, |dice| {
        Arc::new(Produce {
            place: dice.usize(..8),
            count: dice.usize(1..4),
            seed: dice.u64(..),
            gives_up: dice.u32(..8) == 0,
            fate: Fate::draw(dice),
        })
    })],
    laws: || vec![Box::new(Places), Box::<Presence>::default()],
    ..PLAIN
};

/// A producer queues so many runs, or repeats the request whose answer it lacks.
#[derive(Debug)]
struct Produce {
    place: usize,
    count: usize,
    /// What the runs ask for follows from it.
    seed: u64,
    gives_up: bool,
    fate: Fate,
}

impl Act for Produce {
    fn take(&self, world: &mut World, concerns: &[Concern]) {
        let mut dice = Rng::with_seed(self.seed);
        let tasks = some_tasks(self.count, concerns, world, &mut dice);
        world.produce(self.place, tasks, self.gives_up, self.fate);
    }
}

fn dress(task: &mut QueuedTask, dice: &mut Rng) {
    task.priority = Priority::ALL[dice.usize(..3)];
    if dice.u32(..4) == 0 {
        task.queue = QueueName::from_static("other");
    }
    if dice.u32(..3) == 0 {
        task.due = Due::After(Duration::from_millis(dice.u64(..4000)));
    }
    debug_assert_eq!(task.lane, Lane::Io);
}

/// A run is in one place, and the counts of the queues are what a recount gives.
struct Places;

impl Law for Places {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        let view = heard.after;
        for run in view.runs.values() {
            let (id, held) = (run.id, heard.ledger.holder(run.id));
            let holder = view.holders.get(&id).copied();
            check(holder == held.map(|it| it.consumer), || {
                format!("{id} is held by {holder:?}, not by {held:?}")
            })?;
            check((run.state == RunState::Running) == held.is_some(), || {
                format!("{id} is {}, and its holder is {held:?}", run.state)
            })?;
        }
        let gone = heard
            .ledger
            .holds()
            .find(|(id, _)| !view.runs.contains_key(id));
        check(gone.is_none(), || format!("what is held is gone: {gone:?}"))?;
        for lengths in &view.lengths {
            let count = |state| {
                let of_queue = |it: &&aqueduct::TaskRun| it.queue == lengths.queue;
                let runs = view.runs.values().filter(of_queue);
                runs.filter(|it| it.state == state).count() as u64
            };
            let counted = [
                (lengths.queued, RunState::Queued),
                (lengths.scheduled, RunState::Scheduled),
                (lengths.retrying, RunState::Retrying),
                (lengths.running, RunState::Running),
            ];
            let wrong = counted
                .into_iter()
                .find(|(told, state)| *told != count(*state));
            check(wrong.is_none(), || {
                format!("a recount of {} differs: {wrong:?}", lengths.queue)
            })?;
        }
        for consumer in &view.consumers {
            let held = heard.ledger.holds();
            let held = held.filter(|(_, it)| it.consumer == consumer.consumer);
            let held = held.count() as u64;
            check(held == consumer.holds, || {
                format!("{consumer:?} must hold {held}")
            })?;
        }
        Ok(())
    }
}

/// What was accepted is there, until a step that removes it.
#[derive(Default)]
struct Presence {
    /// What ended by a settlement of this step, and keeps nothing.
    ended: BTreeSet<RunId>,
}

impl Law for Presence {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        let (before, after) = (heard.before, heard.after);
        self.note_ends(heard);
        let mut swept = 0;
        let mut purged = 0;
        for run in before.runs.values() {
            if after.runs.contains_key(&run.id) {
                continue;
            }
            let has_cause = match heard.deed {
                Deed::Claimed { .. } | Deed::Settled { .. } => self.ended.contains(&run.id),
                Deed::Reclaimed { .. } => {
                    swept += 1;
                    run.state.is_final()
                }
                Deed::Discarded { runs, answers } => {
                    let mut pairs = runs.iter().zip(answers);
                    run.state.is_final() && pairs.any(|(id, is)| *id == run.id && *is)
                }
                Deed::Purged { queue, .. } => {
                    purged += 1;
                    let waits = !run.state.is_final() && run.state != RunState::Running;
                    waits && run.queue == *queue
                }
                _ => false,
            };
            check(has_cause, || {
                format!("{} is lost, which was {}", run.id, run.state)
            })?;
        }
        let told = match heard.deed {
            Deed::Reclaimed { done, .. } => done.swept == swept,
            Deed::Purged { count, .. } => *count == purged,
            _ => true,
        };
        check(told, || {
            format!("{swept} runs are swept, {purged} purged; that is not what is told")
        })?;
        new_ones(heard)
    }
}

impl Presence {
    fn note_ends(&mut self, heard: &Heard<'_>) {
        self.ended.clear();
        for (_, item, answer) in heard.settlements() {
            let is_success = matches!(item.settlement, Settlement::Succeed { .. });
            let run = heard.before.runs.get(&item.token.run);
            let is_kept = run.is_some_and(aqueduct::TaskRun::keeps_result);
            if is_success && !is_kept && answer != aqueduct::broker_api::Settled::LeaseLost {
                self.ended.insert(item.token.run);
            }
        }
    }
}

/// Returns when a run must be due that is accepted; one that follows others is not, until they have ended.
fn due_at(task: &QueuedTask, now: Timestamp) -> Timestamp {
    let options = task.options.as_ref();
    let follows = options.is_some_and(|options| options.follows.is_some());
    if follows {
        Timestamp::MAX
    } else {
        task.due.resolve(now)
    }
}

/// Checks what is new: all of what was accepted, as it was asked for, and nothing else.
fn new_ones(heard: &Heard<'_>) -> Result<(), String> {
    let (before, after) = (heard.before, heard.after);
    let mut accepted = BTreeSet::new();
    if let Deed::Enqueued { request, answers } = heard.deed
        && heard.is_first
    {
        check(request.tasks.len() == answers.len(), || {
            "not each task has an answer".to_owned()
        })?;
        for (task, answer) in request.tasks.iter().zip(answers) {
            let due_at = due_at(task, heard.now);
            match answer {
                Enqueued::Accepted(state) => {
                    accepted.insert(task.id);
                    let is_due = due_at <= heard.now;
                    check((*state == RunState::Queued) == is_due, || {
                        format!("{} is {state}, and due at {due_at}", task.id)
                    })?;
                    let stored = after.runs.get(&task.id);
                    let is_it = stored.is_some_and(|it| {
                        (it.due_at, &it.queue, it.priority) == (due_at, &task.queue, task.priority)
                    });
                    // A task behind it in the same request may have replaced it.
                    let is_replaced = answers.contains(&Enqueued::Replaced(task.id));
                    check(is_it || is_replaced, || {
                        format!("{task:?} is stored as {stored:?}")
                    })?;
                }
                Enqueued::Duplicate(holder)
                | Enqueued::Replaced(holder)
                | Enqueued::KeyTaken(holder) => {
                    let holds = after.runs.contains_key(holder);
                    check(holds, || format!("{holder} holds a key, and is not there"))?;
                }
                other => return Err(format!("{} is answered {other:?}", task.id)),
            }
        }
    }
    if let Deed::Fired { fired, .. } = heard.deed
        && let Fired::Fired(Some(id)) = fired
    {
        accepted.insert(*id);
        check(after.runs.contains_key(id), || {
            format!("{id} is fired, and not there")
        })?;
    }
    let news = after.runs.keys().filter(|id| !before.runs.contains_key(id));
    let stranger = news.copied().find(|id| !accepted.contains(id));
    check(stranger.is_none(), || {
        format!("nobody has queued {stranger:?}")
    })
}
