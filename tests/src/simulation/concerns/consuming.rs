//! Consuming: attempts end once, budgets are counted once, and what is given may be begun.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aqueduct::broker_api::Settled;
use aqueduct::run::{Failure, FailureKind, Reason, Settlement};
use aqueduct::{Payload, RunId, RunState};
use aqueduct_core::run::Tally;
use fastrand::Rng;

use super::workflows::is_brought_back;
use super::{Act, Concern, PLAIN};
use crate::simulation::event::{Deed, Heard};
use crate::simulation::law::{Law, check};
use crate::simulation::ledger::ended_by;
use crate::simulation::network::Fate;
use crate::simulation::view::View;
use crate::simulation::world::World;

pub(super) const CONSUMING: Concern = Concern {
    acts: &[
        (26, |dice| {
            let (place, most) = (dice.usize(..8), dice.usize(..7));
            let fate = Fate::draw(dice);
            Arc::new(Exchange { place, most, fate })
        }),
        (24, |dice| {
            Arc::new(End {
                place: dice.usize(..8),
                pick: dice.usize(..100),
                how: How::draw(dice),
            })
        }),
        (8, |dice| {
            let place = dice.usize(..8);
            let fate = Fate::draw(dice);
            Arc::new(Beat { place, fate })
        }),
        (8, |dice| {
            let (place, budget) = (dice.usize(..8), 3);
            let fate = Fate::draw(dice);
            Arc::new(Reclaim {
                place,
                budget,
                fate,
            })
        }),
        (3, |dice| Arc::new(Watch(dice.usize(..8)))),
        (1, |dice| Arc::new(Crash(dice.usize(..8)))),
        (2, |dice| {
            let (place, steps) = (dice.usize(..8), dice.u64(5..80));
            Arc::new(Stall { place, steps })
        }),
    ],
    laws: || {
        vec![
            Box::<Ends>::default(),
            Box::<Budgets>::default(),
            Box::new(Startable),
        ]
    },
    ..PLAIN
};

/// A consumer settles what has ended and claims, or repeats the request that did.
#[derive(Debug)]
struct Exchange {
    place: usize,
    most: usize,
    fate: Fate,
}

/// An attempt ends.
#[derive(Debug)]
struct End {
    place: usize,
    pick: usize,
    how: How,
}

/// How an attempt ends.
#[derive(Clone, Copy, Debug)]
enum How {
    Succeed(u32),
    Fail,
    Cancel,
    Release,
    Retry(u64),
    Crash(u64),
    Snooze(u64),
    Park(u64),
}

/// A consumer renews its lease.
#[derive(Debug)]
struct Beat {
    place: usize,
    fate: Fate,
}

/// A consumer takes back what the dead hold.
#[derive(Debug)]
struct Reclaim {
    place: usize,
    budget: u32,
    fate: Fate,
}

/// A consumer looks whether its lease is to be trusted.
#[derive(Debug)]
struct Watch(usize);

/// A consumer dies, and another takes its place.
#[derive(Debug)]
struct Crash(usize);

/// A consumer stands still for so many steps.
#[derive(Debug)]
struct Stall {
    place: usize,
    steps: u64,
}

impl How {
    fn draw(dice: &mut Rng) -> Self {
        let wait = dice.u64(..3000);
        match dice.u32(..16) {
            0 => Self::Fail,
            1 => Self::Cancel,
            2 | 3 => Self::Release,
            4 | 5 => Self::Retry(wait),
            6 => Self::Crash(wait),
            7 => Self::Snooze(wait),
            8 => Self::Park(wait),
            _ => Self::Succeed(dice.u32(..100)),
        }
    }

