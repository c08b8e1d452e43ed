//! What the broker keeps is bounded: a full one refuses new work, and can be drained.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, ClaimRequest, EnqueueRequest, Enqueued, Fire, Fired, LaneWant,
    QueueLimits, RunFilter, ScheduleDefinition, ScheduleStore, Sequence, Settlement,
};
use aqueduct_broker_conformance::{START, named};
use aqueduct_broker_memory::{MemoryBroker, MemoryConfig};
use aqueduct_core::clock::ManualClock;
use aqueduct_core::{ConsumerId, Lane, ProducerId, QueueName, RunState, Schedule};

const MOST: usize = 3;

fn full_at_three() -> (MemoryBroker, ManualClock) {
    let clock = ManualClock::new(START);
    let mut config = MemoryConfig::default();
    config.queue_limits = QueueLimits::none().with_default(MOST as u64);
    config.max_kept = MOST;
    (MemoryBroker::with_config(config, clock.clock()), clock)
}

async fn enqueue(broker: &MemoryBroker, count: usize) -> Vec<Enqueued> {
    let tasks = (0..count).map(|_| named("a")).collect();
    let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, tasks);
    broker.enqueue(&request).await.unwrap()
}

/// Claims everything and fails it.
async fn fail_all(broker: &MemoryBroker) {
    let consumer = ConsumerId::generate();
    let want = LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), 9);
    let lease = Duration::from_secs(5);
    let claim = ClaimRequest::new(consumer, Sequence::FIRST, lease).want(want);
    let leases = broker.claim(&claim).await.unwrap().leases;
    let failure = aqueduct_core::run::Failure::new(aqueduct_core::run::FailureKind::Error, "no");
    let fail = Settlement::Fail { failure };
    let settle = leases.into_iter().map(|lease| lease.settle(fail.clone()));
    let settle =
        ClaimRequest::new(consumer, Sequence::from_number(2), lease).settling(settle.collect());
    broker.claim(&settle).await.unwrap();
}

#[tokio::test]
async fn a_full_queue_refuses_more_until_it_is_drained() {
    let (broker, _) = full_at_three();
    let accepted = Enqueued::Accepted(RunState::Queued);
    let answers = enqueue(&broker, MOST + 2).await;
    assert_eq!(answers[..MOST], [accepted; MOST]);
    assert_eq!(
        answers[MOST..],
        [Enqueued::QueueFull {
            limit: Some(MOST as u64)
        }; 2]
    );
    fail_all(&broker).await;
    assert_eq!(enqueue(&broker, MOST).await, [accepted; MOST]);
}

#[tokio::test]
async fn what_belongs_together_needs_room_for_all_of_it() {
    let (broker, _) = full_at_three();
    let together = async || {
        let mut tasks = [named("a"), named("b")];
        tasks[1].with_previous = true;
        let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, tasks.into());
        broker.enqueue(&request).await.unwrap()
    };
    let accepted = Enqueued::Accepted(RunState::Queued);
    assert_eq!(together().await, [accepted; 2]);
    let limit = Some(MOST as u64);
    assert_eq!(together().await, [Enqueued::QueueFull { limit }; 2]);
    let lengths = broker.queue_lengths(&[QueueName::DEFAULT]).await.unwrap();
    assert_eq!(lengths[0].queued, 2, "there was room for one more");
}

#[tokio::test]
async fn a_tick_for_a_full_queue_is_not_done_and_fires_later() {
    let (broker, clock) = full_at_three();
    let schedule = Schedule::every(Duration::from_secs(1)).unwrap();
    let task = "a".parse().unwrap();
    let definition = ScheduleDefinition::new("s".parse().unwrap(), schedule, task);
    broker
        .upsert(std::slice::from_ref(&definition))
        .await
        .unwrap();
    enqueue(&broker, MOST).await;
    clock.advance(Duration::from_secs(1));
    let tick = START.saturating_add(Duration::from_secs(1));
    let fire = Fire::tick(&definition, tick);
    assert_eq!(broker.fire(&fire).await.unwrap(), Fired::QueueFull);
    fail_all(&broker).await;
    assert!(matches!(
        broker.fire(&fire).await.unwrap(),
        Fired::Fired(Some(_))
    ));
}

#[tokio::test]
async fn ended_runs_are_kept_up_to_their_number() {
    let (broker, _) = full_at_three();
    for _ in 0..4 {
        enqueue(&broker, MOST).await;
        fail_all(&broker).await;
    }
    let kept = BrokerAdmin::list(&broker, &RunFilter::default())
        .await
        .unwrap();
    assert_eq!(kept.runs.len(), MOST);
    assert!(kept.runs.iter().all(|run| run.state == RunState::Failed));
}

#[tokio::test]
async fn each_queue_has_its_own_limit() {
    let mail = QueueName::from_static("mail");
    let mut config = MemoryConfig::default();
    config.queue_limits = QueueLimits::none().with_queue(mail.clone(), 1);
    let broker = MemoryBroker::with_config(config, ManualClock::new(START).clock());
    let for_mail = || {
        let mut task = named("a");
        task.queue = mail.clone();
        task
    };
    let tasks = vec![named("a"), for_mail(), for_mail(), named("a")];
    let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, tasks);
    let accepted = Enqueued::Accepted(RunState::Queued);
    let answers = broker.enqueue(&request).await.unwrap();
    let full = Enqueued::QueueFull { limit: Some(1) };
    assert_eq!(answers, [accepted, accepted, full, accepted]);
    let lengths = broker
        .queue_lengths(&[mail, QueueName::DEFAULT])
        .await
        .unwrap();
    let shown: Vec<_> = lengths.iter().map(|it| (it.limit, it.is_full())).collect();
    assert_eq!(shown, [(Some(1), true), (None, false)]);
}
