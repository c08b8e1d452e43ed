//! Wrong input is refused with a message that says what to do, and loses nothing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::{Debug, Display};
use std::time::Duration;

use aqueduct::broker_api::{Broker as _, BrokerExt};
use aqueduct::consumer::ConsumerConfig;
use aqueduct::manager::QueueErrorKind;
use aqueduct::memory::MemoryBroker;
use aqueduct::{
    App, Broker, Payload, QueueName, QueuedTask, RunId, RunState, State, TaskManager, TaskName,
    Timestamp, params, task, tasks,
};
use integration::Watcher;

struct Needed;

#[task]
async fn add(left: i64, right: i64) -> i64 {
    left + right
}

#[task]
async fn with_default(#[serde(default)] times: u32, note: Option<String>) -> String {
    format!("{times} {note:?}")
}

#[task]
async fn needs_state(needed: State<Needed>) {
    let _: &Needed = &needed;
}

const A_YEAR: Duration = Duration::from_hours(365 * 24);

mod other {
    #[aqueduct::task]
    pub(crate) async fn add() {}
}

fn manager() -> TaskManager {
    let app = App::new(Broker::memory()).tasks(tasks![add, with_default]);
    app.into_task_manager().unwrap()
}

/// Checks that something was refused, and that its message has all the words.
fn refused<T: Debug>(result: Result<T, impl Display>, words: &[&str]) {
    let message = result.map_err(|error| format!("{error:#}")).unwrap_err();
    for word in words {
        assert!(message.contains(word), "`{word}` is missing in: {message}");
    }
}

#[tokio::test]
async fn options_that_contradict_each_other_are_refused() {
    let manager = manager();
    let [second, minute, hour] = [1, 60, 3600].map(Duration::from_secs);
    let call = || add::queue(&manager, 1, 2);
    let contradiction = |result: Result<aqueduct::RunHandle<i64>, aqueduct::QueueError>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), QueueErrorKind::Contradiction);
        Err::<(), _>(error)
    };
    let late = manager.clock().now().saturating_add(hour);
    let both = call().delay(second).at(late).await;
    refused(contradiction(both), &["`delay`", "`at`"]);
    let both = call().at(late).delay(second).await;
    refused(contradiction(both), &["`delay`", "`at`"]);
    for before in [
        call().expires_in(minute).delay(hour),
        call().at(late).expires_in(minute),
    ] {
        refused(contradiction(before.await), &["add", "before it is due"]);
    }
    let never = call().total_timeout(minute).expires_in(hour).await;
    refused(contradiction(never), &["total time", "`expires_in`"]);
    // In this order they make sense, whatever is set first.
    let ordered = call().total_timeout(second).expires_in(hour + minute / 2);
    refused(contradiction(ordered.await), &["total time"]);
    let fine = call()
        .total_timeout(minute)
        .expires_in(hour + second)
        .delay(hour);
    let run = manager
        .find(fine.await.unwrap().id())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(run.ends_by(), Some(run.due_at.saturating_add(minute)));
    refused(
        call().total_timeout(Duration::ZERO).await,
        &["at least 1 ms"],
    );
    refused(
        call().total_timeout(A_YEAR + second).await,
        &["at most a year"],
    );
}

