//! Users with no more rights than they need: scenario G1.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct::broker_api::{
    BrokerAdmin, BrokerErrorKind, BrokerHandle, PauseScope, RunFilter, ScheduleStore,
};
use aqueduct::manager::QueueErrorKind;
use aqueduct::redis::RedisBroker;
use aqueduct::run::{Fair, Reason, Unique};
use aqueduct::{Admin, App, Broker, QueueName, RunState, RunningApp, Schedule, tasks};
use aqueduct_redis_server::RedisServer;
use integration::figure::figure;
use integration::redis::{Ledger, app, broker, note, note_and_fail, producer, queue_notes, server};

const USERS: [&str; 5] = [
    include_str!("../../crates/broker-redis/acl/producer.acl"),
    include_str!("../../crates/broker-redis/acl/consumer.acl"),
    include_str!("../../crates/broker-redis/acl/scheduler.acl"),
    include_str!("../../crates/broker-redis/acl/operator.acl"),
    include_str!("../../crates/broker-redis/acl/reader.acl"),
];

/// Starts a server with the users of the files, and the namespace in use.
async fn guarded() -> RedisServer {
    let server = server(&[]);
    for user in USERS {
        let words: Vec<&str> = user.split_whitespace().skip(1).collect();
        server
            .command(&[&["ACL", "SETUSER"], &words[..]].concat())
            .unwrap();
    }
    drop(broker(&server.url()).await);
    server
}

async fn open(server: &RedisServer, user: &str) -> RedisBroker {
    broker(&format!(
        "redis://{user}:change-me@127.0.0.1:{}",
        server.port()
    ))
    .await
}

async fn scheduler(broker: RedisBroker) -> RunningApp {
    let (_, writer) = Ledger::new();
    let app = App::new(Broker::from(BrokerHandle::new(broker)))
        .tasks(tasks![note])
        .state(writer);
    let definition = |name: &str| {
        let schedule = Schedule::every(Duration::from_secs(1)).unwrap();
        let task = "note".parse().unwrap();
        aqueduct::broker_api::ScheduleDefinition::new(name.parse().unwrap(), schedule, task)
            .with_payload(aqueduct::params! { number: 7_u64 }.into_payload().unwrap())
    };
    let app = app
        .without_consumer()
        .scheduler(move |it| it.schedule(definition("seven")));
    app.start().await.unwrap()
}

#[tokio::test]
async fn g1_each_part_works_with_the_rights_of_its_file() {
    let server = guarded().await;
    let (mut ledger, writer) = Ledger::new();
    let consumer = app(open(&server, "consumer").await, writer).await;
    let queueing = producer(open(&server, "producer").await).await;
    let scheduler = scheduler(open(&server, "scheduler").await).await;
    queue_notes(&queueing, 0..5).await;
    let manager = queueing.task_manager();
    note_and_fail::queue(manager, 5).await.unwrap();
    note::queue(manager, 6)
        .delay(Duration::from_millis(5))
        .await
        .unwrap();
    let key = Unique::key("k").unwrap();
    let run = note::queue(manager, 8)
        .unique(key)
        .keep_result(Duration::from_secs(9))
        .await
        .unwrap();
    let here = note::handle(consumer.task_manager(), run.id());
    let (there, here, ()) = tokio::join!(run.wait(), here.wait(), ledger.all_of(0..9));
    there.unwrap();
    here.unwrap();
    for app in [consumer, queueing, scheduler] {
        app.stop().await.unwrap();
    }
    let reader = open(&server, "reader").await;
    BrokerAdmin::list(&reader, &RunFilter::default())
        .await
        .unwrap();
    BrokerAdmin::consumers(&reader).await.unwrap();
    reader.tasks().await.unwrap();
    reader.paused().await.unwrap();
    ScheduleStore::list(&reader).await.unwrap();
    reader.unreadable().await.unwrap();
    let queueing = producer(open(&server, "producer").await).await;
    let fair = note::queue(queueing.task_manager(), 9).fair(Fair::key("k").unwrap());
    let fair = fair.await.unwrap().id();
    let turn = reader.turn(fair).await.unwrap().unwrap();
    assert_eq!((turn.runs_before, turn.turns_before), (0, Some(0)));
    queue_notes(&queueing, 10..12).await;
    steer(open(&server, "operator").await).await;
    let log = server.command(&["ACL", "LOG"]).unwrap();
    assert_eq!(log, "", "something was denied");
    figure("5 users, 0 commands denied");
}

