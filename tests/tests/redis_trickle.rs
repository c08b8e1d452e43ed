//! Connections that are slow, and many that come back at once: scenarios N5 and N10.

use std::time::Duration;

use aqueduct::redis::RedisBroker;
use integration::figure::{Stopwatch, figure};
use integration::oracle::at_rest;
use integration::proxy::FaultProxy;
use integration::redis::{Ledger, app, broker, queue_notes, server};
use integration::soon;
use tokio::task::JoinSet;

/// A byte at a time, then so few a second that a request takes longer than it should: nothing is lost, and
/// nothing doubled.
#[tokio::test]
async fn n5_a_trickle_loses_nothing() {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&proxy.url()).await, writer).await;
    let began = Stopwatch::start();
    proxy.trickle(1, Duration::ZERO);
    queue_notes(&app, 0..30).await;
    ledger.all_of(0..30).await;
    let sliced = began.elapsed();
    proxy.trickle(160, Duration::from_millis(10));
    queue_notes(&app, 30..60).await;
    ledger.all_of(30..60).await;
    let slow = began.elapsed().saturating_sub(sliced);
    proxy.flow();
    queue_notes(&app, 60..90).await;
    ledger.all_of(60..90).await;
    app.stop().await.expect("it stops");
    assert_eq!(at_rest(&server).await.succeeded, 90);
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    figure(&format!(
        "30 runs a byte at a time in {:.1} s, 30 at 16 KiB/s in {:.1} s",
        sliced.as_secs_f64(),
        slow.as_secs_f64()
    ));
}

/// Brokers that all lose their server at once.
const CLIENTS: usize = 100;

/// Far more attempts of a client than there are while a server restarts, far fewer than in a loop.
const ATTEMPTS: usize = 60;

/// A hundred clients lose their server, and find it again when it is back, without a storm.
#[tokio::test]
async fn n10_a_hundred_clients_come_back() {
    let mut server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let mut brokers = Vec::new();
    for _ in 0..CLIENTS {
        brokers.push(broker(&proxy.url()).await);
    }
    ping_all(&brokers).await;
    let before = proxy.connections();
    server.kill().expect("it was up");
    proxy.cut_all();
    let killed = Stopwatch::start();
    server.revive().expect("it starts");
    ping_all(&brokers).await;
    let back = killed.millis();
    let attempts = proxy.connections() - before;
    assert!(
        attempts <= CLIENTS * ATTEMPTS,
        "{attempts} attempts of {CLIENTS} clients"
    );
    figure(&format!(
        "{CLIENTS} clients with {before} connections, all back {back:.0} ms after the death, {attempts} attempts"
    ));
}

/// Waits until each broker has an answer.
async fn ping_all(brokers: &[RedisBroker]) {
    let mut pings = JoinSet::new();
    for broker in brokers {
        let broker = broker.clone();
        pings.spawn(async move { while broker.ping().await.is_err() {} });
    }
    soon("a client does not come back", pings.join_all()).await;
}
