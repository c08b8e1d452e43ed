//! A server that refuses connections, commands or writes: scenarios R11, R13, R15 and R18.

use std::time::Duration;

use aqueduct::broker_api::BrokerErrorKind;
use aqueduct::manager::QueueErrorKind;
use aqueduct::redis::RedisBroker;
use integration::figure::{Stopwatch, figure};
use integration::oracle::at_rest;
use integration::redis::{Ledger, app, broker, note, producer, queue_notes, server};
use integration::soon;

/// No connection is left: who has one goes on, who comes waits.
#[tokio::test]
async fn r11_existing_clients_go_on_when_there_are_too_many() {
    let server = server(&[]);
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    queue_notes(&app, [0]).await;
    ledger.all_of([0]).await;
    let mut others = Vec::new();
    server
        .command(&["CONFIG", "SET", "maxclients", "20"])
        .unwrap();
    let full = loop {
        let other = std::net::TcpStream::connect(("127.0.0.1", server.port()));
        others.push(other.unwrap());
        if let Err(error) = server.command(&["PING"]) {
            break error.to_string();
        }
    };
    assert!(full.contains("max number of clients"), "{full}");
    let error = RedisBroker::from_url(&server.url()).await.unwrap_err();
    assert_ne!(error.kind(), BrokerErrorKind::Config, "{error:?}");
    queue_notes(&app, 1..10).await;
    ledger.all_of(1..10).await;
    let many = others.len();
    drop(others);
    let opened = async { while RedisBroker::from_url(&server.url()).await.is_err() {} };
    soon("nobody is let in", Box::pin(opened)).await;
    app.stop().await.unwrap();
    assert_eq!(at_rest(&server).await.succeeded, 10);
    figure(&format!("{many} others, 9 runs while full, 0 lost"));
}

/// The server cannot save and refuses writes: a clear error; what is claimed is settled once it can.
#[tokio::test]
async fn r13_a_server_that_cannot_save_is_waited_for() {
    let server = server(&["--save", "3600 1", "--enable-protected-configs", "yes"]);
    let producer = producer(broker(&server.url()).await).await;
    queue_notes(&producer, 0..20).await;
    let late = broker(&server.url()).await;
    let folder = server.command(&["CONFIG", "GET", "dir"]).unwrap();
    let folder = folder.lines().nth(1).unwrap().to_owned();
    // Nothing can be written there.
    server.command(&["CONFIG", "SET", "dir", "/proc"]).unwrap();
    server.command(&["BGSAVE"]).unwrap();
    let failed = async {
        loop {
            let info = server.command(&["INFO", "persistence"]).unwrap();
            if info.contains("rdb_last_bgsave_status:err") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    soon("the save does not fail", failed).await;
    let error = note::queue(producer.task_manager(), 20).await.unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::QueueFull, "{error:?}");
    let (mut ledger, writer) = Ledger::new();
    let app = app(late, writer).await;
    server.command(&["CONFIG", "SET", "dir", &folder]).unwrap();
    server.command(&["CONFIG", "SET", "save", ""]).unwrap();
    let healed = Stopwatch::start();
    ledger.all_of(0..20).await;
    let outage = healed.elapsed().as_secs_f64();
    queue_notes(&producer, [21]).await;
    ledger.all_of([21]).await;
    app.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    assert_eq!(at_rest(&server).await.succeeded, 21);
    figure(&format!(
        "1 refused, outage {outage:.1} s after healing, 0 lost"
    ));
}

/// A right is taken away while a consumer works: it ends and says what it lacks; another one goes on.
#[tokio::test]
async fn r15_a_consumer_without_its_rights_ends_with_an_error() {
    let server = server(&[]);
    let user = include_str!("../../crates/broker-redis/acl/consumer.acl");
    let words: Vec<&str> = user.split_whitespace().skip(1).collect();
    let set = |words: &[&str]| {
        server
            .command(&[&["ACL", "SETUSER"], words].concat())
            .unwrap()
    };
    drop(broker(&server.url()).await);
    set(&words);
    let url = format!("redis://consumer:change-me@127.0.0.1:{}", server.port());
    let (mut ledger, writer) = Ledger::new();
    let mut consumer = app(broker(&url).await, writer.clone()).await;
    let producer = producer(broker(&server.url()).await).await;
    queue_notes(&producer, 0..5).await;
    ledger.all_of(0..5).await;
    set(&["consumer", "-evalsha", "-eval"]);
    let revoked = Stopwatch::start();
    queue_notes(&producer, 5..10).await;
    soon("it goes on without its rights", consumer.failed()).await;
    let took = revoked.millis();
    let error = consumer.stop().await.unwrap_err();
    let mut shown = format!("{error} {error:?}");
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        shown = format!("{shown} {cause}");
        source = cause.source();
    }
    assert!(shown.contains("NOPERM"), "{shown}");
    assert!(!shown.contains("change-me"), "{shown}");
    set(&words);
    let again = app(broker(&url).await, writer).await;
    ledger.all_of(0..10).await;
    // What the first one could not settle is taken back, so that the second must live on.
    assert_eq!(at_rest(&server).await.succeeded, 10);
    again.stop().await.unwrap();
    figure(&format!(
        "ended {took:.0} ms after the right was taken away, 0 lost"
    ));
}

/// The server closes idle connections: nobody notices.
#[tokio::test]
async fn r18_idle_connections_that_are_closed_are_made_anew() {
    let server = server(&["--timeout", "1"]);
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    let mut errors = 0;
    for number in 0..2 {
        if note::queue(app.task_manager(), number).await.is_err() {
            errors += 1;
        }
        // Being idle is the fault.
        tokio::time::sleep(Duration::from_millis(2500)).await;
    }
    queue_notes(&app, 2..5).await;
    ledger.all_of(2..5).await;
    app.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    assert_eq!(errors, 0);
    assert_eq!(at_rest(&server).await.succeeded, 5);
    figure("idle twice, 0 errors, 0 executed twice");
}
