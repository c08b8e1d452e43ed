//! Limits: no more runs are held, and no more start in a time, than they say; what they let start is not left behind.

mod key;
mod law;

use std::sync::Arc;
use std::time::Duration;

use aqueduct::QueuedTask;
use aqueduct::run::{Failure, FailureKind, Limit, Settlement};
use fastrand::Rng;

use super::{Act, Concern, PLAIN};
use crate::simulation::world::World;
use law::Limited;

pub(super) const LIMITS: Concern = Concern {
    dress,
    acts: &[(2, |dice| {
        Arc::new(HoldBack {
            place: dice.usize(..8),
            pick: dice.usize(..100),
            millis: dice.u64(1..4000),
        })
    })],
    laws: || vec![Box::<Limited>::default()],
    ..PLAIN
};

/// An attempt fails, and lets nothing start for a time that shares its limits.
#[derive(Debug)]
struct HoldBack {
    place: usize,
    pick: usize,
    millis: u64,
}

impl Act for HoldBack {
    fn take(&self, world: &mut World, _: &[Concern]) {
        let millis = Duration::from_millis(self.millis);
        let failure = Failure::new(FailureKind::Error, "too many requests");
        let settlement = Settlement::Retry {
            wait: millis,
            failure,
        };
        world.end_holding_back(self.place, self.pick, settlement, millis);
    }
}

/// Adds one limit, or two: some of them with numbers in which runs differ.
fn dress(task: &mut QueuedTask, dice: &mut Rng) {
    if dice.u32(..4) > 0 {
        return;
    }
    let limits = &mut task.options_mut().limits;
    let concurrency = [("one", 1), ("two", 2), ("some", dice.u32(1..4))];
    let rates = [("slow", 1, 400), ("bursts", 3, 1500)];
    let kinds = dice.u32(1..4);
    if kinds & 1 > 0 {
        let (key, most) = concurrency[dice.usize(..3)];
        let limit = Limit::concurrency(key, most).expect("a limit");
        limits.set(limit).expect("there is room");
    }
    if kinds & 2 > 0 {
        let (key, most, millis) = rates[dice.usize(..2)];
        let limit = Limit::rate(key, most, Duration::from_millis(millis)).expect("a limit");
        limits.set(limit).expect("there is room");
    }
}