    fn settlement(self) -> Settlement {
        let millis = Duration::from_millis;
        let failure = || Failure::new(FailureKind::Error, "it did not work");
        match self {
            Self::Succeed(value) => Settlement::Succeed {
                result: Payload::encode(&value).ok(),
            },
            Self::Fail => Settlement::Fail { failure: failure() },
            Self::Cancel => Settlement::Cancel {
                reason: Reason::new("enough"),
            },
            Self::Release => Settlement::Release,
            Self::Retry(wait) => Settlement::Retry {
                wait: millis(wait),
                failure: failure(),
            },
            Self::Crash(wait) => Settlement::Retry {
                wait: millis(wait),
                failure: Failure::new(FailureKind::Crash, "its worker was killed"),
            },
            Self::Snooze(wait) => Settlement::Snooze { wait: millis(wait) },
            Self::Park(wait) => Settlement::Park {
                wait: millis(wait),
                failure: failure(),
            },
        }
    }
}

impl Act for Exchange {
    fn take(&self, world: &mut World, _: &[Concern]) {
        world.exchange(self.place, self.most, self.fate);
    }
}

impl Act for End {
    fn take(&self, world: &mut World, _: &[Concern]) {
        world.end(self.place, self.pick, self.how.settlement());
    }
}

impl Act for Beat {
    fn take(&self, world: &mut World, _: &[Concern]) {
        world.beat(self.place, self.fate);
    }
}

impl Act for Reclaim {
    fn take(&self, world: &mut World, _: &[Concern]) {
        world.reclaim(self.place, self.budget, self.fate);
    }
}

impl Act for Watch {
    fn take(&self, world: &mut World, _: &[Concern]) {
        world.watch(self.0);
    }
}

impl Act for Crash {
    fn take(&self, world: &mut World, _: &[Concern]) {
        world.crash(self.0);
    }
}

impl Act for Stall {
    fn take(&self, world: &mut World, _: &[Concern]) {
        world.stall(self.place, self.steps);
    }
}

/// A run ends once, stays ended until it is requeued, and is counted once.
#[derive(Default)]
struct Ends {
    ended: BTreeMap<RunId, RunState>,
    succeeded: u64,
    failed: u64,
    retried: u64,
}

impl Law for Ends {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        if let Deed::Requeued { runs, answers } = heard.deed {
            for (run, _) in runs.iter().zip(answers).filter(|(_, is)| **is) {
                let ended = self.ended.remove(run);
                check(ended.is_some(), || {
                    format!("{run} is requeued, and had not ended")
                })?;
            }
        }
        self.ended.retain(|run, _| !is_brought_back(*run, heard));
        for (_, item, answer) in heard.settlements() {
            let run = item.token.run;
            let is_retry = matches!(item.settlement, Settlement::Retry { .. });
            // One that was asked to end is cancelled instead.
            let is_cancelled = answer == Settled::Applied(RunState::Cancelled);
            self.retried += u64::from(is_retry && answer != Settled::LeaseLost && !is_cancelled);
            if let Some(state) = ended_by(answer) {
                self.succeeded += u64::from(state == RunState::Succeeded);
                self.failed += u64::from(state == RunState::Failed);
                let before = self.ended.insert(run, state);
                check(before.is_none(), || {
                    format!("{run} is {state}, and was {before:?} already")
                })?;
            }
        }
        for run in heard.after.runs.values() {
            let ended = self.ended.get(&run.id).copied();
            if run.state.is_final() && ended.is_none() {
                self.failed += u64::from(run.state == RunState::Failed);
                self.ended.insert(run.id, run.state);
            }
            let is_same = ended.is_none_or(|ended| ended == run.state);
            check(is_same, || {
                format!("{} is {}, after {ended:?}", run.id, run.state)
            })?;
        }
        for (run, _) in heard.leases() {
            check(!self.ended.contains_key(&run.id), || {
                format!("{} is given out, and has ended", run.id)
            })?;
        }
        self.counts(heard.after)
    }
}

impl Ends {
    fn counts(&self, view: &View) -> Result<(), String> {
        let told = view.tasks.iter().fold((0, 0, 0), |sum, task| {
            let (succeeded, failed, retried) = sum;
            (
                succeeded + task.succeeded,
                failed + task.failed,
                retried + task.retried,
            )
        });
        let counted = (self.succeeded, self.failed, self.retried);
        check(told == counted, || {
            format!("told are {told:?} successes, failures, retries, and there were {counted:?}")
        })
    }
}

