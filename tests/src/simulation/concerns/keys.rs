//! Unique keys: at most one run holds a key, and an end, or the first attempt, frees it; who finds it held is
//! told who has it.

use std::collections::{BTreeMap, BTreeSet};

use aqueduct::broker_api::Enqueued;
use aqueduct::key::Key;
use aqueduct::run::{OnConflict, Unique, UniqueScope};
use aqueduct::{RunId, TaskRun};

use super::{Concern, PLAIN};
use crate::simulation::event::{Deed, Heard};
use crate::simulation::law::{Law, check};

pub(super) const KEYS: Concern = Concern {
    dress: |task, dice| {
        if dice.u32(..5) == 0 {
            let number = dice.u32(..4);
            let scopes = [UniqueScope::UntilFinished, UniqueScope::Queued];
            let scope = scopes[usize::from(number >= 2)];
            let rules = [
                OnConflict::ReturnExisting,
                OnConflict::Replace,
                OnConflict::Refuse,
            ];
            let unique = Unique::key(number.to_string()).ok();
            let unique =
                unique.map(|unique| unique.scope(scope).on_conflict(rules[dice.usize(..3)]));
            task.options_mut().unique = unique;
        }
    },
    laws: || vec![Box::<Keys>::default()],
    ..PLAIN
};

/// Which runs have begun since they were accepted, or queued anew.
#[derive(Default)]
struct Keys(BTreeSet<RunId>);

impl Law for Keys {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        if let Deed::Requeued { runs, answers } = heard.deed {
            let requeued = runs.iter().zip(answers).filter(|(_, is)| **is);
            let requeued: BTreeSet<_> = requeued.map(|(run, _)| *run).collect();
            self.0.retain(|run| !requeued.contains(run));
        }
        self.0.extend(heard.leases().map(|(run, _)| run.id));
        let holders = self.holders(heard.after.runs.values())?;
        let Deed::Enqueued { request, answers } = heard.deed else {
            return Ok(());
        };
        for (task, answer) in request.tasks.iter().zip(answers) {
            let unique = task.options.as_ref().and_then(|it| it.unique.as_ref());
            let (Enqueued::Duplicate(holder)
            | Enqueued::Replaced(holder)
            | Enqueued::KeyTaken(holder)) = answer
            else {
                continue;
            };
            if heard.is_first && *holder != task.id {
                let holds = unique.is_some_and(|it| holders.get(&it.key) == Some(holder));
                check(holds, || format!("{holder} does not hold {unique:?}"))?;
            }
        }
        Ok(())
    }
}

impl Keys {
    /// Returns the run that holds each key.
    fn holders<'a>(
        &self,
        runs: impl Iterator<Item = &'a TaskRun>,
    ) -> Result<BTreeMap<&'a Key, RunId>, String> {
        let mut holders = BTreeMap::new();
        for run in runs {
            if let Some(key) = self.held_by(run)
                && let Some(other) = holders.insert(key, run.id)
            {
                return Err(format!("{other} and {} have the key {key}", run.id));
            }
        }
        Ok(holders)
    }

    /// Returns the key that a run holds.
    fn held_by<'a>(&self, run: &'a TaskRun) -> Option<&'a Key> {
        let unique = run.options.as_ref()?.unique.as_ref()?;
        let holds = match unique.scope {
            UniqueScope::Queued => !self.0.contains(&run.id),
            _ => true,
        };
        (holds && !run.state.is_final()).then_some(&unique.key)
    }
}
