//! Checkpoints: the newest of the holder is kept, through all attempts, until the run ends or is replaced.

use std::sync::Arc;

use aqueduct::broker_api::{Broker, CheckpointRequest, Checkpointed, Enqueued, LeaseToken};
use aqueduct::{Payload, RunId};

use super::{Act, Concern, PLAIN};
use crate::simulation::at_once;
use crate::simulation::event::{Deed, Heard};
use crate::simulation::law::{Law, check};
use crate::simulation::world::World;

pub(super) const CHECKPOINTS: Concern = Concern {
    acts: &[(4, |dice| {
        Arc::new(Keep {
            place: dice.usize(..8),
            pick: dice.usize(..100),
            number: dice.u32(1..5),
            is_late: dice.u32(..4) == 0,
        })
    })],
    laws: || vec![Box::new(Checkpoints)],
    ..PLAIN
};

/// An attempt keeps a checkpoint, or one comes late that an attempt before it sent.
#[derive(Debug)]
struct Keep {
    place: usize,
    pick: usize,
    number: u32,
    is_late: bool,
}

impl Act for Keep {
    fn take(&self, world: &mut World, _: &[Concern]) {
        if let Some(token) = world.token(self.place, self.pick) {
            let attempt = token.attempt - u32::from(self.is_late);
            let token = LeaseToken { attempt, ..token };
            let request = CheckpointRequest::new(token, self.number, Payload::empty());
            at_once(world.broker.checkpoint(&request)).expect("an answer");
        }
    }
}

struct Checkpoints;

impl Law for Checkpoints {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        for run in heard.after.runs.values() {
            let before = heard.before.runs.get(&run.id);
            let before = before.and_then(|run| run.checkpoint.as_ref());
            let goes_back = before.is_some_and(|before| {
                let after = run.checkpoint.as_ref();
                !after.is_some_and(|it| it.is_at_least(before.attempt, before.number))
            });
            let is_over = run.state.is_final() || is_replaced(heard.deed, run.id);
            check(!goes_back || is_over, || {
                format!("{} had {before:?}, and has {:?}", run.id, run.checkpoint)
            })?;
        }
        let Deed::Checkpointed { request, answer } = heard.deed else {
            return Ok(());
        };
        let token = request.token;
        let held = heard.ledger.holder(token.run);
        let is_held =
            held.is_some_and(|it| (it.consumer, it.attempt) == (token.consumer, token.attempt));
        let is_kept = heard.after.runs.get(&token.run).is_some_and(|run| {
            let kept = run.checkpoint.as_ref();
            kept.is_some_and(|it| it.is_at_least(token.attempt, request.number))
        });
        let is_right = match answer {
            Checkpointed::Kept => is_held && is_kept,
            _ => !is_held,
        };
        check(is_right, || {
            format!("{request:?} is answered {answer:?}, and the holder is {held:?}")
        })
    }
}

/// Returns whether a run has got other parameters in the step: what it had kept belongs to those before.
fn is_replaced(deed: &Deed, run: RunId) -> bool {
    let Deed::Enqueued { answers, .. } = deed else {
        return false;
    };
    answers.contains(&Enqueued::Replaced(run))
}