/// Each budget counts what it is for, once, and a budget that is used up gives no further attempt.
#[derive(Default)]
struct Budgets(BTreeMap<RunId, Tally>);

impl Law for Budgets {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        for (_, item, answer) in heard.settlements() {
            let is_cancelled = answer == Settled::Applied(RunState::Cancelled);
            if answer != Settled::LeaseLost {
                let tally = self.0.entry(item.token.run).or_default();
                count(tally, &item.settlement, is_cancelled);
            }
        }
        for (run, token) in heard.leases().filter(|_| heard.is_first) {
            self.0.entry(run.id).or_default().attempt = token.attempt;
        }
        for (run, _) in heard.taken {
            let tally = self.0.entry(*run).or_default();
            tally.crashes += 1;
            let Deed::Reclaimed { request, .. } = heard.deed else {
                continue;
            };
            let state = heard.after.runs.get(run).map(|run| run.state);
            let is_used_up = tally.crashes >= request.crash_budget;
            check(!is_used_up || state != Some(RunState::Queued), || {
                format!("{run} goes on after {} crashes", tally.crashes)
            })?;
        }
        if let Deed::Requeued { runs, answers } = heard.deed {
            for (run, _) in runs.iter().zip(answers).filter(|(_, is)| **is) {
                let tally = self.0.entry(*run).or_default();
                *tally = Tally {
                    attempt: tally.attempt,
                    ..Tally::default()
                };
            }
        }
        for run in heard.after.runs.values() {
            let counted = self.0.get(&run.id).copied().unwrap_or_default();
            check(run.tally == counted, || {
                format!("{} has {:?}, and there were {counted:?}", run.id, run.tally)
            })?;
        }
        Ok(())
    }
}

fn count(tally: &mut Tally, settlement: &Settlement, is_cancelled: bool) {
    match settlement {
        _ if is_cancelled => tally.parks = 0,
        Settlement::Release | Settlement::Snooze { .. } => {}
        Settlement::Park { .. } => tally.parks += 1,
        Settlement::Retry { failure, .. } | Settlement::Fail { failure } => {
            tally.parks = 0;
            match failure.kind() {
                FailureKind::Crash => tally.crashes += 1,
                _ => tally.failures += 1,
            }
        }
        _ => tally.parks = 0,
    }
}

/// What is given out is due, asked for, and not paused.
struct Startable;

impl Law for Startable {
    fn hear(&mut self, heard: &Heard<'_>) -> Result<(), String> {
        for (_, item, answer) in heard.settlements() {
            let (Settlement::Retry { wait, .. }
            | Settlement::Snooze { wait }
            | Settlement::Park { wait, .. }) = item.settlement
            else {
                continue;
            };
            let due_at = heard.now.saturating_add(wait);
            let stored = heard.after.runs.get(&item.token.run);
            let is_put_off = matches!(
                answer,
                Settled::Applied(RunState::Retrying | RunState::Scheduled)
            );
            let is_right = stored.is_some_and(|run| run.due_at == due_at);
            check(!is_put_off || is_right, || {
                format!(
                    "{:?} is due at {due_at}, and stored is {stored:?}",
                    item.token
                )
            })?;
        }
        let Deed::Claimed {
            request, leases, ..
        } = heard.deed
        else {
            return Ok(());
        };
        let most: usize = request.wants.iter().map(|want| want.max).sum();
        check(leases.len() <= most, || {
            format!("{} runs are given, and asked for were {most}", leases.len())
        })?;
        for run in leases.iter().filter(|_| heard.is_first) {
            let (id, due_at) = (run.id, run.due_at);
            check(due_at <= heard.latest, || {
                format!("{id} is given out before it is due, at {due_at}")
            })?;
            let is_wanted = request.wants.iter().any(|want| want.accepts(run));
            check(is_wanted, || format!("{id} was not asked for"))?;
            let is_paused = heard.before.is_paused(run);
            check(!is_paused, || format!("{id} is given out, and is paused"))?;
        }
        Ok(())
    }
}
