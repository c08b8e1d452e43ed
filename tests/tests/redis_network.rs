//! Connections that are cut, silent or refused: scenarios N1 to N9.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aqueduct::broker_api::BrokerErrorKind;
use aqueduct::redis::{RedisBroker, RedisConfig};
use integration::figure::{Stopwatch, figure};
use integration::oracle::at_rest;
use integration::proxy::FaultProxy;
use integration::redis::{Ledger, app, broker, producer, queue_notes, server};
use integration::soon;

/// The server's answers stop for good, and somebody asks again and again: a new connection is made.
#[tokio::test]
async fn n1_a_silent_connection_is_left_although_somebody_asks() {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let config = RedisConfig::from_url(&format!("{}?timeout=500ms", proxy.url())).unwrap();
    let disturbed = RedisBroker::open(config).await.unwrap();
    disturbed.ping().await.unwrap();
    let connections = proxy.connections();
    proxy.set_silent(true);
    disturbed.ping().await.unwrap_err();
    // What was silent stays so; nothing is cut.
    proxy.set_silent(false);
    let healed = Stopwatch::start();
    let answered = async { while disturbed.ping().await.is_err() {} };
    soon("the silent connection is asked for ever", answered).await;
    figure(&format!(
        "answered {:.0} ms after healing, on {} new connections",
        healed.millis(),
        proxy.connections() - connections
    ));
}

/// The server's answers stop: that is noticed, and others take over.
#[tokio::test]
async fn n2_a_connection_that_goes_silent_is_given_up() {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let config = RedisConfig::from_url(&format!("{}?timeout=500ms", proxy.url())).unwrap();
    let disturbed = RedisBroker::open(config).await.unwrap();
    disturbed.ping().await.unwrap();
    proxy.set_silent(true);
    let silent = Stopwatch::start();
    let error = disturbed.ping().await.unwrap_err();
    assert_eq!(error.kind(), BrokerErrorKind::Timeout);
    let noticed = silent.millis();
    proxy.set_silent(false);
    proxy.cut_all();
    while disturbed.ping().await.is_err() {}
    figure(&format!("noticed after {noticed:.0} ms of silence"));
}

/// Connections are cut again and again while work goes on.
#[tokio::test]
async fn n3_connections_that_are_cut_lose_and_double_nothing() {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&proxy.url()).await, writer).await;
    for number in 0..30 {
        queue_notes(&app, [number]).await;
        proxy.cut_all();
    }
    ledger.all_of(0..30).await;
    app.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    assert_eq!(at_rest(&server).await.succeeded, 30);
    figure(&format!(
        "30 cuts, {} connections, 0 executed twice",
        proxy.connections()
    ));
}

/// A server that accepts and says nothing does not hang the opening.
#[tokio::test]
async fn n8_a_server_that_never_answers_is_an_error_at_the_start() {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    proxy.set_silent(true);
    let url = format!("{}?connect_timeout=200ms", proxy.url());
    let opening = Stopwatch::start();
    let error = RedisBroker::from_url(&url).await.unwrap_err();
    assert!(
        matches!(
            error.kind(),
            BrokerErrorKind::Timeout | BrokerErrorKind::Unavailable
        ),
        "{error:?}"
    );
    figure(&format!("given up after {:.0} ms", opening.millis()));
}

/// A blocked consumer whose connection is reset is woken again by the next run.
#[tokio::test]
async fn n9_a_blocked_consumer_survives_a_reset() {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&proxy.url()).await, writer).await;
    let producer = producer(broker(&server.url()).await).await;
    queue_notes(&producer, [0]).await;
    ledger.all_of([0]).await;
    let mut longest = 0.0_f64;
    for number in 1..6 {
        blocked(&server).await;
        proxy.cut_all();
        let cut = Stopwatch::start();
        queue_notes(&producer, [number]).await;
        ledger.all_of([number]).await;
        longest = longest.max(cut.millis());
    }
    app.stop().await.unwrap();
    producer.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    assert_eq!(at_rest(&server).await.succeeded, 6);
    figure(&format!("5 resets, served again within {longest:.0} ms"));
}

/// A blocked consumer survives the restart of the server.
#[tokio::test]
async fn n9_a_blocked_consumer_survives_a_restart() {
    let mut server = server(&[]);
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    blocked(&server).await;
    server.kill().unwrap();
    server.revive().unwrap();
    let revived = Stopwatch::start();
    let producer = producer(broker(&server.url()).await).await;
    queue_notes(&producer, 0..5).await;
    ledger.all_of(0..5).await;
    let served = revived.millis();
    app.stop().await.unwrap();
    assert_eq!(at_rest(&server).await.succeeded, 5);
    figure(&format!("served {served:.0} ms after the restart"));
}

/// Waits until a client blocks at the server.
async fn blocked(server: &aqueduct_redis_server::RedisServer) {
    let is_blocked = || {
        server
            .command(&["INFO", "clients"])
            .unwrap()
            .contains("blocked_clients:1")
    };
    while !is_blocked() {
        tokio::task::yield_now().await;
    }
}
