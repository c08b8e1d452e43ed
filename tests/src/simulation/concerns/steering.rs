//! Steering: cancel, requeue, discard, purge, pause.

use std::collections::BTreeSet;
use std::sync::Arc;

use aqueduct::broker_api::{BrokerAdmin, Settled};
use aqueduct::run::{CancelAnswer, Reason};
use aqueduct::{QueueName, RunId, RunState, TaskName};

use super::{Act, Concern, PLAIN};
use crate::simulation::at_once;
use crate::simulation::event::{Deed, Heard};
use crate::simulation::law::{Law, check};
use crate::simulation::world::World;

pub(super) const STEERING: Concern = Concern {
    acts: &[
        (3, |dice| Arc::new(Cancel(dice.usize(..1000)))),
        (2, |dice| Arc::new(Requeue(dice.usize(..1000)))),
        (1, |dice| Arc::new(Discard(dice.usize(..1000)))),
        (3, |dice| {
            let (scope, paused) = (dice.usize(..4), dice.u32(..3) == 0);
            Arc::new(Pause { scope, paused })
        }),
        (1, |dice| Arc::new(Purge(dice.usize(..4)))),
    ],
    laws: || vec![Box::<Cancels>::default()],
    ..PLAIN
};

/// Somebody asks for the end of a run.
#[derive(Debug)]
struct Cancel(usize);

/// Somebody queues an ended run anew.
#[derive(Debug)]
struct Requeue(usize);

/// Somebody removes an ended run.
#[derive(Debug)]
struct Discard(usize);

/// Somebody pauses or resumes a queue or a task.
#[derive(Debug)]
struct Pause {
    scope: usize,
    paused: bool,
}

/// Somebody removes what waits in a queue, now and then.
#[derive(Debug)]
struct Purge(usize);

fn run(world: &World, pick: usize) -> Vec<RunId> {
    let run = world.runs.get(pick % world.runs.len().max(1));
    run.copied().into_iter().collect()
}

/// Returns a run that has ended without a success, every other time.
fn ended(world: &World, pick: usize) -> Option<Vec<RunId>> {
    let court = world.broker.court();
    let runs = court.view().runs.values();
    let ended = runs.filter(|run| run.state.is_final() && run.state != RunState::Succeeded);
    let ended: Vec<RunId> = ended.map(|run| run.id).collect();
    let is_turn = pick.is_multiple_of(2) && !ended.is_empty();
    is_turn.then(|| vec![ended[pick / 2 % ended.len()]])
}

impl Act for Cancel {
    fn take(&self, world: &mut World, _: &[Concern]) {
        let runs = run(world, self.0);
        at_once(world.broker.cancel(&runs, Reason::new("enough"))).expect("an answer");
    }
}

impl Act for Requeue {
    fn take(&self, world: &mut World, _: &[Concern]) {
        let runs = ended(world, self.0).unwrap_or_else(|| run(world, self.0));
        at_once(world.broker.requeue(&runs)).expect("an answer");
    }
}

impl Act for Discard {
    fn take(&self, world: &mut World, _: &[Concern]) {
        at_once(world.broker.discard(&run(world, self.0))).expect("an answer");
    }
}

impl Act for Pause {
    fn take(&self, world: &mut World, _: &[Concern]) {
        let scope = match self.scope {
            0 => QueueName::DEFAULT.into(),
            1 => QueueName::from_static("other").into(),
            2 => TaskName::from_static("one").into(),
            _ => TaskName::from_static("two").into(),
        };
        at_once(world.broker.set_paused(&scope, self.paused)).expect("an answer");
    }
}

impl Act for Purge {
    fn take(&self, world: &mut World, _: &[Concern]) {
        if self.0 == 0 {
            at_once(world.broker.purge(&QueueName::from_static("other"))).expect("an answer");
        }
    }
}

/// What is asked to end does so with its attempt, unless that ended it already.
#[derive(Default)]
struct Cancels(BTreeSet<RunId>);

impl Law for Cancels {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        for (_, item, answer) in heard.settlements() {
            let is_asked = self.0.contains(&item.token.run);
            if let Settled::Applied(state) = answer {
                self.0.remove(&item.token.run);
                check(!is_asked || state.is_final(), || {
                    format!("{:?} was asked to end, and is {state}", item.token)
                })?;
            }
        }
        for (run, _) in heard.taken {
            if self.0.remove(run) {
                let state = heard.after.runs.get(run).map(|run| run.state);
                let is_over = state.is_some_and(RunState::is_final);
                check(is_over, || {
                    format!("{run} was asked to end, and is {state:?}")
                })?;
            }
        }
        if let Deed::Cancelled { runs, answers } = heard.deed {
            for (run, answer) in runs.iter().zip(answers) {
                self.asked(*run, *answer, heard)?;
            }
        }
        // What was given back, by a heartbeat that lacked it, has ended.
        self.0.retain(|run| heard.ledger.holder(*run).is_some());
        Ok(())
    }
}

impl Cancels {
    fn asked(&mut self, run: RunId, answer: CancelAnswer, heard: &Heard<'_>) -> Result<(), String> {
        let before = heard.before.runs.get(&run).map(|run| run.state);
        let after = heard.after.runs.get(&run).map(|run| run.state);
        let is_right = match answer {
            CancelAnswer::Unknown => before.is_none(),
            CancelAnswer::AlreadyEnded(state) => before == Some(state) && after == before,
            CancelAnswer::Requested => {
                self.0.insert(run);
                before == Some(RunState::Running) && after == before
            }
            CancelAnswer::Cancelled => {
                let waited = before.is_some_and(|it| !it.is_final() && it != RunState::Running);
                waited && after == Some(RunState::Cancelled)
            }
            _ => true,
        };
        check(is_right, || {
            format!("the cancel of {run} is answered {answer:?}: {before:?}, then {after:?}")
        })
    }
}
