//! Runs from other processes whose parameters do not fit: each is set aside alone, with a reason.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aqueduct::broker_api::{Broker as _, BrokerAdmin as _, BrokerExt};
use aqueduct::memory::MemoryBroker;
use aqueduct::{
    App, Broker, Payload, QueueName, QueuedTask, RunId, RunState, TaskName, Timestamp, params,
    task, tasks,
};
use integration::Watcher;

#[task]
async fn add(left: i64, right: i64, #[serde(default)] carry: i64) -> i64 {
    left + right + carry
}

/// A run as another process queues it: nothing has checked its parameters.
fn raw(payload: Payload) -> QueuedTask {
    let id = RunId::generate(Timestamp::MIN);
    QueuedTask::new(id, TaskName::from_static("add"), payload)
}

fn map(params: aqueduct_core::payload::Params) -> Payload {
    params.into_payload().unwrap()
}

#[tokio::test]
async fn what_does_not_fit_is_parked_alone_and_says_why() {
    let cases = [
        (map(params! { left: 1 }), "right"),
        (map(params! { left: 1, rigth: 2 }), "right"),
        (map(params! { left: 1, right: "two" }), "i64"),
        (map(params! { left: 1, right: 2.5 }), "i64"),
        (map(params! { left: 1, right: u64::MAX }), "i64"),
        (map(params! { left: 1, right: 2, base: 10 }), "base"),
        (Payload::empty(), "left"),
        (Payload::encode(&(1, 2)).unwrap(), "map"),
        (Payload::encode("left").unwrap(), "map"),
    ];
    let broker = MemoryBroker::new();
    let mut bad = Vec::new();
    for (payload, word) in cases {
        let run = raw(payload);
        bad.push((run.id, word));
        broker.queue_task(run).await.unwrap();
    }
    let (mut watcher, observer) = Watcher::new();
    let app = App::new(Broker::new(broker.clone())).tasks(tasks![add]);
    let app = app.observe(observer).start().await.unwrap();
    let good = add::queue(app.task_manager(), 1, 2, 3).await.unwrap();
    assert_eq!(watcher.end_of(good.id()).await, RunState::Succeeded);
    for (id, word) in bad {
        assert_eq!(watcher.attempt_of(id).await, RunState::Scheduled);
        let failure = watcher.failure_of(id);
        for word in ["InvalidParams", "`add`", word] {
            assert!(failure.contains(word), "`{word}` is missing in: {failure}");
        }
        let run = broker.find(&[id]).await.unwrap().remove(0).unwrap();
        assert_eq!((run.tally.failures, run.tally.crashes), (0, 0), "{failure}");
        assert!(run.tally.parks > 0, "{failure}");
    }
    app.stop().await.unwrap();
    let lengths = broker.queue_lengths(&[QueueName::DEFAULT]).await.unwrap();
    assert_eq!(lengths[0].running, 0);
}

/// What an older process does not know that it could send has its default.
#[tokio::test]
async fn a_missing_parameter_with_a_default_is_no_problem() {
    let broker = MemoryBroker::new();
    let older = raw(map(params! { left: 1, right: 2 }));
    let id = older.id;
    broker.queue_task(older).await.unwrap();
    let (mut watcher, observer) = Watcher::new();
    let app = App::new(Broker::new(broker)).tasks(tasks![add]);
    let app = app.observe(observer).start().await.unwrap();
    assert_eq!(watcher.attempt_of(id).await, RunState::Succeeded);
    app.stop().await.unwrap();
}
