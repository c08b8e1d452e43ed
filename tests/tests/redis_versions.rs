//! Processes of two versions on one server: scenarios S7 and D4.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct::broker_api::{BrokerHandle, ScheduleDefinition, ScheduleStore, ScheduleVersion};
use aqueduct::redis::RedisBroker;
use aqueduct::{App, Broker, RunningApp, Schedule, ScheduleName, Timestamp, tasks};
use integration::figure::figure;
use integration::oracle::{at_rest, unfinished};
use integration::redis::{Entry, Ledger, app, broker, note, note_and_fail, server};

const EDITED: ScheduleName = ScheduleName::from_static("edited");
const MARKER: ScheduleName = ScheduleName::from_static("marker");

/// What the ticks of the marker carry.
const MARK: u64 = 0;

fn definition(name: ScheduleName, number: u64, version: u64) -> ScheduleDefinition {
    let schedule = Schedule::every(Duration::from_millis(200)).unwrap();
    let payload = aqueduct::params! { number }.into_payload().unwrap();
    ScheduleDefinition::new(name, schedule, "note".parse().unwrap())
        .with_payload(payload)
        .with_version(ScheduleVersion::from_number(version))
}

/// Starts a scheduler of a version, whose ticks carry that number.
async fn scheduler(broker: RedisBroker, version: u64) -> RunningApp {
    let (_, writer) = Ledger::new();
    let app = App::new(Broker::from(BrokerHandle::new(broker)))
        .tasks(tasks![note])
        .state(writer)
        .without_consumer();
    let app = app.scheduler(move |it| {
        it.schedule(definition(EDITED, version, version))
            .schedule(definition(MARKER, MARK, 1))
    });
    app.start().await.unwrap()
}

/// Waits for a tick that carries a number.
async fn tick_of(ledger: &mut Ledger, number: u64) -> Entry {
    loop {
        let entry = ledger.next().await;
        if entry.number == number {
            return entry;
        }
    }
}

/// Waits for ticks of the marker, and returns the others that came meanwhile and were queued after `moment`.
async fn others_after(ledger: &mut Ledger, moment: Timestamp) -> Vec<u64> {
    let mut others = Vec::new();
    let mut marks = 0;
    while marks < 5 {
        let entry = ledger.next().await;
        if entry.number == MARK {
            marks += usize::from(entry.queued_at > moment);
        } else if entry.queued_at > moment {
            others.push(entry.number);
        }
    }
    others
}

/// Schedulers of two versions at once: the higher definition counts for both, whoever comes last; a removed
/// schedule stays removed for both.
#[tokio::test]
async fn s7_the_higher_version_counts_and_what_is_removed_stays_removed() {
    let server = server(&[]);
    let (mut ledger, writer) = Ledger::new();
    let consumer = app(broker(&server.url()).await, writer).await;
    let old = scheduler(broker(&server.url()).await, 1).await;
    tick_of(&mut ledger, 1).await;
    let new = scheduler(broker(&server.url()).await, 2).await;
    let edited = tick_of(&mut ledger, 2).await.queued_at;
    let again = scheduler(broker(&server.url()).await, 1).await;
    let others = others_after(&mut ledger, edited).await;
    assert!(!others.is_empty(), "the edited schedule fires no more");
    assert!(others.iter().all(|number| *number == 2), "{others:?}");
    let direct = broker(&server.url()).await;
    assert!(ScheduleStore::remove(&direct, &EDITED).await.unwrap());
    let removed = direct.list().await.unwrap().now;
    let last = scheduler(broker(&server.url()).await, 2).await;
    let others = others_after(&mut ledger, removed).await;
    assert_eq!(others, [0_u64; 0], "a removed schedule fires");
    for app in [old, new, again, last, consumer] {
        app.stop().await.unwrap();
    }
    at_rest(&server).await;
    figure("4 schedulers of 2 versions: no tick of the old definition, none of the removed one");
}

/// Consumers of two builds share a queue: one knows fewer tasks, and each has scripts that the other has
/// not. Every run is executed once, by one that knows its task.
#[tokio::test]
async fn d4_consumers_of_two_builds_share_a_queue() {
    let server = server(&[]);
    let (mut ledger, writer) = Ledger::new();
    let old = broker(&server.url()).await;
    let old = App::new(Broker::from(BrokerHandle::new(old)))
        .tasks(tasks![note])
        .state(writer.clone())
        .without_scheduler();
    let old = old.start().await.unwrap();
    let new = broker(&format!("{}?scripts=functions", server.url())).await;
    let new = app(new, writer).await;
    for number in 0..40 {
        let manager = if number % 2 == 0 { &old } else { &new };
        note::queue(manager.task_manager(), number).await.unwrap();
    }
    for number in 100..105 {
        note_and_fail::queue(new.task_manager(), number)
            .await
            .unwrap();
    }
    ledger.all_of(0..40).await;
    // The old one goes, as it does at the end of a deploy: what it has parked comes back to the other.
    old.stop().await.unwrap();
    ledger.all_of(100..105).await;
    while (100..105).any(|number| ledger.executed.get(&number) < Some(&2)) {
        ledger.next().await;
    }
    let direct = broker(&server.url()).await;
    while unfinished(&direct).await > 0 {}
    new.stop().await.unwrap();
    let ended = at_rest(&server).await;
    assert_eq!((ended.succeeded, ended.failed), (45, 0));
    assert!((0..40).all(|number| ledger.executed.get(&number) == Some(&1)));
    assert!((100..105).all(|number| ledger.executed.get(&number) == Some(&2)));
    figure(
        "2 builds, 45 runs, 5 of a task that one does not know: each recorded once, none failed",
    );
}
