//! Waits for ends: each is told of the first end after it began, or of the removal, and of nothing before.

use std::collections::BTreeMap;
use std::sync::Arc;

use aqueduct::run::WaitAnswer;
use aqueduct::{RunId, RunState};

use super::{Act, Concern, PLAIN};
use crate::simulation::event::{Deed, Heard};
use crate::simulation::law::{Law, check};
use crate::simulation::world::World;

pub(super) const WAITS: Concern = Concern {
    acts: &[(4, |dice| {
        Arc::new(Wait {
            pick: dice.usize(..1000),
            loses: dice.u32(..3),
        })
    })],
    laws: || vec![Box::<Waits>::default()],
    ..PLAIN
};

/// Somebody waits for the end of a run, loses so many answers, and waits again.
#[derive(Debug)]
struct Wait {
    pick: usize,
    loses: u32,
}

impl Act for Wait {
    fn take(&self, world: &mut World, _: &[Concern]) {
        world.wait(self.pick, self.loses);
    }
}

/// The waits that are under way, with what has become of their runs since they began.
#[derive(Default)]
struct Waits(BTreeMap<u64, (RunId, Option<Over>)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Ended(RunState),
    Removed,
}

impl Law for Waits {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        for (run, over) in self.0.values_mut() {
            let is_unended = |state: RunState| !state.is_final();
            let state = |view: &crate::simulation::View| view.runs.get(run).map(|it| it.state);
            if over.is_none() && state(heard.before).is_some_and(is_unended) {
                *over = match state(heard.after) {
                    None => Some(Over::Removed),
                    Some(state) => state.is_final().then_some(Over::Ended(state)),
                };
            }
        }
        match heard.deed {
            Deed::WaitBegan { number, run } => {
                self.0.insert(*number, (*run, None));
            }
            Deed::WaitOver { number, answer } => {
                if let Some((run, over)) = self.0.remove(number) {
                    let is_right = is_right(answer, run, over, heard);
                    check(is_right, || {
                        format!("a wait for {run}, which is {over:?}, is answered {answer:?}")
                    })?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn is_right(answer: &WaitAnswer, run: RunId, over: Option<Over>, heard: &Heard<'_>) -> bool {
    let stored = heard.after.runs.get(&run);
    match (answer, over) {
        (WaitAnswer::Ended(ended), Some(over)) => Over::Ended(ended.state) == over,
        // It had ended before.
        (WaitAnswer::Ended(ended), None) => {
            let is_it = stored.is_some_and(|stored| stored.state == ended.state);
            is_it && ended.state.is_final()
        }
        (WaitAnswer::Unknown, Some(over)) => over == Over::Removed,
        (WaitAnswer::Unknown, None) => {
            stored.is_none_or(|run| !run.state.is_final() && !run.keeps_result())
        }
        _ => over.is_none(),
    }
}
