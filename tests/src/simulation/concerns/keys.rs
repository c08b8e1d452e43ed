//! Unique keys: at most one unfinished run has a key, and an end frees it.

use std::collections::BTreeMap;

use aqueduct::broker_api::Enqueued;
use aqueduct::run::UniqueKey;
use aqueduct::{RunId, TaskRun};

use super::{Concern, PLAIN};
use crate::simulation::event::{Deed, Heard};
use crate::simulation::law::{Law, check};

pub(super) const KEYS: Concern = Concern {
    dress: |task, dice| {
        if dice.u32(..5) == 0 {
            let key = dice.u32(..4).to_string();
            task.options_mut().unique = UniqueKey::new(key).ok();
        }
    },
    laws: || vec![Box::new(Keys)],
    ..PLAIN
};

struct Keys;

impl Law for Keys {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        let holders = holders(heard.after.runs.values())?;
        let Deed::Enqueued { request, answers } = heard.deed else {
            return Ok(());
        };
        for (task, answer) in request.tasks.iter().zip(answers) {
            let key = task.options.as_ref().and_then(|it| it.unique.as_ref());
            if let Enqueued::Duplicate(holder) = answer
                && heard.is_first
                && *holder != task.id
            {
                let holds = key.is_some_and(|key| holders.get(key) == Some(holder));
                check(holds, || format!("{holder} does not hold {key:?}"))?;
            }
        }
        Ok(())
    }
}

/// Returns the unfinished run of each key.
fn holders<'a>(
    runs: impl Iterator<Item = &'a TaskRun>,
) -> Result<BTreeMap<&'a UniqueKey, RunId>, String> {
    let mut holders = BTreeMap::new();
    for run in runs.filter(|run| !run.state.is_final()) {
        let key = run.options.as_ref().and_then(|it| it.unique.as_ref());
        if let Some(key) = key
            && let Some(other) = holders.insert(key, run.id)
        {
            return Err(format!("{other} and {} have the key {key}", run.id));
        }
    }
    Ok(holders)
}
