//! Rate limits: how many start in a time, and what a failure holds back.

use std::time::Duration;

use super::limits::{at_once, drain, limited, rate};
use crate::fixture::{Bench, names, retry, succeed};

const SECOND: Duration = Duration::from_secs(1);
/// So many start at once, and others when their time has come, to the millisecond.
pub async fn a_rate_lets_so_many_start(bench: Bench) {
    let tasks = ["a", "b", "c", "d"].map(|name| limited(name, [rate("k", 2, SECOND)]));
    bench.queue(tasks).await;
    let mut consumer = bench.consumer();
    let leases = consumer.claim(9).await;
    assert_eq!(names(&leases), ["a", "b"]);
    drain(&mut consumer, leases).await;
    bench.advance(Duration::from_millis(499)).await;
    assert!(
        consumer.claim(9).await.is_empty(),
        "an end gives no start back"
    );
    bench.advance(Duration::from_millis(1)).await;
    assert_eq!(consumer.claim_names(9).await, ["c"]);
    bench.advance(SECOND / 2).await;
    assert_eq!(consumer.claim_names(9).await, ["d"]);
}

/// What was not used comes back, up to all of it.
pub async fn a_rate_comes_back_bit_by_bit(bench: Bench) {
    let start = |count: usize| (0..count).map(|_| limited("a", [rate("k", 4, SECOND)]));
    bench.queue(start(4)).await;
    let mut consumer = bench.consumer();
    assert_eq!(consumer.claim(9).await.len(), 4);
    bench.advance_in_beats(SECOND / 2).await;
    bench.queue(start(9)).await;
    assert_eq!(consumer.claim(9).await.len(), 2);
    bench.advance(SECOND * 100).await;
    assert_eq!(consumer.claim(9).await.len(), 4, "no more than all of it");
}

/// A failure can hold back whatever shares the limits of its run.
pub async fn a_key_can_be_held_back(bench: Bench) {
    let both = |name, key: &str| limited(name, [at_once("all", 9), rate(key, 9, SECOND)]);
    bench
        .queue([both("a", "x"), both("b", "x"), both("c", "y")])
        .await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let item = lease.settle(retry(SECOND)).holding_back(SECOND * 10);
    consumer.settle_items(vec![item]).await;
    let mut leases = consumer.claim(9).await;
    assert_eq!(names(&leases), ["c"], "the rate limit of `x` is held back");
    consumer.settle(leases.remove(0), succeed()).await;
    bench.advance_in_beats(Duration::from_millis(9_999)).await;
    assert!(consumer.claim(9).await.is_empty());
    bench.advance(Duration::from_millis(1)).await;
    let mut started = consumer.claim_names(9).await;
    started.sort();
    assert_eq!(started, ["a", "b"]);
}
