//! Runs that are due later.

use std::time::Duration;

use aqueduct_core::queue::Due;
use aqueduct_core::{QueuedTask, RunState, Timestamp};

use crate::fixture::{Bench, named, retry};

fn due(name: &str, due: Due) -> QueuedTask {
    let mut task = named(name);
    task.due = due;
    task
}

/// A delayed run cannot be claimed before it is due, and can from then on.
pub async fn is_invisible_before_and_visible_when_due(bench: Bench) {
    let wait = Duration::from_secs(10);
    let task = due("a", Due::After(wait));
    let id = task.id;
    bench.queue([task]).await;
    assert_eq!(bench.state(id).await, Some(RunState::Scheduled));
    assert!(bench.consumer().claim(9).await.is_empty());
    bench.advance(wait).await;
    assert_eq!(bench.consumer().claim_names(9).await, ["a"]);
}

/// Due times are exact to the millisecond, in both directions.
pub async fn is_exact_to_the_millisecond(bench: Bench) {
    let time = bench.now().saturating_add(Duration::from_millis(1001));
    bench
        .queue([
            due("a", Due::At(time)),
            due("b", Due::After(Duration::from_millis(1002))),
        ])
        .await;
    bench.advance(Duration::from_secs(1)).await;
    assert!(bench.consumer().claim(9).await.is_empty());
    bench.advance(Duration::from_millis(1)).await;
    assert_eq!(bench.consumer().claim_names(9).await, ["a"]);
    bench.advance(Duration::from_millis(1)).await;
    assert_eq!(bench.consumer().claim_names(9).await, ["b"]);
}

/// No delay, and times that have passed, mean now; the far future is kept.
pub async fn zero_and_the_past_are_now(bench: Bench) {
    let tasks = [
        due("zero", Due::After(Duration::ZERO)),
        due("past", Due::At(Timestamp::MIN)),
        due("future", Due::At(Timestamp::MAX)),
        due("never", Due::After(Duration::MAX)),
    ];
    bench.queue(tasks).await;
    assert_eq!(bench.consumer().claim_names(9).await, ["zero", "past"]);
    assert_eq!(bench.lengths().await.scheduled, 2);
}

/// Many runs due in the same millisecond all become ready, in order.
pub async fn many_due_at_once_all_come(bench: Bench) {
    let wait = Duration::from_secs(1);
    for _ in 0..4 {
        bench
            .queue((0..500).map(|_| due("a", Due::After(wait))))
            .await;
    }
    bench.advance(wait).await;
    let mut consumer = bench.consumer();
    let mut claimed = 0;
    for _ in 0..100 {
        claimed += consumer.claim(100).await.len();
    }
    assert_eq!(claimed, 2000);
}

/// A run that is to be retried comes back when it is due, with its failure on record.
pub async fn a_retry_comes_back_when_due(bench: Bench) {
    bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, retry(Duration::from_secs(2))).await;
    assert_eq!(bench.lengths().await.retrying, 1);
    bench.advance(Duration::from_millis(1999)).await;
    assert!(consumer.claim(1).await.is_empty());
    bench.advance(Duration::from_millis(1)).await;
    let run = consumer.claim_one().await.into_parts().0;
    assert_eq!(run.tally.failures, 1);
    assert!(run.record.is_some_and(|record| record.failure.is_some()));
}
