//! Runs of every kind: what a producer queues whose consumers meet every fault.

use std::time::Duration;

use aqueduct::run::{Fair, Limit};
use aqueduct::{Priority, TaskManager, chain, group};

use super::tasks::{add, fail_once, sum, take_time};

/// How far the numbers of what belongs together lie apart.
const APART: u64 = 300_000_000;

/// How long the runs take that say so, in milliseconds.
const MILLIS: u64 = 20;

/// Queues one thing: its number says of which kind. Returns the numbers of the runs that were accepted.
pub(super) async fn queue_some(manager: &TaskManager, number: u64) -> Vec<u64> {
    let (kind, turn) = (number % 10, number / 10);
    let run = take_time::with(number, number % 40);
    let run = match kind {
        0 => run.limit(Limit::concurrency("places", 3).expect("a limit")),
        1 => run.limit(Limit::rate("starts", 15, Duration::from_secs(1)).expect("a limit")),
        2 => run.unique(format!("key-{}", turn % 3)),
        3 => run.fair(Fair::key(format!("tenant-{}", turn % 5)).expect("a key")),
        4 => run.delay(Duration::from_millis(1500)),
        5 => run.priority([Priority::Low, Priority::High][usize::from(turn % 2 == 0)]),
        6 => return queue_chain(manager, number).await,
        7 => return queue_group(manager, number).await,
        8 => {
            let queued = fail_once::queue(manager, number).await;
            return accepted(queued.is_ok(), &[number]);
        }
        _ => run,
    };
    let queued = run.queue(manager).await;
    accepted(queued.is_ok_and(|run| run.is_new()), &[number])
}

async fn queue_chain(manager: &TaskManager, number: u64) -> Vec<u64> {
    let numbers = [number, number + APART];
    let [first, follows] = numbers.map(|number| take_time::with(number, MILLIS));
    let queued = chain(first).then(follows).queue(manager).await;
    accepted(queued.is_ok(), &numbers)
}

async fn queue_group(manager: &TaskManager, number: u64) -> Vec<u64> {
    let numbers = [number, number + APART, number + 2 * APART];
    let members = [numbers[0], numbers[1]].map(|number| add::with(0, number, MILLIS));
    let all = group(members).then(sum::after(numbers[2], MILLIS));
    accepted(all.queue(manager).await.is_ok(), &numbers)
}

fn accepted(is_accepted: bool, numbers: &[u64]) -> Vec<u64> {
    if is_accepted {
        numbers.to_vec()
    } else {
        Vec::new()
    }
}
