//! Connections that are cut, silent or refused: scenarios N2 to N9.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aqueduct::broker_api::{BrokerErrorKind, BrokerExt};
use aqueduct::redis::{RedisBroker, RedisConfig};
use integration::proxy::FaultProxy;
use integration::redis::{Ledger, app, broker, producer, queue_notes, server};

/// The server's answers stop: that is noticed, and others take over.
#[tokio::test]
async fn n2_a_connection_that_goes_silent_is_given_up() {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let config = RedisConfig::from_url(&format!("{}?timeout=500ms", proxy.url())).unwrap();
    let disturbed = RedisBroker::open(config).await.unwrap();
    disturbed.ping().await.unwrap();
    proxy.set_silent(true);
    let error = disturbed.ping().await.unwrap_err();
    assert_eq!(error.kind(), BrokerErrorKind::Timeout);
    proxy.set_silent(false);
    proxy.cut_all();
    while disturbed.ping().await.is_err() {}
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
}

/// A server that accepts and says nothing does not hang the opening.
#[tokio::test]
async fn n8_a_server_that_never_answers_is_an_error_at_the_start() {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    proxy.set_silent(true);
    let url = format!("{}?connect_timeout=200ms", proxy.url());
    let error = RedisBroker::from_url(&url).await.unwrap_err();
    assert!(
        matches!(
            error.kind(),
            BrokerErrorKind::Timeout | BrokerErrorKind::Unavailable
        ),
        "{error:?}"
    );
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
    for number in 1..6 {
        blocked(&server).await;
        proxy.cut_all();
        queue_notes(&producer, [number]).await;
        ledger.all_of([number]).await;
    }
    app.stop().await.unwrap();
    producer.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0]);
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
    let producer = producer(broker(&server.url()).await).await;
    queue_notes(&producer, 0..5).await;
    ledger.all_of(0..5).await;
    app.stop().await.unwrap();
    assert_eq!(
        broker(&server.url())
            .await
            .queue_length()
            .await
            .unwrap()
            .values()
            .sum::<u64>(),
        0
    );
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
