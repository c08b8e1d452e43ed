//! Runs that a later call replaces while they wait: what they keep, and what becomes of whoever waits.

use std::time::Duration;

use aqueduct_broker_api::{Broker, Enqueued, WaitEndedRequest};
use aqueduct_broker_conformance::named;
use aqueduct_core::QueuedTask;
use aqueduct_core::queue::Due;
use aqueduct_core::run::{Fair, Limit, Lineage, OnConflict, Unique, WaitAnswer};

use super::world::{MILLI, SECOND, World, at_once, begin, limited, rate, succeed};

/// Returns a task that replaces what waits, with these limits.
fn call(limits: impl IntoIterator<Item = Limit>) -> QueuedTask {
    let mut task = limited("a", limits);
    let unique = Unique::key("u").unwrap().on_conflict(OnConflict::Replace);
    task.options_mut().unique = Some(unique);
    task
}

fn fair(mut task: QueuedTask, key: &str) -> QueuedTask {
    task.options_mut().fair = Some(Fair::key(key).unwrap());
    task
}

async fn replace(world: &World, task: QueuedTask) {
    let answer = world.answer(task).await;
    assert!(matches!(answer, Enqueued::Replaced(_)), "{answer:?}");
}

#[tokio::test]
async fn a_due_run_keeps_its_turn_whatever_its_new_limits() {
    let mut world = World::new();
    world.queue([named("before"), call([])]).await;
    replace(&world, call([at_once("k", 1)])).await;
    assert_eq!(world.claim_names().await, ["before", "a"]);
}

#[tokio::test]
async fn with_the_same_limits_and_other_numbers_it_keeps_its_place_in_line() {
    let mut world = World::new();
    let first = limited("first", [at_once("k", 1)]);
    world.queue([first, call([at_once("k", 1)])]).await;
    world.queue([limited("behind", [at_once("k", 1)])]).await;
    let lease = world.claim_one().await;
    assert!(world.claim(9).await.is_empty());
    replace(&world, call([at_once("k", 2)])).await;
    world.settle(lease, succeed()).await;
    assert_eq!(world.claim_one().await.run().task.as_str(), "a");
}

#[tokio::test]
async fn with_other_limits_it_is_not_counted_where_it_waited() {
    for others in [vec![at_once("o", 1)], vec![rate("k", 1, SECOND)]] {
        let mut world = World::new();
        let limits = ["first", "behind"].map(|name| limited(name, [at_once("k", 1)]));
        let [first, behind] = limits;
        world.queue([first, call([at_once("k", 1)]), behind]).await;
        let _held = world.claim_one().await;
        assert!(world.claim(9).await.is_empty());
        assert_eq!(world.limits().await[0].waiting, 2);
        replace(&world, call(others)).await;
        assert_eq!(world.limits().await[0].waiting, 1, "`behind`");
        assert_eq!(world.claim_names().await, ["a"]);
    }
}

#[tokio::test]
async fn with_another_fair_key_it_is_of_that() {
    let mut world = World::new();
    let tasks = ["b", "c"].map(|name| fair(named(name), "x"));
    let [before, behind] = tasks;
    world.queue([before, fair(call([]), "x"), behind]).await;
    world.queue([fair(named("d"), "y")]).await;
    replace(&world, fair(call([]), "y")).await;
    assert_eq!(world.claim_names().await, ["b", "d", "c", "a"]);
}

#[tokio::test]
async fn it_is_the_root_of_its_family_unless_a_run_has_queued_the_last_call() {
    let world = World::new();
    let (first, by_a_run) = (call([]), call([]).id);
    let id = first.id;
    world.queue([first]).await;
    replace(&world, call([])).await;
    assert_eq!(world.find(id).await.lineage, Lineage::root_of(id));
    let mut child = call([]);
    child.lineage = Lineage::child_of(by_a_run, by_a_run);
    let lineage = child.lineage;
    replace(&world, child).await;
    assert_eq!(world.find(id).await.lineage, lineage);
}

#[tokio::test]
async fn what_a_later_call_puts_off_is_counted_as_scheduled() {
    let mut world = World::new();
    let due_in = |wait| {
        let mut task = call([]);
        task.due = Due::After(wait);
        task
    };
    world.queue([due_in(SECOND * 5)]).await;
    for (wait, counts) in [(SECOND * 9, (1, 0)), (Duration::ZERO, (0, 1))] {
        replace(&world, due_in(wait)).await;
        let lengths = world.broker.queue_lengths(&[]).await.unwrap().remove(0);
        assert_eq!((lengths.scheduled, lengths.queued), counts);
    }
    world.clock.advance(MILLI);
    assert_eq!(world.claim_names().await, ["a"]);
}

#[tokio::test]
async fn whoever_waits_for_a_result_that_is_kept_no_more_is_told_so() {
    let mut world = World::new();
    let kept = || {
        let mut task = call([]);
        task.options_mut().keep_result = Some(Duration::from_hours(1));
        task
    };
    let first = kept();
    let request = WaitEndedRequest::new(first.id, Duration::from_mins(1));
    world.queue([first]).await;
    let broker = world.broker.clone();
    let mut wait = Box::pin(broker.wait_ended(&request));
    assert!(begin(wait.as_mut()).is_pending());
    replace(&world, kept()).await;
    assert!(begin(wait.as_mut()).is_pending(), "it is kept still");
    replace(&world, call([])).await;
    assert_eq!(wait.await.unwrap(), WaitAnswer::Unknown);
    assert_eq!(world.claim(9).await.len(), 1);
}
