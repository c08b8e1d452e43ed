//! A schedule that is made of a call, at run time, queues just what the call would, on both brokers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct::broker_api::{ScheduleDefinition, Upserted};
use aqueduct::manager::QueueErrorKind;
use aqueduct::{
    Admin, App, Broker, Lane, QueueName, Schedule, ScheduleName, TaskCall, cpu_task, params, task,
    tasks,
};
use integration::{soon, store};

#[task(
    schedule = every("1h"),
    queue = "reports",
    priority = high,
    unique = "report",
    max_concurrency = 2,
    fair = "all",
    keep_result = "1h",
    expires_in = "30m",
    total_timeout = "2h",
)]
async fn report() {}

#[cpu_task(schedule = every("1h"))]
fn encode() {}

#[task(debounce("5s", key = "all"))]
async fn rests() {}

#[task(unique = "sync:{account}")]
async fn sync(account: u32) {
    let _ = account;
}

fn hourly() -> Schedule {
    Schedule::every(Duration::from_hours(1)).unwrap()
}

fn made_of<Out>(call: TaskCall<Out>) -> Result<ScheduleDefinition, QueueErrorKind> {
    let name = "made".parse().unwrap();
    ScheduleDefinition::from_call(name, hourly(), call).map_err(|error| error.kind())
}

#[tokio::test]
async fn it_asks_for_what_the_attribute_says() {
    let app = App::new(Broker::memory()).tasks(tasks![report, encode]);
    let app = app.without_consumer().start().await.unwrap();
    let control = app.schedules().unwrap();
    let listed = async {
        loop {
            let stored = control.list(0).await.unwrap();
            if stored.len() == 2 {
                return stored;
            }
            tokio::task::yield_now().await;
        }
    };
    let stored = soon("they are stored", listed).await;
    let stored: Vec<_> = stored.into_iter().map(|it| it.entry.definition).collect();
    let named = |mut made: ScheduleDefinition, name: &str| {
        made.name = name.parse::<ScheduleName>().unwrap();
        made
    };
    let made = [
        named(made_of(encode::with()).unwrap(), "encode"),
        named(made_of(report::with()).unwrap(), "report"),
    ];
    assert_eq!(made.as_slice(), stored);
    assert_eq!(made[0].lane, Lane::Cpu);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn its_runs_hold_the_keys_of_their_parameters() {
    for (handle, _server) in store::both().await {
        let broker = Broker::from(handle.clone());
        let control = broker.schedules().unwrap();
        let call = sync::with(7).queue_name(QueueName::from_static("syncs"));
        let made = made_of(call).unwrap();
        let name = made.name.clone();
        assert_eq!(control.upsert(made).await.unwrap(), Upserted::Created);
        let run = control.run_now(&name).await.unwrap();
        let again = control.run_now(&name).await.unwrap();
        assert_eq!(run, again, "the first holds the key");
        let admin = Admin::new(&handle).unwrap();
        let holder = admin.holder_of("sync:7").await.unwrap().unwrap();
        assert_eq!(holder.run, run);
        let found = admin.find(run).await.unwrap().unwrap();
        assert_eq!(found.queue.as_str(), "syncs");
    }
}

#[tokio::test]
async fn what_makes_no_sense_at_a_tick_is_refused() {
    let app = App::new(Broker::memory()).tasks(tasks![report, sync]);
    let manager = app.into_task_manager().unwrap();
    let contradictions = [
        made_of(report::with().delay(Duration::from_secs(1))),
        made_of(report::with().idempotency_key("once")),
        made_of(rests::with()),
    ];
    for refused in contradictions {
        assert_eq!(refused, Err(QueueErrorKind::Contradiction));
    }
    let unknown = made_of(manager.call("snyc", params! { account: 7 }));
    assert_eq!(unknown, Err(QueueErrorKind::UnknownTask));
    let wrong = made_of(manager.call("sync", params! { acount: 7 }));
    assert_eq!(wrong, Err(QueueErrorKind::InvalidParams));
    assert!(made_of(manager.call("sync", params! { account: 7 })).is_ok());
}
