//! The law of limits. What a run asked for is known from its enqueue, whatever the broker has stored of it.

use std::collections::BTreeMap;

use aqueduct::broker_api::{Enqueued, LaneWant, MAX_HELD_BY, Settled};
use aqueduct::run::Limit;
use aqueduct::{QueuedTask, RunId, RunState, TaskRun};

use super::key::{Key, Name, name};
use crate::simulation::event::{Deed, Heard};
use crate::simulation::law::{Law, check};
use crate::simulation::view::View;

/// No more are held, or start, than a limit says; nothing starts that is held back; no place leaks; and a claim leaves
/// nothing behind that may start.
#[derive(Default)]
pub(super) struct Limited {
    asked: BTreeMap<RunId, Vec<Limit>>,
    keys: BTreeMap<Name, Key>,
}

impl Law for Limited {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        self.note(heard);
        for key in self.keys.values_mut() {
            key.pass(heard.now, heard.passed);
        }
        self.hold_back(heard);
        self.starts(heard)?;
        let held = self.held(heard);
        for (name, runs) in &held {
            let most = self.keys.get(name).map_or(0, |key| key.most as usize);
            check(runs.len() <= most, || {
                format!("{most} may be held of {name:?}, and these are: {runs:?}")
            })?;
        }
        told(heard.after, &held)?;
        self.left_behind(heard, &held)
    }

    fn rest(&mut self, view: &View) -> Result<(), String> {
        let used = view.limits.iter().find(|it| it.running > 0);
        check(used.is_none(), || {
            format!("nothing runs, and {used:?} is in use")
        })
    }
}

impl Limited {
    /// Notes what was asked for.
    fn note(&mut self, heard: &Heard<'_>) {
        let Deed::Enqueued { request, answers } = heard.deed else {
            return;
        };
        for (task, answer) in request.tasks.iter().zip(answers) {
            let (Enqueued::Accepted(_) | Enqueued::Replaced(_)) = answer else {
                continue;
            };
            let run = match answer {
                Enqueued::Replaced(holder) => *holder,
                _ => task.id,
            };
            if heard.is_first {
                self.asked.insert(run, asked_by(task).to_vec());
                for limit in asked_by(task) {
                    let key = self.keys.entry(name(limit));
                    key.or_insert_with(|| Key::new(limit)).note(limit);
                }
            }
        }
    }

    fn limits_of(&self, run: RunId) -> &[Limit] {
        self.asked.get(&run).map_or(&[], |limits| limits)
    }

    /// Notes what failures hold back: the rate limits of a run, or all if it has none.
    fn hold_back(&mut self, heard: &Heard<'_>) {
        for (_, item, answer) in heard.settlements() {
            if answer == Settled::LeaseLost || item.hold_back.is_zero() {
                continue;
            }
            let limits = self.limits_of(item.token.run);
            let has_rate = limits.iter().any(|limit| limit.per().is_some());
            let names = limits.iter().map(name);
            let names: Vec<Name> = names.filter(|it| it.1 == has_rate).collect();
            for name in names {
                if let Some(key) = self.keys.get_mut(&name) {
                    key.hold_back(heard.now.saturating_add(item.hold_back));
                }
            }
        }
    }

    fn starts(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        for (run, _) in heard.leases().filter(|_| heard.is_first) {
            let names: Vec<Name> = self.limits_of(run.id).iter().map(name).collect();
            for name in names {
                let Some(key) = self.keys.get_mut(&name) else {
                    continue;
                };
                check(key.start(heard.now), || {
                    format!("{} starts, and the rate {name:?} is used up", run.id)
                })?;
                // A clock that was set back may have forgotten what is over.
                check(!key.is_held_back(heard.latest), || {
                    format!("{} starts, and {name:?} is held back", run.id)
                })?;
            }
        }
        Ok(())
    }

    /// Returns which runs are held of each concurrency limit.
    fn held(&self, heard: &Heard<'_>) -> BTreeMap<Name, Vec<RunId>> {
        let mut held: BTreeMap<Name, Vec<RunId>> = BTreeMap::new();
        for (run, _) in heard.ledger.holds() {
            let limits = self.limits_of(run).iter();
            for limit in limits.filter(|limit| limit.per().is_none()) {
                held.entry(name(limit)).or_default().push(run);
            }
        }
        held
    }

    /// Checks that a claim that was not filled has left nothing that may start.
    fn left_behind(
        &self,
        heard: &Heard<'_>,
        held: &BTreeMap<Name, Vec<RunId>>,
    ) -> Result<(), String> {
        let Deed::Claimed {
            request, leases, ..
        } = heard.deed
        else {
            return Ok(());
        };
        let is_unfilled = |want: &&LaneWant| {
            let given = leases.iter().filter(|run| want.accepts(run));
            given.count() < want.max
        };
        let unfilled: Vec<&LaneWant> = request.wants.iter().filter(is_unfilled).collect();
        if !heard.is_first {
            return Ok(());
        }
        let may_start = |run: &&TaskRun| {
            let is_wanted = unfilled.iter().any(|want| want.accepts(run));
            // What the claim itself has released may be in a queue that it had left.
            let before = heard.before.runs.get(&run.id);
            let is_released = before.is_some_and(|before| before.waits_for().is_some());
            let is_ready = run.state == RunState::Queued && !heard.before.is_paused(run);
            let mut limits = self.limits_of(run.id).iter().map(name);
            is_wanted
                && is_ready
                && !is_released
                && limits.all(|name| {
                    let held = held.get(&name).map_or(0, Vec::len);
                    let held = u32::try_from(held).unwrap_or(u32::MAX);
                    let key = self.keys.get(&name);
                    key.is_none_or(|key| key.must_be_open(held, heard.now))
                })
        };
        let left = heard.after.runs.values().find(may_start);
        check(left.is_none(), || {
            format!("{unfilled:?} is asked for and not given, and left is {left:?}")
        })
    }
}

/// Checks what is told of limits: who holds their places.
fn told(view: &View, held: &BTreeMap<Name, Vec<RunId>>) -> Result<(), String> {
    let infos = view.limits.iter().filter(|it| it.limit.per().is_none());
    let infos: BTreeMap<Name, _> = infos.map(|info| (name(&info.limit), info)).collect();
    for (name, info) in &infos {
        let runs = held.get(name).map_or(&[][..], |runs| runs);
        let shown = &runs[..runs.len().min(MAX_HELD_BY)];
        let is_right = info.running == runs.len() as u64 && info.held_by == shown;
        check(is_right, || format!("{info:?}, and held are {runs:?}"))?;
    }
    let untold = held.keys().find(|name| !infos.contains_key(*name));
    check(untold.is_none(), || format!("{untold:?} is not told of"))
}

fn asked_by(task: &QueuedTask) -> &[Limit] {
    let options = task.options.as_ref();
    options.map_or(&[], |options| options.limits())
}
