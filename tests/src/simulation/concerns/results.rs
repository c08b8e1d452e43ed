//! Kept results: what a run asked to keep is there after its success.

use std::time::Duration;

use aqueduct::RunState;
use aqueduct::run::Settlement;

use super::{Concern, PLAIN};
use crate::simulation::event::Heard;
use crate::simulation::law::{Law, check};
use crate::simulation::ledger::ended_by;

pub(super) const RESULTS: Concern = Concern {
    dress: |task, dice| {
        if dice.u32(..6) == 0 {
            task.options_mut().keep_result = Some(Duration::from_secs(dice.u64(1..60)));
        }
    },
    laws: || vec![Box::new(Results)],
    ..PLAIN
};

struct Results;

impl Law for Results {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        for (_, item, answer) in heard.settlements() {
            let run = item.token.run;
            let (Some(state), Some(before)) = (ended_by(answer), heard.before.runs.get(&run))
            else {
                continue;
            };
            let is_success = matches!(item.settlement, Settlement::Succeed { .. });
            let is_kept = !is_success || before.keeps_result();
            let stored = heard.after.runs.get(&run);
            let is_right = match stored {
                Some(stored) => {
                    is_kept && stored.state == state && stored.ended_at() == Some(heard.now)
                }
                None => !is_kept && state == RunState::Succeeded,
            };
            check(is_right, || {
                format!("{run} is {state}, it is kept: {is_kept}, and stored is {stored:?}")
            })?;
        }
        Ok(())
    }
}
