//! Deadlines: a run that has not started by then never does.

use std::time::Duration;

use aqueduct::RunState;

use super::{Concern, PLAIN};
use crate::simulation::event::{Deed, Heard};
use crate::simulation::law::{Law, check};

pub(super) const DEADLINES: Concern = Concern {
    dress: |task, dice| {
        if dice.u32(..6) == 0 {
            task.expires_in = Some(Duration::from_millis(dice.u64(1..4000)));
        }
    },
    laws: || vec![Box::new(Deadlines)],
    ..PLAIN
};

struct Deadlines;

impl Law for Deadlines {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        for (run, _) in heard.leases().filter(|_| heard.is_first) {
            let deadline = run.options.as_ref().and_then(|options| options.deadline);
            let is_unstarted = run.tally.failures + run.tally.crashes == 0;
            let is_past = deadline.is_some_and(|deadline| deadline <= heard.now);
            check(!(is_unstarted && is_past), || {
                format!("{} is given out after its deadline, {deadline:?}", run.id)
            })?;
        }
        let mut expired = 0;
        for run in heard.after.runs.values() {
            let before = heard.before.runs.get(&run.id).map(|run| run.state);
            if run.state != RunState::Expired || before == Some(RunState::Expired) {
                continue;
            }
            expired += 1;
            let deadline = run.options.as_ref().and_then(|options| options.deadline);
            let is_past = deadline.is_some_and(|deadline| deadline <= heard.now);
            check(is_past, || {
                format!("{} expires before {deadline:?}", run.id)
            })?;
            let by_whom = matches!(heard.deed, Deed::Claimed { .. } | Deed::Reclaimed { .. });
            check(by_whom, || format!("{} expires for no reason", run.id))?;
        }
        if let Deed::Reclaimed { done, .. } = heard.deed {
            let told = done.expired;
            check(told == expired, || format!("{told} expire, not {expired}"))?;
        }
        Ok(())
    }
}
