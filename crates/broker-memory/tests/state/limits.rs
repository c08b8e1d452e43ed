//! Limits: which numbers count, when a rate opens, when a limit is forgotten.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, ClaimRequest, EnqueueRequest, LaneWant, Sequence, Settlement, WaitRequest,
};
use aqueduct_broker_conformance::START;
use aqueduct_core::queue::Due;
use aqueduct_core::run::Limit;
use aqueduct_core::{ConsumerId, Lane, ProducerId, QueueName};

use super::paused_time::on_paused_time;
use super::world::{MILLI, SECOND, World, at_once, failure, limited, rate, succeed};

/// Returns the limits that are in use.
async fn in_use(world: &World) -> Vec<Limit> {
    let infos = world.limits().await;
    infos.into_iter().map(|info| info.limit).collect()
}

fn retry_in(wait: Duration) -> Settlement {
    let failure = failure();
    Settlement::Retry { wait, failure }
}

#[tokio::test]
async fn a_rate_that_divides_no_time_opens_at_the_next_millisecond() {
    let mut world = World::new();
    let tasks = (0..6).map(|_| limited("a", [rate("k", 3, SECOND)]));
    world.queue(tasks).await;
    assert_eq!(world.claim(9).await.len(), 3);
    for (wait, total) in [(334, 334), (333, 667), (334, 1001)] {
        world.clock.advance(MILLI * (wait - 1));
        assert!(world.claim(9).await.is_empty(), "before {total} ms");
        world.clock.advance(MILLI);
        assert_eq!(world.claim(9).await.len(), 1, "after {total} ms");
    }
}

#[tokio::test]
async fn a_limit_of_places_is_forgotten_once_nobody_uses_it() {
    let mut world = World::new();
    let tasks = ["a", "b", "c"].map(|name| limited(name, [at_once("k", 2)]));
    world.queue(tasks).await;
    assert_eq!(in_use(&world).await, [], "nothing has started");
    let mut leases = world.claim(9).await;
    assert_eq!(leases.len(), 2);
    leases.extend(world.claim(9).await);
    while let Some(lease) = leases.pop() {
        assert_eq!(in_use(&world).await, [at_once("k", 2)]);
        world.settle(lease, succeed()).await;
        leases.extend(world.claim(9).await);
    }
    assert_eq!(in_use(&world).await, []);
}

#[tokio::test]
async fn a_rate_limit_is_forgotten_once_all_of_it_has_come_back() {
    let mut world = World::new();
    let limit = rate("k", 2, SECOND * 2);
    let tasks = ["a", "b", "c"].map(|name| limited(name, [limit.clone()]));
    world.queue(tasks).await;
    assert_eq!(world.claim_names().await, ["a", "b"]);
    world.clock.advance(SECOND);
    assert_eq!(world.claim_names().await, ["c"], "two seconds from here");
    world.clock.advance((SECOND * 2).saturating_sub(MILLI));
    world.beat().await;
    assert_eq!(in_use(&world).await, [limit]);
    world.clock.advance(MILLI);
    world.beat().await;
    assert_eq!(in_use(&world).await, []);
}

#[tokio::test]
async fn a_limit_that_is_held_back_is_forgotten_after_that() {
    let mut world = World::new();
    world.queue([limited("a", [at_once("k", 2)])]).await;
    let lease = world.claim_one().await;
    let item = lease.settle(succeed()).holding_back(SECOND * 9);
    world.settle_item(item).await;
    let infos = world.limits().await;
    let until = START.saturating_add(SECOND * 9);
    assert_eq!((infos[0].running, infos[0].opens_at), (0, Some(until)));
    world.clock.advance((SECOND * 9).saturating_sub(MILLI));
    world.beat().await;
    assert_eq!(in_use(&world).await, [at_once("k", 2)]);
    world.clock.advance(MILLI);
    world.beat().await;
    assert_eq!(in_use(&world).await, []);
}

#[tokio::test]
async fn a_beat_forgets_no_more_limits_than_it_may() {
    let mut world = World::new();
    let tasks = ["x", "y", "z"].map(|key| limited("a", [rate(key, 1, SECOND)]));
    world.queue(tasks).await;
    assert_eq!(world.claim(9).await.len(), 3);
    world.clock.advance(SECOND);
    let mut left = Vec::new();
    for _ in 0..2 {
        world.beat_with_limit(2).await;
        left.push(in_use(&world).await.len());
    }
    assert_eq!(left, [1, 0]);
}

#[tokio::test]
async fn of_numbers_of_one_moment_the_last_that_come_up_count() {
    let mut world = World::new();
    let with = |name, max| limited(name, [at_once("k", max)]);
    world
        .queue([with("a", 9), with("b", 2), with("c", 3)])
        .await;
    assert_eq!(world.claim_names().await, ["a", "b", "c"]);
    assert_eq!(in_use(&world).await, [at_once("k", 3)]);
}

#[tokio::test]
async fn older_numbers_count_once_nobody_uses_the_limit() {
    let mut world = World::new();
    let mut older = limited("older", [rate("k", 1, SECOND)]);
    older.due = Due::After(SECOND);
    let mut oldest = limited("oldest", [rate("k", 1, SECOND)]);
    oldest.due = Due::After(SECOND * 2);
    world.queue([older, oldest]).await;
    world.clock.advance(MILLI);
    let newer = (0..2).map(|_| limited("newer", [rate("k", 2, SECOND * 2)]));
    world.queue(newer).await;
    assert_eq!(world.claim_names().await, ["newer"; 2]);
    world.clock.advance(SECOND);
    assert_eq!(world.claim_names().await, ["older"]);
    assert_eq!(in_use(&world).await, [rate("k", 2, SECOND * 2)]);
    world.clock.advance(SECOND * 9);
    assert_eq!(world.claim_names().await, ["oldest"]);
    assert_eq!(in_use(&world).await, [rate("k", 1, SECOND)]);
}

#[tokio::test]
async fn a_longer_hold_is_not_cut_by_a_shorter_one() {
    let mut world = World::new();
    world
        .queue([1, 2].map(|_| limited("a", [at_once("k", 9)])))
        .await;
    for (lease, hold) in world.claim(9).await.into_iter().zip([9, 2]) {
        let item = lease.settle(retry_in(SECOND)).holding_back(SECOND * hold);
        world.settle_item(item).await;
    }
    world.clock.advance((SECOND * 9).saturating_sub(MILLI));
    assert!(world.claim(9).await.is_empty());
    world.clock.advance(MILLI);
    assert_eq!(world.claim(9).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_a_rate_opens_without_looking_again_and_again() {
    let (broker, time) = on_paused_time();
    let tasks = (0..2).map(|_| limited("a", [rate("k", 1, SECOND * 3600)]));
    let tasks = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, tasks.collect());
    broker.enqueue(&tasks).await.unwrap();
    let queues = Arc::from([QueueName::DEFAULT]);
    let want = LaneWant::new(Lane::Io, Arc::clone(&queues), 9);
    let claim = ClaimRequest::new(ConsumerId::generate(), Sequence::FIRST, SECOND).want(want);
    assert_eq!(broker.claim(&claim).await.unwrap().leases.len(), 1);
    let wait = WaitRequest::new(vec![Lane::Io], queues, SECOND * 100_000);
    broker.wait_ready(&wait).await.unwrap();
    assert_eq!(time.elapsed().as_secs(), 3600);
    assert!(time.looks() < 50, "{} looks", time.looks());
}