/// Does all that people steer with, on three runs that wait.
async fn steer(broker: RedisBroker) {
    let handle = BrokerHandle::new(broker);
    let admin = Admin::new(&handle).unwrap();
    let queue = QueueName::DEFAULT;
    admin.pause(queue.clone()).await.unwrap();
    admin.resume(queue.clone()).await.unwrap();
    let in_state = |state| RunFilter::all().in_state(state);
    let changes = [
        admin.cancel_all(in_state(RunState::Queued), "enough"),
        admin.requeue_all(in_state(RunState::Cancelled)),
        admin.cancel_all(in_state(RunState::Queued), "enough"),
        admin.discard_all(in_state(RunState::Cancelled)),
    ];
    for sweep in changes {
        assert_eq!(sweep.unwrap().to_end().await.unwrap().changed, 3);
    }
    admin.purge(&queue).await.unwrap();
    admin.lengths(&[]).await.unwrap();
    admin.consumers().await.unwrap();
    admin.tasks().await.unwrap();
}

#[tokio::test]
async fn g1_what_a_user_may_not_do_is_refused_and_said() {
    let server = guarded().await;
    let reader = open(&server, "reader").await;
    let paused = reader
        .set_paused(&PauseScope::Queue("a".parse().unwrap()), true)
        .await;
    assert_eq!(paused.unwrap_err().kind(), BrokerErrorKind::Config);
    let id = aqueduct::RunId::generate(aqueduct::Timestamp::MIN);
    assert!(
        reader.cancel(&[id], Reason::new("no")).await.is_ok(),
        "there is nothing to cancel"
    );
    let app = producer(reader).await;
    let error = note::queue(app.task_manager(), 1).await.unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Refused);
    for command in [
        "KEYS *",
        "FLUSHALL",
        "CONFIG GET dir",
        "ACL LIST",
        "GET other:key",
        "SCRIPT FLUSH",
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        for user in ["producer", "consumer", "scheduler", "reader"] {
            let refused = server.command_as(user, "change-me", &words).unwrap_err();
            assert!(
                refused.to_string().starts_with("NOPERM"),
                "{user} may {command}: {refused}"
            );
        }
    }
    let other = format!(
        "redis://producer:change-me@127.0.0.1:{}?namespace=other",
        server.port()
    );
    let error = RedisBroker::from_url(&other).await.unwrap_err();
    assert_eq!(error.kind(), BrokerErrorKind::Config);
    let wrong = format!("redis://producer:canary@127.0.0.1:{}", server.port());
    let error = RedisBroker::from_url(&wrong).await.unwrap_err();
    assert_eq!(error.kind(), BrokerErrorKind::Config);
    let mut shown = format!("{error} {error:?}");
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        shown = format!("{shown} {cause}");
        source = cause.source();
    }
    assert!(!shown.contains("canary"), "{shown}");
    figure("6 commands refused to 4 users, 0 passwords shown");
}

#[tokio::test]
async fn g1_who_may_not_run_scripts_is_told_at_the_start() {
    let server = guarded().await;
    for (options, what) in [("", "EVALSHA"), ("?scripts=functions", "FCALL")] {
        let words = ["ACL", "SETUSER", "producer", "-eval", "-evalsha"];
        server.command(&words).unwrap();
        let url = format!(
            "redis://producer:change-me@127.0.0.1:{}{options}",
            server.port()
        );
        let error = RedisBroker::from_url(&url).await.unwrap_err();
        assert_eq!(error.kind(), BrokerErrorKind::Config);
        assert!(error.to_string().contains(what), "{error}");
    }
}
