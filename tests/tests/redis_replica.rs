//! A primary that dies before its replica knows what it has acknowledged: scenario C1.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct::broker_api::BrokerHandle;
use aqueduct::{App, Broker, RunningApp, State, TaskContext, task, tasks};
use integration::figure::{Stopwatch, figure};
use integration::oracle::at_rest;
use integration::redis::{Ledger, Writer, broker, note, queue_notes};
use integration::replicated::Replicated;
use integration::soon;
use tokio::sync::watch;

/// Opens when what hangs may end.
type Gate = watch::Receiver<bool>;

/// Writes its number down, and hangs until the gate is open.
#[task]
async fn hang(ctx: TaskContext, ledger: State<Writer>, gate: State<Gate>, number: u64) {
    ledger.write(&ctx, number).await;
    // The test opens it before it ends.
    let _ = Gate::clone(&gate).wait_for(|is_open| *is_open).await;
}

/// Starts an application on a pair of servers, which hears of both, and what its tasks wait for.
async fn app_on(servers: &Replicated) -> (RunningApp, Ledger, watch::Sender<bool>) {
    let (ledger, writer) = Ledger::new();
    let (gate, receiver) = watch::channel(false);
    let broker = Broker::from(BrokerHandle::new(broker(&servers.url()).await));
    let app = App::new(broker)
        .tasks(tasks![note, hang])
        .state(writer)
        .state(receiver)
        .without_scheduler();
    let app = app.consumer(|it| it.lease(Duration::from_secs(2)).concurrency(32));
    (app.start().await.unwrap(), ledger, gate)
}

/// What the replica has not heard of is lost or done again; what is done again is recorded once.
#[tokio::test]
async fn c1_what_was_not_replicated_is_lost_or_done_again() {
    let mut servers = Replicated::new().await;
    let (app, mut ledger, gate) = app_on(&servers).await;
    let manager = app.task_manager().clone();
    queue_notes(&app, 0..20).await;
    ledger.all_of(0..20).await;
    // Known to the replica, and begun when it hears of nothing any more.
    for number in 100..120 {
        let wait = Duration::from_millis(700);
        note::queue(&manager, number).delay(wait).await.unwrap();
        hang::queue(&manager, number + 100)
            .delay(wait)
            .await
            .unwrap();
    }
    servers.replicated().await;
    servers.cut_off();
    let window = Stopwatch::start();
    // Accepted in the window: executed there, or lost.
    queue_notes(&app, 20..40).await;
    for number in 40..60 {
        let wait = Duration::from_mins(1);
        note::queue(&manager, number).delay(wait).await.unwrap();
    }
    ledger
        .all_of((20..40).chain(100..120).chain(200..220))
        .await;
    let window = window.elapsed().as_secs_f64();
    servers.fail_over();
    let outage = Stopwatch::start();
    let back = async { while note::queue(&manager, 300).await.is_err() {} };
    soon("nobody finds the replica", back).await;
    let outage = outage.elapsed().as_secs_f64();
    queue_notes(&app, 301..310).await;
    ledger.all_of(300..310).await;
    gate.send(true).unwrap();
    // The books of the replica: what it knew of, and what came after; each once.
    let known = 20 + 20 + 20 + 10;
    let ended = at_rest(&servers.replica).await;
    app.stop().await.unwrap();
    assert_eq!((ended.succeeded, ended.failed), (known, 0));
    while ledger.try_next().is_some() {}
    let executed = &ledger.executed;
    assert!(executed.values().all(|times| *times <= 2), "{executed:?}");
    let lost = (20..60).filter(|number| !executed.contains_key(number));
    figure(&format!(
        "window {window:.1} s, outage {outage:.1} s: {} of 40 accepted in it lost, {} of {known} known \
         done twice and recorded once",
        lost.count(),
        ledger.doubled().len()
    ));
}