#[tokio::test]
async fn parameters_by_name_are_checked_before_they_are_sent() {
    let manager = manager();
    let missing = manager.queue("add", params! { left: 1 }).await;
    refused(missing, &["add", "right"]);
    let misspelt = manager.queue("add", params! { left: 1, rigth: 2 }).await;
    refused(misspelt, &["add", "rigth"]);
    let mistyped = manager
        .queue("add", params! { left: 1, right: "two" })
        .await;
    refused(mistyped, &["add"]);
    let extra = manager
        .queue("add", params! { left: 1, right: 2, more: 3 })
        .await;
    refused(extra, &["more"]);
    refused(manager.queue("ad", params! {}).await, &["ad", "add"]);
    assert!(
        manager
            .queue("add", params! { left: 1, right: 2 })
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn parameters_may_have_defaults() {
    let manager = manager();
    assert!(manager.queue("with_default", params! {}).await.is_ok());
    assert_eq!(
        manager.run(with_default::with(2, None)).await.unwrap(),
        "2 None"
    );
}

#[tokio::test]
async fn limits_are_named() {
    let manager = manager();
    let large = "x".repeat(2 * 1024 * 1024);
    refused(
        manager.queue("with_default", params! { note: large }).await,
        &["over the limit"],
    );
    refused(
        add::queue(&manager, 1, 2).delay(Duration::MAX).await,
        &["at most a year"],
    );
    assert!(
        add::queue(&manager, 1, 2)
            .delay(Duration::ZERO)
            .await
            .is_ok()
    );
    refused(Payload::from_bytes(&[0x91; 200]), &[]);
    refused(Payload::from_bytes(&[0xc1]), &[]);
}

#[tokio::test]
async fn an_app_lists_all_that_is_wrong_at_its_start() {
    let app = App::new(Broker::memory())
        .tasks(tasks![add, other::add, needs_state])
        .consumer(|consumer| consumer.concurrency(0).lease(Duration::from_millis(1)));
    let error = app.start().await.map(|_| ());
    let here = file!();
    refused(
        error,
        &["add", here, "Needed", "needs_state", "concurrency", "lease"],
    );
}

/// One change to a consumer, and what its refusal must say.
type Bad = (fn(&mut ConsumerConfig), &'static [&'static str]);

#[tokio::test]
async fn each_bound_of_a_consumer_is_named() {
    let cases: [Bad; 9] = [
        (
            |it| it.concurrency = 0,
            &["`concurrency`", "1", "65536", "not 0"],
        ),
        (
            |it| it.concurrency = usize::MAX,
            &["`concurrency`", "65536"],
        ),
        (|it| it.prefetch = usize::MAX, &["`prefetch`", "65536"]),
        (|it| it.lease = Duration::ZERO, &["`lease`", "2s"]),
        (|it| it.lease = Duration::MAX, &["`lease`", "3600s"]),
        (|it| it.queues.clear(), &["`queues`"]),
        (|it| it.weights = vec![1, 2], &["`weights`", "`queues`"]),
        (
            |it| it.weights = vec![0],
            &["weight of the queue `default`", "1"],
        ),
        (|it| it.crash_budget = 0, &["`crash_budget`", "1"]),
    ];
    for (change, words) in cases {
        let mut config = ConsumerConfig::default();
        change(&mut config);
        let app = App::new(Broker::memory()).tasks(tasks![add]);
        let app = app.consumer(|consumer| consumer.config(config));
        refused(app.start().await.map(|_| ()), words);
    }
}

#[tokio::test]
async fn no_time_to_expire_is_expired_and_for_ever_is_not() {
    let broker = MemoryBroker::new();
    let (mut watcher, observer) = Watcher::new();
    let app = App::new(Broker::new(broker.clone())).tasks(tasks![add]);
    let app = app.observe(observer).start().await.unwrap();
    let manager = app.task_manager();
    let at_once = add::queue(manager, 1, 2).expires_in(Duration::ZERO);
    let at_once = at_once.await.unwrap().id();
    let ever = add::queue(manager, 1, 2).expires_in(A_YEAR);
    let ever = ever.keep_result(A_YEAR).await.unwrap().id();
    assert_eq!(watcher.end_of(ever).await, RunState::Succeeded);
    let run = manager.find(at_once).await.unwrap().unwrap();
    assert_eq!((run.state, run.tally.attempt), (RunState::Expired, 0));
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_url_without_a_broker_says_what_is_known() {
    refused(
        Broker::from_url("nats://user:secret@host").await,
        &["nats", "memory://"],
    );
    let message = Broker::from_url("nats://user:secret@host")
        .await
        .unwrap_err()
        .to_string();
    assert!(!message.contains("secret"));
    refused(Broker::from_url("localhost").await, &["memory://"]);
    refused(Broker::from_url("").await, &["scheme"]);
}

fn raw(task: &'static str, payload: Payload) -> QueuedTask {
    QueuedTask::new(
        RunId::generate(Timestamp::MIN),
        TaskName::from_static(task),
        payload,
    )
}

#[tokio::test]
async fn an_unknown_task_waits_until_somebody_knows_it() {
    let broker = MemoryBroker::new();
    let run = raw("add", params! { left: 1, right: 2 }.into_payload().unwrap());
    let id = run.id;
    broker.queue_task(run).await.unwrap();
    let (mut watcher, observer) = Watcher::new();
    let old = App::new(Broker::new(broker.clone())).tasks(tasks![with_default]);
    let old = old.observe(observer).start().await.unwrap();
    assert_eq!(watcher.attempt_of(id).await, RunState::Scheduled);
    old.stop().await.unwrap();
    let (mut watcher, observer) = Watcher::new();
    let new = App::new(Broker::new(broker.clone())).tasks(tasks![add, with_default]);
    let new = new.observe(observer).start().await.unwrap();
    assert_eq!(watcher.end_of(id).await, RunState::Succeeded);
    new.stop().await.unwrap();
}

#[tokio::test]
async fn parameters_from_the_wire_that_do_not_fit_are_set_aside_and_block_nobody() {
    let broker = MemoryBroker::new();
    let bad = raw("add", params! { left: "one" }.into_payload().unwrap());
    let bad_id = bad.id;
    broker.queue_task(bad).await.unwrap();
    let (mut watcher, observer) = Watcher::new();
    let app = App::new(Broker::new(broker.clone()))
        .tasks(tasks![add])
        .observe(observer);
    let app = app.start().await.unwrap();
    let good = add::queue(app.task_manager(), 1, 2).await.unwrap();
    assert_eq!(watcher.end_of(good.id()).await, RunState::Succeeded);
    app.stop().await.unwrap();
    let lengths = broker.queue_lengths(&[QueueName::DEFAULT]).await.unwrap();
    let kept = app_holds(&broker, bad_id).await;
    assert!(kept, "the bad run is still there: {lengths:?}");
}

async fn app_holds(broker: &MemoryBroker, run: RunId) -> bool {
    use aqueduct::broker_api::BrokerAdmin;
    broker.find(&[run]).await.unwrap()[0].is_some()
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_named_in_words() {
    let manager = manager();
    let wrong = manager.queue("add", params! { left: 1, right: "two" });
    refused(
        wrong.await,
        &["`right`", "a text does not fit", "right: i64"],
    );
}

#[tokio::test]
async fn times_out_of_bounds_are_named() {
    let manager = manager();
    let over = A_YEAR + Duration::from_millis(1);
    for time in [over, Duration::MAX] {
        let call = || add::with(1, 2);
        refused(
            call().delay(time).queue(&manager).await,
            &["delay", "at most a year"],
        );
        refused(
            call().expires_in(time).queue(&manager).await,
            &["expiry", "at most a year"],
        );
        refused(
            call().keep_result(time).queue(&manager).await,
            &["retention", "at most a year"],
        );
    }
}

#[test]
fn an_app_outside_a_runtime_says_what_is_missing() {
    let start = std::pin::pin!(App::new(Broker::memory()).start());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(started) = start.poll(&mut context) else {
        panic!("it waits");
    };
    refused(started, &["no tokio runtime", "aqueduct::main"]);
}
