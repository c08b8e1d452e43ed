//! What is refused is not stored, and can be queued again.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, CancelAnswer, ClaimRequest, EnqueueRequest, Enqueued, Fire, Fired,
    LaneWant, QueueLimits, ScheduleDefinition, ScheduleStore, Sequence,
};
use aqueduct_broker_redis::{RedisBroker, RedisConfig};
use aqueduct_core::queue::Due;
use aqueduct_core::run::Limit;
use aqueduct_core::{
    ConsumerId, Lane, Payload, ProducerId, QueueName, QueuedTask, RunId, RunState, Schedule,
    TaskName, Timestamp,
};
use aqueduct_redis_server::RedisServer;

const ACCEPTED: Enqueued = Enqueued::Accepted(RunState::Queued);

fn full_at(limit: u64) -> Enqueued {
    Enqueued::QueueFull { limit: Some(limit) }
}

fn task() -> QueuedTask {
    let id = RunId::generate(Timestamp::MIN);
    QueuedTask::new(id, TaskName::from_static("a"), Payload::empty())
}

async fn queue(broker: &RedisBroker, tasks: Vec<QueuedTask>) -> Vec<Enqueued> {
    let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, tasks);
    broker.enqueue(&request).await.unwrap()
}

async fn claim(broker: &RedisBroker, max: usize) -> usize {
    let want = LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), max);
    let lease = Duration::from_secs(5);
    let request = ClaimRequest::new(ConsumerId::generate(), Sequence::FIRST, lease).want(want);
    broker.claim(&request).await.unwrap().leases.len()
}

async fn with_room_for(runs: u64, server: &RedisServer) -> RedisBroker {
    let limits = QueueLimits::none().with_default(runs);
    let config = RedisConfig::from_url(&server.url())
        .unwrap()
        .with_queue_limits(limits);
    RedisBroker::open(config).await.unwrap()
}

#[tokio::test]
async fn a_run_that_a_full_queue_refused_can_be_queued_later() {
    let server = RedisServer::start().unwrap();
    let broker = with_room_for(2, &server).await;
    let (first, second, third) = (task(), task(), task());
    let mut delayed = task();
    delayed.due = Due::After(Duration::from_hours(1));
    let answers = queue(&broker, vec![first, second, third.clone(), delayed.clone()]).await;
    assert_eq!(answers, [ACCEPTED, ACCEPTED, full_at(2), full_at(2)]);
    let purged = broker.purge(&QueueName::DEFAULT).await.unwrap();
    assert_eq!(purged, 2);
    let answers = queue(&broker, vec![third, delayed]).await;
    assert_eq!(answers, [ACCEPTED, Enqueued::Accepted(RunState::Scheduled)]);
    assert_eq!(claim(&broker, 9).await, 1);
}

#[tokio::test]
async fn what_belongs_together_needs_room_for_all_of_it() {
    let server = RedisServer::start().unwrap();
    let broker = with_room_for(3, &server).await;
    let together = || {
        let mut second = task();
        second.with_previous = true;
        vec![task(), second]
    };
    assert_eq!(queue(&broker, together()).await, [ACCEPTED; 2]);
    assert_eq!(queue(&broker, together()).await, [full_at(3); 2]);
    let lengths = broker.queue_lengths(&[QueueName::DEFAULT]).await.unwrap();
    assert_eq!(lengths[0].queued, 2, "there was room for one more");
}

/// A release that counts no lines writes a limit without their number.
#[tokio::test]
async fn a_limit_of_an_earlier_release_is_read() {
    let server = RedisServer::start().unwrap();
    let broker = with_room_for(9, &server).await;
    let limited = || {
        let mut task = task();
        let limit = Limit::concurrency("k", 1).unwrap();
        task.options_mut().limits.set(limit).unwrap();
        task
    };
    queue(&broker, vec![limited(), limited()]).await;
    assert_eq!(claim(&broker, 9).await, 1);
    let script = "local key = redis.call('KEYS', '{*}:limits')[1]
        return redis.call('HSET', key, 'ck', string.sub(redis.call('HGET', key, 'ck'), 1, 36))";
    server.command(&["EVAL", script, "0"]).unwrap();
    queue(&broker, vec![limited()]).await;
    assert_eq!(claim(&broker, 9).await, 0, "its place is taken");
}

