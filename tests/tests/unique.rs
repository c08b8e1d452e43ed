//! Unique runs, as a user writes them: by attribute, by name, on a schedule, on a call.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use aqueduct::manager::QueueErrorKind;
use aqueduct::memory::MemoryBroker;
use aqueduct::run::{IDEMPOTENCY_WINDOW, Unique};
use aqueduct::testing::{self, TestKit, assert_queued};
use aqueduct::{
    App, Broker, RunState, TaskCall, TaskContext, TaskManager, Timestamp, cpu_task, params, task,
    tasks,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Order {
    customer: u64,
}

#[task(unique = "sync:{account}")]
async fn sync(_ctx: TaskContext, account: u64, force: bool) {
    let _ = (account, force);
}

#[task(unique = "bill:{order.customer}/{kind}")]
async fn bill(order: Order, #[serde(rename = "kind")] what: Option<String>) {
    let _ = (order.customer, what);
}

fn manager() -> TaskManager {
    let app = App::new(Broker::new(MemoryBroker::new()));
    app.tasks(tasks![sync, bill]).into_task_manager().unwrap()
}

#[tokio::test]
async fn every_way_to_queue_makes_the_key_of_the_parameters() {
    let manager = manager();
    let first = sync::queue(&manager, 7, false).await.unwrap();
    let again = sync::queue(&manager, 7, true).await.unwrap();
    let by_name = params! { account: 7, force: false };
    let by_name = manager.queue("sync", by_name).await.unwrap();
    let many = [sync::with(7, false), sync::with(8, false)];
    let many = manager.queue_many(many).await.unwrap();
    assert!(first.is_new() && many[1].is_new());
    for other in [again.id(), by_name.id(), many[0].id()] {
        assert_eq!(other, first.id());
    }
    assert_ne!(many[1].id(), first.id());
    let own = sync::queue(&manager, 7, false).unique("own:1").await;
    assert!(own.unwrap().is_new(), "the key of the call goes before");
}

#[tokio::test]
async fn fields_make_keys_and_what_is_nothing_makes_none() {
    let manager = manager();
    let order = |customer| Order { customer };
    let kind = |it: &str| Some(it.to_owned());
    let first = bill::queue(&manager, order(1), kind("x")).await.unwrap();
    let again = bill::queue(&manager, order(1), kind("x")).await.unwrap();
    let other = bill::queue(&manager, order(2), kind("x")).await.unwrap();
    assert_eq!(again.id(), first.id());
    assert!(other.is_new());
    let error = bill::queue(&manager, order(1), None).await.unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::InvalidParams);
    assert!(error.to_string().contains("`kind` is nothing"), "{error}");
}

#[task(unique = "tick:{zone}", schedule = every("1s"))]
async fn tick(#[serde(default)] zone: Option<u32>) {
    let _ = zone;
}

#[tokio::test]
async fn a_schedule_whose_parameters_make_no_key_is_refused_at_the_start() {
    let app = App::new(Broker::memory()).tasks(tasks![tick]);
    let error = app.start().await.unwrap_err();
    let error = format!("{:#}", anyhow::Error::from(error));
    assert!(error.contains("`zone` is not given"), "{error}");
}

#[task(unique(key = "index:{doc}", scope = queued, on_conflict = replace))]
async fn index(ctx: TaskContext, doc: u32, version: u32) {
    let _ = (ctx, doc, version);
}

#[task(unique(key = "pay:{order}", scope = window("10m"), on_conflict = refuse))]
async fn pay(order: u32) {
    let _ = order;
}

#[task(debounce("5s", key = "save:{doc}", at_most = "12s"))]
async fn save(doc: u32, version: u32) {
    let _ = (doc, version);
}

#[task(throttle("1m"))]
async fn warn(text: String) {
    let _ = text;
}

#[cpu_task(debounce("5s"))]
fn render(page: u32) {
    let _ = page;
}

const SECOND: Duration = Duration::from_secs(1);

fn app(kit: &TestKit) -> App {
    kit.app()
        .tasks(tasks![sync, index, pay, save, warn, render])
}

#[test]
fn a_waiting_run_is_replaced_and_a_running_one_is_not() {
    testing::run(async |kit| {
        let manager = app(&kit).into_task_manager().unwrap();
        let first = index::queue(&manager, 1, 1).await.unwrap();
        let second = index::queue(&manager, 1, 2).await.unwrap();
        assert!(first.is_new() && second.has_replaced() && !second.is_new());
        assert_eq!(second.id(), first.id());
        assert_queued!(kit, index, doc = 1, version = 2);
        let payload = second.find().await.unwrap().unwrap().payload;
        let params: BTreeMap<String, u32> = payload.decode().unwrap();
        assert_eq!(params["version"], 2);
    });
}

#[test]
fn a_refusal_is_an_error_with_the_holder() {
    testing::run(async |kit| {
        let app = app(&kit).start().await.unwrap();
        let first = pay::queue(app.task_manager(), 7).await.unwrap();
        kit.drain().await;
        let error = pay::queue(app.task_manager(), 7).await.unwrap_err();
        assert_eq!(error.kind(), QueueErrorKind::KeyTaken);
        assert_eq!(error.holder(), Some(first.id()));
        assert!(!error.is_retryable());
        assert!(
            error.to_string().contains(&first.id().to_string()),
            "{error}"
        );
        kit.advance(SECOND * 600).await;
        assert!(pay::queue(app.task_manager(), 7).await.unwrap().is_new());
        app.stop().await.unwrap();
    });
}

