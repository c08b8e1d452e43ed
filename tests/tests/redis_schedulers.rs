//! Any number of schedulers on one server: scenarios S1 and S8.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aqueduct::broker_api::{BrokerHandle, ScheduleDefinition};
use aqueduct::redis::RedisBroker;
use aqueduct::{App, Broker, RunningApp, Schedule, tasks};
use integration::figure::figure;
use integration::oracle::at_rest;
use integration::proxy::{Fault, FaultProxy, Rule};
use integration::redis::{Ledger, app, broker, note, server};

/// Ticks of each schedule that a test waits for.
const TICKS: usize = 5;

fn definition(number: u64) -> ScheduleDefinition {
    let schedule = Schedule::every(Duration::from_millis(200)).unwrap();
    let name = format!("schedule-{number}").parse().unwrap();
    let payload = aqueduct::params! { number: number }.into_payload().unwrap();
    ScheduleDefinition::new(name, schedule, "note".parse().unwrap()).with_payload(payload)
}

async fn scheduler(broker: RedisBroker, schedules: u64) -> RunningApp {
    let (_, writer) = Ledger::new();
    let app = App::new(Broker::from(BrokerHandle::new(broker)))
        .tasks(tasks![note])
        .state(writer);
    let app = app.without_consumer();
    let add = move |it| {
        (0..schedules).fold(
            it,
            |it: aqueduct::scheduler::TaskSchedulerBuilder, number| it.schedule(definition(number)),
        )
    };
    app.scheduler(add).start().await.unwrap()
}

/// Waits until each schedule has fired often enough; no tick may be executed twice.
async fn ticks(ledger: &mut Ledger, schedules: u64) {
    let mut seen = BTreeSet::new();
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    while counts.len() < usize::try_from(schedules).unwrap()
        || counts.values().any(|count| *count < TICKS)
    {
        let entry = ledger.next().await;
        assert!(
            seen.insert(entry.run),
            "a tick of schedule {} was fired twice",
            entry.number
        );
        *counts.entry(entry.number).or_default() += 1;
    }
}

/// Three schedulers, one of which dies without a word: each tick is fired once, and none stops.
#[tokio::test]
async fn s1_each_tick_is_fired_once_by_many_schedulers() {
    let server = server(&[]);
    let (mut ledger, writer) = Ledger::new();
    let consumer = app(broker(&server.url()).await, writer).await;
    let first = scheduler(broker(&server.url()).await, 10).await;
    let second = scheduler(broker(&server.url()).await, 10).await;
    let third = scheduler(broker(&server.url()).await, 10).await;
    ticks(&mut ledger, 10).await;
    drop(second);
    ticks(&mut ledger, 10).await;
    for app in [first, third, consumer] {
        app.stop().await.unwrap();
    }
    let ended = at_rest(&server).await;
    figure(&format!(
        "3 schedulers, 1 died, 10 schedules, {} ticks, 0 fired twice",
        ended.succeeded
    ));
}

/// The reply to a fired tick is lost, again and again: no tick is fired twice.
#[tokio::test]
async fn s8_a_lost_reply_to_a_tick_fires_nothing_twice() {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let disturbed = broker(&proxy.url()).await;
    proxy.add(Rule::every(
        2,
        disturbed.digest_of("fire").unwrap(),
        Fault::LostReply,
    ));
    let (mut ledger, writer) = Ledger::new();
    let consumer = app(broker(&server.url()).await, writer).await;
    let scheduler = scheduler(disturbed, 2).await;
    ticks(&mut ledger, 2).await;
    assert!(proxy.injected() > 0, "nothing was injected");
    proxy.heal();
    scheduler.stop().await.unwrap();
    consumer.stop().await.unwrap();
    let ended = at_rest(&server).await;
    figure(&format!(
        "{} replies lost over {} ticks, 0 fired twice",
        proxy.injected(),
        ended.succeeded
    ));
}