#[tokio::test]
async fn a_tick_that_a_full_queue_refused_can_be_fired_later() {
    let server = RedisServer::start().unwrap();
    let broker = with_room_for(1, &server).await;
    queue(&broker, vec![task()]).await;
    let schedule = Schedule::every(Duration::from_millis(100)).unwrap();
    let definition =
        ScheduleDefinition::new("s".parse().unwrap(), schedule, TaskName::from_static("a"));
    broker
        .upsert(std::slice::from_ref(&definition))
        .await
        .unwrap();
    let now = ScheduleStore::list(&broker).await.unwrap().now;
    let fire = Fire::tick(&definition, definition.schedule.next_after(now).unwrap());
    assert_eq!(broker.fire(&fire).await.unwrap(), Fired::QueueFull);
    assert_eq!(claim(&broker, 1).await, 1);
    assert_eq!(
        broker.fire(&fire).await.unwrap(),
        Fired::QueueFull,
        "what is held counts"
    );
    let broker = with_room_for(2, &server).await;
    let id = fire.run.as_ref().map(|run| run.id);
    assert_eq!(broker.fire(&fire).await.unwrap(), Fired::Fired(id));
    assert_eq!(claim(&broker, 9).await, 1);
}

/// An id is known among the last that were queued, however many runs there were in between.
#[tokio::test]
async fn a_known_id_is_noticed_after_thousands_of_others() {
    let server = RedisServer::start().unwrap();
    let broker = RedisBroker::from_url(&server.url()).await.unwrap();
    let first = task();
    assert_eq!(queue(&broker, vec![first.clone()]).await, [ACCEPTED]);
    for _ in 0..8 {
        queue(&broker, (0..500).map(|_| task()).collect()).await;
    }
    assert_eq!(
        queue(&broker, vec![first.clone()]).await,
        [Enqueued::Duplicate(first.id)]
    );
}

/// Runs far back in a long queue are found, cancelled and listed.
#[tokio::test]
async fn a_run_in_a_long_queue_is_found_and_cancelled() {
    let server = RedisServer::start().unwrap();
    let broker = RedisBroker::from_url(&server.url()).await.unwrap();
    let mut ids = Vec::new();
    // No multiple of what is looked at in one step: the part at the head is a short one.
    for number in [137, 500, 500, 500, 500, 500] {
        let tasks: Vec<QueuedTask> = (0..number).map(|_| task()).collect();
        ids.extend(tasks.iter().map(|task| task.id));
        queue(&broker, tasks).await;
    }
    let some = [
        ids[0],
        ids[1500],
        ids[2636],
        RunId::generate(Timestamp::MIN),
    ];
    let found = broker.find(&some).await.unwrap();
    let found: Vec<Option<RunId>> = found
        .iter()
        .map(|run| run.as_ref().map(|run| run.id))
        .collect();
    assert_eq!(found, [Some(some[0]), Some(some[1]), Some(some[2]), None]);
    let reason = aqueduct_core::run::Reason::new("enough");
    let answers = broker.cancel(&some, reason).await.unwrap();
    assert_eq!(
        answers,
        [
            CancelAnswer::Cancelled,
            CancelAnswer::Cancelled,
            CancelAnswer::Cancelled,
            CancelAnswer::Unknown
        ]
    );
    assert_eq!(broker.requeue(&some[..1]).await.unwrap(), [true]);
    let mut claimed = 0;
    for _ in 0..6 {
        claimed += claim(&broker, 512).await;
    }
    assert_eq!(claimed, 2635);
    assert_eq!(broker.queue_lengths(&[]).await.unwrap()[0].queued, 0);
}

#[tokio::test]
async fn each_queue_has_its_own_limit() {
    let server = RedisServer::start().unwrap();
    let url = format!(
        "{}?max_queue_length=2&max_queue_length.mail=1",
        server.url()
    );
    let broker = RedisBroker::from_url(&url).await.unwrap();
    let mail = QueueName::from_static("mail");
    let for_mail = || {
        let mut task = task();
        task.queue = mail.clone();
        task
    };
    let tasks = vec![task(), for_mail(), for_mail(), task(), task()];
    assert_eq!(
        queue(&broker, tasks).await,
        [ACCEPTED, ACCEPTED, full_at(1), ACCEPTED, full_at(2)]
    );
    let lengths = broker
        .queue_lengths(&[mail, QueueName::DEFAULT])
        .await
        .unwrap();
    let shown: Vec<_> = lengths.iter().map(|it| (it.limit, it.is_full())).collect();
    assert_eq!(shown, [(Some(1), true), (Some(2), true)]);
    assert_eq!(claim(&broker, 9).await, 2);
}
