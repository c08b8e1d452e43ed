//! Whom a new consumer wakes: what is parked still, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::Sequence;
use aqueduct_broker_api::{Broker, BrokerAdmin, Enqueued, ExtendRequest, Introduction, Settlement};
use aqueduct_broker_conformance::{START, named};
use aqueduct_core::queue::Due;
use aqueduct_core::run::{OnConflict, Unique};
use aqueduct_core::{ConsumerId, Lane, QueueName, QueuedTask, RunId, RunState, TaskName};

use super::world::{MILLI, SECOND, World, failure};

const PARKED_FOR: Duration = Duration::from_mins(5);

/// Queues a run, claims it and parks it.
async fn parked(world: &mut World, task: QueuedTask) -> RunId {
    world.queue([task]).await;
    let lease = world.claim_one().await;
    let id = lease.run().id;
    let (wait, failure) = (PARKED_FOR, failure());
    world
        .settle(lease, Settlement::Park { wait, failure })
        .await;
    id
}

/// Beats as a consumer that comes new and knows the task.
async fn newcomer(world: &World) {
    let introduction = Introduction::new("here", 1, START, "1").taking(
        [Lane::Io],
        [QueueName::DEFAULT],
        [TaskName::from_static("a")],
    );
    let request = ExtendRequest::new(ConsumerId::generate(), SECOND, Sequence::FIRST);
    let request = request.with_introduction(Arc::new(introduction));
    world.broker.extend(&request).await.unwrap();
}

#[tokio::test]
async fn a_parked_run_that_was_cancelled_is_not_woken() {
    let mut world = World::new();
    let id = parked(&mut world, named("a")).await;
    world.cancel(id).await;
    newcomer(&world).await;
    assert_eq!(world.find(id).await.state, RunState::Cancelled);
    assert!(world.claim(9).await.is_empty());
}

#[tokio::test]
async fn a_parked_run_that_a_later_call_put_off_waits_for_as_long_as_that_says() {
    let mut world = World::new();
    let call = |due| {
        let mut task = named("a");
        task.due = due;
        let unique = Unique::key("k").unwrap().on_conflict(OnConflict::Replace);
        task.options_mut().unique = Some(unique);
        task
    };
    let id = parked(&mut world, call(Due::Now)).await;
    let later = call(Due::After(PARKED_FOR * 2));
    assert_eq!(world.answer(later).await, Enqueued::Replaced(id));
    newcomer(&world).await;
    assert_eq!(world.find(id).await.state, RunState::Scheduled);
    world.clock.advance((PARKED_FOR * 2).saturating_sub(MILLI));
    assert!(world.claim(9).await.is_empty());
    world.clock.advance(MILLI);
    assert_eq!(world.claim(9).await.len(), 1);
}

/// Also not one that was parked before it was queued anew, and now waits until that very time.
#[tokio::test]
async fn a_snoozed_run_is_not_woken() {
    let mut world = World::new();
    let id = parked(&mut world, named("a")).await;
    world.cancel(id).await;
    assert_eq!(world.broker.requeue(&[id]).await.unwrap(), [true]);
    let lease = world.claim_one().await;
    let wait = PARKED_FOR;
    world.settle(lease, Settlement::Snooze { wait }).await;
    newcomer(&world).await;
    assert_eq!(world.find(id).await.state, RunState::Scheduled);
}

#[tokio::test]
async fn a_run_that_is_parked_after_others_came_due_is_woken() {
    let mut world = World::new();
    for _ in 0..3 {
        parked(&mut world, named("a")).await;
    }
    world.clock.advance(PARKED_FOR);
    let lease = world.claim_one().await;
    let (wait, failure) = (PARKED_FOR, failure());
    world
        .settle(lease, Settlement::Park { wait, failure })
        .await;
    assert_eq!(world.claim(9).await.len(), 2, "those that were due");
    newcomer(&world).await;
    assert_eq!(world.claim(9).await.len(), 1);
}