#[test]
fn a_debounced_task_starts_when_its_calls_have_paused() {
    testing::run(async |kit| {
        let app = app(&kit).start().await.unwrap();
        let manager = app.task_manager();
        let first = save::queue(manager, 1, 0).await.unwrap();
        for version in 1..4 {
            kit.advance(SECOND * 3).await;
            assert!(
                save::queue(manager, 1, version)
                    .await
                    .unwrap()
                    .has_replaced()
            );
        }
        assert_eq!(
            first.find().await.unwrap().unwrap().state,
            RunState::Scheduled
        );
        // It would start 14 s after the first call; 12 s is the most.
        kit.advance(SECOND * 3).await;
        kit.drain().await;
        assert!(
            save::queue(manager, 1, 9).await.unwrap().is_new(),
            "it has begun"
        );
        let own = save::queue(manager, 1, 10)
            .debounce("other", SECOND)
            .await
            .unwrap();
        assert!(own.is_new(), "the key of the call goes before");
        let at_once = save::queue(manager, 1, 11).unique("third").await.unwrap();
        let run = at_once.find().await.unwrap().unwrap();
        assert_eq!(run.due_at, run.queued_at, "and its due time");
        app.stop().await.unwrap();
    });
}

#[test]
fn throttled_calls_share_the_run_of_the_first() {
    testing::run(async |kit| {
        let app = app(&kit).start().await.unwrap();
        let manager = app.task_manager();
        let first = warn::queue(manager, "a".to_owned()).await.unwrap();
        kit.drain().await;
        let second = warn::queue(manager, "b".to_owned()).await.unwrap();
        assert_eq!(second.id(), first.id());
        let other = warn::queue(manager, "c".to_owned()).throttle("c", SECOND);
        assert!(other.await.unwrap().is_new());
        kit.advance(SECOND * 60).await;
        assert!(warn::queue(manager, "d".to_owned()).await.unwrap().is_new());
        app.stop().await.unwrap();
    });
}

#[test]
fn a_repetition_finds_the_run_of_the_first() {
    testing::run(async |kit| {
        let app = app(&kit).start().await.unwrap();
        let call = || sync::with(1, false).unique(Unique::key("free").unwrap());
        let order = |call: TaskCall<()>| call.idempotency_key("order-42").queue(app.task_manager());
        let first = order(call()).await.unwrap();
        kit.drain().await;
        let again = order(call()).await.unwrap();
        assert!(!again.is_new());
        assert_eq!(again.id(), first.id());
        kit.advance(IDEMPOTENCY_WINDOW).await;
        assert!(order(call()).await.unwrap().is_new());
        let short = sync::with(1, false)
            .idempotency_key_for("x", SECOND)
            .unique("x");
        assert!(short.queue(app.task_manager()).await.unwrap().is_new());
        app.stop().await.unwrap();
    });
}

#[test]
fn what_contradicts_itself_is_refused() {
    testing::run(async |kit| {
        let manager = app(&kit).into_task_manager().unwrap();
        let sync = || sync::queue(&manager, 1, false);
        let save = || save::queue(&manager, 1, 1);
        let year = Duration::from_hours(366 * 24);
        let contradictions = [
            sync().unique("a").debounce("a", SECOND),
            sync().throttle("a", SECOND).unique("a"),
            sync().debounce("a", SECOND).throttle("a", SECOND),
            sync().debounce("a", SECOND).delay(SECOND * 9),
            sync().delay(SECOND * 9).debounce("a", SECOND),
            sync().at(Timestamp::MAX).debounce("a", SECOND),
            sync().debounce_at_most("a", SECOND * 2, SECOND),
            save().delay(SECOND),
            save().at(Timestamp::MAX),
            render::queue(&manager, 1).delay(SECOND),
            save().expires_in(SECOND),
        ];
        for call in contradictions {
            let shown = format!("{call:?}");
            let error = call.await.unwrap_err();
            assert_eq!(
                error.kind(),
                QueueErrorKind::Contradiction,
                "{shown}: {error}"
            );
        }
        let over = [
            sync().unique(""),
            sync().unique("x".repeat(257)),
            sync().idempotency_key(""),
            sync().throttle("a", Duration::ZERO),
            sync().throttle("a", year),
            sync().idempotency_key_for("a", Duration::ZERO),
            sync().debounce_at_most("a", SECOND, year),
            sync().debounce("a", Duration::ZERO),
            sync().debounce("a", year),
            sync().debounce_at_most("a", Duration::MAX, Duration::MAX),
        ];
        for call in over {
            let shown = format!("{call:?}");
            let error = call.await.unwrap_err();
            assert_eq!(
                error.kind(),
                QueueErrorKind::LimitExceeded,
                "{shown}: {error}"
            );
        }
        assert!(kit.queued().is_empty());
    });
}
