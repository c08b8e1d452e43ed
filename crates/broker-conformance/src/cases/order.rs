//! Who is served first.

use std::sync::Arc;

use aqueduct_broker_api::{LaneWant, Settlement};
use aqueduct_core::{Lane, Priority};

use crate::fixture::{Bench, named, names, queue_name};

/// Runs of one priority are served in the order of their acceptance.
pub async fn first_in_first_out(bench: Bench) {
    let expected: Vec<String> = (0..50).map(|number| format!("task{number}")).collect();
    for name in &expected {
        bench.queue_one(name).await;
    }
    let mut consumer = bench.consumer();
    let mut claimed = consumer.claim_names(20).await;
    claimed.extend(consumer.claim_names(99).await);
    assert_eq!(claimed, expected);
}

/// A run of a higher priority is served before those of a lower one.
pub async fn higher_priority_first(bench: Bench) {
    for priority in [Priority::Low, Priority::Medium, Priority::High] {
        let mut task = named(&priority.to_string());
        task.priority = priority;
        bench.queue([task]).await;
    }
    assert_eq!(
        bench.consumer().claim_names(9).await,
        ["high", "medium", "low"]
    );
}

/// Of any sixteen runs that are served, one is of the lowest priority that waits.
pub async fn the_lowest_does_not_starve(bench: Bench) {
    let mut low = named("low");
    low.priority = Priority::Low;
    bench.queue([low]).await;
    for _ in 0..40 {
        let mut high = named("high");
        high.priority = Priority::High;
        bench.queue([high]).await;
    }
    let served = bench.consumer().claim_names(16).await;
    assert!(served.contains(&"low".to_owned()), "starved: {served:?}");
    assert_eq!(served.iter().filter(|name| *name == "high").count(), 15);
}

/// Queues are looked at in the order of the claim.
pub async fn queues_in_the_order_asked(bench: Bench) {
    for name in ["b", "a"] {
        let mut task = named(name);
        task.queue = queue_name(name);
        bench.queue([task]).await;
    }
    let mut consumer = bench.consumer();
    let mut request = consumer.next_claim(9);
    request.wants = vec![LaneWant::new(
        Lane::Io,
        Arc::from(["a", "b"].map(queue_name)),
        9,
    )];
    assert_eq!(
        names(&consumer.send(&request).await.unwrap().leases),
        ["a", "b"]
    );
}

/// A claim for one lane never returns runs of another.
pub async fn lanes_are_apart(bench: Bench) {
    let mut cpu = named("cpu");
    cpu.lane = Lane::Cpu;
    bench.queue([cpu, named("io")]).await;
    let mut consumer = bench.consumer();
    assert_eq!(consumer.claim_names(9).await, ["io"]);
    let mut request = consumer.next_claim(9);
    request.wants = vec![LaneWant::new(
        Lane::Cpu,
        Arc::from([queue_name("default")]),
        9,
    )];
    assert_eq!(
        names(&consumer.send(&request).await.unwrap().leases),
        ["cpu"]
    );
}

/// A run that is given back is the next to be served.
pub async fn a_released_run_goes_to_the_head(bench: Bench) {
    bench.queue([named("a"), named("b")]).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, Settlement::Release).await;
    assert_eq!(consumer.claim_names(9).await, ["a", "b"]);
}
