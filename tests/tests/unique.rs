//! Unique runs, as a user writes them: by attribute, by name, on a schedule, on a call.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aqueduct::manager::QueueErrorKind;
use aqueduct::memory::MemoryBroker;
use aqueduct::run::UniqueKey;
use aqueduct::{App, Broker, TaskContext, TaskManager, params, task, tasks};
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
    let key = |id: u64| UniqueKey::new(format!("own:{id}")).unwrap();
    let own = sync::queue(&manager, 7, false).unique(key(1)).await;
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
    assert!(error.contains("there is no parameter `zone`"), "{error}");
}
