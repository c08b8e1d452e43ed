//! What the steps of a plan ask for: tasks and settlements.

use std::time::Duration;

use aqueduct_broker_api::Settlement;
use aqueduct_core::key::Key;
use aqueduct_core::payload::Params;
use aqueduct_core::queue::Due;
use aqueduct_core::run::{
    Failure, FailureKind, Fair, Idempotency, Limit, OnConflict, Reason, Unique, UniqueScope,
};
use aqueduct_core::{Priority, QueuedTask};

use crate::fixture::{fail, failure, named, retry, succeed};
use crate::following::shaped;
use crate::plan::{Keyed, Step};

/// Which settlement holds back what shares the limits of its run.
pub(super) const HOLDS_BACK: usize = 9;

/// Returns the tasks of an enqueue; so many runs were queued before.
pub(super) fn tasks(step: Step, first: usize, has_workflows: bool) -> Vec<QueuedTask> {
    let Step::Enqueue {
        count,
        priority,
        delay,
        expires,
        key,
        limits,
        fair,
        repetition,
        shape,
    } = step
    else {
        return Vec::new();
    };
    let shape = shape.filter(|_| has_workflows);
    let task = |number| {
        let mut task = named("a");
        let params = Params::new().with("n", &(first + number));
        task.payload = params.into_payload().unwrap();
        task.priority = Priority::ALL[priority];
        task.due = delay.map_or(Due::Now, Due::After);
        task.expires_in = expires;
        if let Some(key) = key.filter(|_| shape.is_none()) {
            task.options_mut().unique = Some(unique(key));
        }
        if let Some(key) = repetition.filter(|_| shape.is_none()) {
            let key = Key::new(key.to_string()).unwrap();
            let idempotency = Idempotency::new(key).window(Duration::from_secs(5));
            task.options_mut().idempotency = Some(idempotency);
        }
        if let Some(pick) = fair {
            let weight = 1 + u16::from(pick / 4 % 3);
            let fair = Fair::key((pick % 4).to_string()).unwrap();
            task.options_mut().fair = Some(fair.weight(weight).unwrap());
        }
        for limit in limits.into_iter().flat_map(some_limits) {
            task.options_mut().limits.set(limit).unwrap();
        }
        task
    };
    let mut tasks: Vec<QueuedTask> = (0..count).map(task).collect();
    if let Some(shape) = shape {
        tasks = shaped(tasks, shape);
    }
    tasks
}

/// Returns one of a few sets of limits, with one of a few numbers.
fn some_limits(pick: u8) -> Vec<Limit> {
    let max = 1 + u32::from(pick / 64);
    let at_once = |key: &str| Limit::concurrency(key, max).unwrap();
    let per_second = |key: &str| Limit::rate(key, max, Duration::from_millis(700)).unwrap();
    match pick % 6 {
        0 | 1 => vec![at_once("a")],
        2 => vec![at_once("a"), at_once("b")],
        3 => vec![at_once("b"), per_second("c")],
        4 => vec![per_second("c")],
        _ => vec![per_second("a"), at_once("c"), at_once("a")],
    }
}

fn unique(keyed: Keyed) -> Unique {
    let scopes = [
        UniqueScope::Queued,
        UniqueScope::UntilFinished,
        UniqueScope::Window(keyed.window),
    ];
    let rules = [
        OnConflict::ReturnExisting,
        OnConflict::Replace,
        OnConflict::Refuse,
    ];
    let unique = Unique::key(keyed.key.to_string())
        .unwrap()
        .scope(scopes[keyed.scope])
        .on_conflict(rules[keyed.on_conflict]);
    match keyed.put_off {
        Some(longest) => unique.put_off_at_most(longest),
        None => unique,
    }
}

/// Returns how an attempt ends.
pub(super) fn settlement(how: usize, wait: Duration) -> Settlement {
    match how {
        0 => fail(),
        1 | HOLDS_BACK => retry(wait),
        2 => Settlement::Snooze { wait },
        3 => Settlement::Release,
        4 => Settlement::Park {
            wait,
            failure: failure(),
        },
        5 => Settlement::Cancel {
            reason: Reason::new("enough"),
        },
        6 => Settlement::Retry {
            wait,
            failure: Failure::new(FailureKind::Crash, "its worker was killed"),
        },
        _ => succeed(),
    }
}
