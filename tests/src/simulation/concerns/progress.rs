//! Progress: a report is shown if whoever runs the attempt sent it, and as long as that attempt lasts.

use std::sync::Arc;

use aqueduct::broker_api::Report;
use aqueduct::run::RunProgress;
use aqueduct::{RunId, RunState};

use super::{Act, Concern, PLAIN};
use crate::simulation::event::{Deed, Heard};
use crate::simulation::law::{Law, check};
use crate::simulation::network::Fate;
use crate::simulation::world::World;

pub(super) const PROGRESS: Concern = Concern {
    acts: &[(4, |dice| {
        Arc::new(Tell {
            place: dice.usize(..8),
            pick: dice.usize(..100),
            done: dice.u64(1..100),
            is_late: dice.u32(..4) == 0,
            fate: Fate::draw(dice),
        })
    })],
    laws: || vec![Box::new(Shown)],
    ..PLAIN
};

/// An attempt reports with a heartbeat, or one before it did, whose report is late.
#[derive(Debug)]
struct Tell {
    place: usize,
    pick: usize,
    done: u64,
    is_late: bool,
    fate: Fate,
}

impl Act for Tell {
    fn take(&self, world: &mut World, _: &[Concern]) {
        if let Some(mut token) = world.token(self.place, self.pick) {
            token.attempt -= u32::from(self.is_late);
            world.report(self.place, token, self.done, self.fate);
        }
    }
}

struct Shown;

impl Law for Shown {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        for run in heard.after.runs.values() {
            let progress = run.progress.as_deref();
            let before = heard.before.runs.get(&run.id);
            let same_attempt = before.filter(|before| {
                let runs = before.state == RunState::Running && run.state == RunState::Running;
                runs && before.tally.attempt == run.tally.attempt
            });
            let kept = same_attempt.and_then(|before| before.progress.as_deref());
            let is_right = match reported(heard, run.id) {
                Some(report) => progress.is_some_and(|it| is_it(it, report, heard)),
                None => progress == kept,
            };
            check(is_right, || {
                format!("{} shows {progress:?}, and {kept:?} before", run.id)
            })?;
        }
        Ok(())
    }
}

/// Returns the last report of a step by whoever holds a run, in that attempt.
fn reported<'a>(heard: &'a Heard<'_>, run: RunId) -> Option<&'a Report> {
    let Deed::Extended { request, .. } = heard.deed else {
        return None;
    };
    let held = heard.ledger.holder(run)?;
    let is_holder = |it: &&Report| {
        let is_it = it.token.run == run && it.token.attempt == held.attempt;
        is_it && it.token.consumer == held.consumer && request.consumer == held.consumer
    };
    request.progress.iter().rfind(is_holder)
}

fn is_it(shown: &RunProgress, report: &Report, heard: &Heard<'_>) -> bool {
    shown.done == report.progress.done && shown.at == heard.now
}
