//! A server that dies, is emptied, full, busy or wrong: scenarios R1 to R19, P1 and P2.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aqueduct::broker_api::{BrokerAdmin, BrokerErrorKind};
use aqueduct::manager::QueueErrorKind;
use aqueduct::redis::RedisBroker;
use aqueduct::{App, Broker, tasks};
use aqueduct_redis_server::RedisServer;
use integration::figure::{Stopwatch, figure, percentile};
use integration::oracle::at_rest;
use integration::redis::{Ledger, app, broker, note, note_and_fail, producer, queue_notes, server};

/// What was acknowledged survives the death of a server that writes every step to disk.
#[tokio::test]
async fn r1_what_was_acknowledged_survives_a_killed_server() {
    let mut server = server(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    let manager = app.task_manager().clone();
    let (mut acknowledged, mut outages) = (Vec::new(), Vec::new());
    let mut killed = None;
    for number in 0..150 {
        if number % 50 == 25 {
            server.kill().unwrap();
            killed = Some(Stopwatch::start());
            server.revive().unwrap();
        }
        if note::queue(&manager, number).await.is_ok() {
            acknowledged.push(number);
            outages.extend(killed.take().map(|it| it.millis()));
        }
    }
    assert!(
        acknowledged.len() > 100,
        "only {} were acknowledged",
        acknowledged.len()
    );
    let accepted = acknowledged.len();
    ledger.all_of(acknowledged).await;
    app.stop().await.unwrap();
    at_rest(&server).await;
    figure(&format!(
        "3 kills, {accepted} of 150 accepted, 0 of them lost, {} executed twice, outage {:.0} ms",
        ledger.doubled().len(),
        percentile(&mut outages, 100)
    ));
}

/// An emptied server is not a dead end: what is queued from then on runs.
#[tokio::test]
async fn r4_an_emptied_server_goes_on() {
    let server = server(&[]);
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    for round in 0..5 {
        queue_notes(&app, [round]).await;
        ledger.all_of([round]).await;
        server.command(&["FLUSHALL"]).unwrap();
    }
    let emptied = Stopwatch::start();
    queue_notes(&app, [100]).await;
    ledger.all_of([100]).await;
    let outage = emptied.millis();
    app.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    at_rest(&server).await;
    figure(&format!("emptied 5 times, next run after {outage:.1} ms"));
}

/// A server that forgets its scripts is told them again; nobody sees an error.
#[tokio::test]
async fn r7_forgotten_scripts_are_loaded_again() {
    let server = server(&[]);
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    for number in 0..50 {
        server.command(&["SCRIPT", "FLUSH"]).unwrap();
        queue_notes(&app, [number]).await;
    }
    ledger.all_of(0..50).await;
    app.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    assert_eq!(at_rest(&server).await.succeeded, 50);
    let errors = server.command(&["INFO", "errorstats"]).unwrap();
    let asked = errors
        .lines()
        .find_map(|line| line.strip_prefix("errorstat_NOSCRIPT:count="));
    figure(&format!(
        "forgotten 50 times, {} scripts sent again, 0 errors",
        asked.unwrap_or("0").trim()
    ));
}

/// A full server refuses new work with an error that says so, and can still be drained.
#[tokio::test]
async fn r8_a_full_server_refuses_new_work_and_is_drained() {
    let server = server(&[]);
    let producer = producer(broker(&server.url()).await).await;
    queue_notes(&producer, 0..100).await;
    server
        .command(&["CONFIG", "SET", "maxmemory", "1mb"])
        .unwrap();
    let error = note::queue(producer.task_manager(), 100).await.unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::QueueFull, "{error:?}");
    assert!(error.is_retryable());
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    ledger.all_of(0..100).await;
    server
        .command(&["CONFIG", "SET", "maxmemory", "0"])
        .unwrap();
    queue_notes(&producer, [101]).await;
    ledger.all_of([101]).await;
    app.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    assert_eq!(at_rest(&server).await.succeeded, 101);
    figure("1 refused, 100 drained while full, 1 accepted after");
}

/// A server that may throw runs away is refused at the start, with what to set.
#[tokio::test]
async fn r9_a_server_that_evicts_is_refused() {
    let server = server(&["--maxmemory-policy", "allkeys-lru"]);
    let error = RedisBroker::from_url(&server.url()).await.unwrap_err();
    assert_eq!(error.kind(), BrokerErrorKind::Config);
    assert!(
        error.to_string().contains("maxmemory-policy noeviction"),
        "{error}"
    );
    let accepted = format!("{}?accept_eviction=yes", server.url());
    RedisBroker::from_url(&accepted).await.unwrap();
    figure("refused at the start, accepted when told to");
}

/// Clients that are killed come back, and nothing is lost or doubled.
#[tokio::test]
async fn r10_killed_clients_come_back() {
    let server = server(&[]);
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    for number in 0..40 {
        server
            .command(&["CLIENT", "KILL", "TYPE", "normal"])
            .unwrap();
        queue_notes(&app, [number]).await;
    }
    ledger.all_of(0..40).await;
    app.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    assert_eq!(at_rest(&server).await.succeeded, 40);
    figure("killed 40 times, 0 lost, 0 executed twice");
}

/// Somebody else's endless script holds the server up; work goes on after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r12_a_busy_server_is_waited_for() {
    let server = server(&["--busy-reply-threshold", "50"]);
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    queue_notes(&app, [0]).await;
    ledger.all_of([0]).await;
    let server = std::sync::Arc::new(server);
    let busy = std::sync::Arc::clone(&server);
    let busy =
        tokio::task::spawn_blocking(move || busy.command(&["EVAL", "while true do end", "0"]));
    let refused = loop {
        match server.command(&["PING"]) {
            Err(error) if error.to_string().starts_with("BUSY") => break error,
            _ => tokio::task::yield_now().await,
        }
    };
    assert!(refused.to_string().contains("SCRIPT KILL"), "{refused}");
    server.command(&["SCRIPT", "KILL"]).unwrap();
    assert!(busy.await.unwrap().is_err());
    let calls = calls(&server);
    let released = Stopwatch::start();
    queue_notes(&app, 1..10).await;
    ledger.all_of(1..10).await;
    let outage = released.millis();
    app.stop().await.unwrap();
    assert_eq!(at_rest(&server).await.succeeded, 10);
    figure(&format!(
        "{calls} calls refused while busy, next runs {outage:.1} ms after"
    ));
}

/// Returns how many calls were refused because the server was busy.
fn calls(server: &RedisServer) -> String {
    let errors = server.command(&["INFO", "errorstats"]).unwrap();
    let refused = errors
        .lines()
        .find_map(|line| line.strip_prefix("errorstat_BUSY:count="));
    refused.unwrap_or("0").trim().to_owned()
}

/// What somebody has broken by hand hurts nobody else: ghosts, doubles, and runs without an owner.
#[tokio::test]
async fn r19_keys_that_were_broken_by_hand_hurt_nobody_else() {
    let server = server(&[]);
    let producer = producer(broker(&server.url()).await).await;
    queue_notes(&producer, 0..3).await;
    let ready = "{aqueduct}:ready:io:medium:default";
    // A ghost: an id without a run; a double: the same id twice; a wrong consumer in the list of leases.
    server
        .command_bytes(&[b"LPUSH", ready.as_bytes(), &[0; 17]])
        .unwrap();
    server
        .command_bytes(&[b"LPUSH", ready.as_bytes(), &[0; 17]])
        .unwrap();
    server
        .command(&["ZADD", "{aqueduct}:consumers", "1", "nobody"])
        .unwrap();
    server
        .command(&["ZADD", "{aqueduct}:due", "1", "no run of this id"])
        .unwrap();
    server
        .command(&["ZADD", "{aqueduct}:deadlines", "1", "no run of this id"])
        .unwrap();
    server
        .command(&["ZADD", "{aqueduct}:kept", "1", "no run of this id"])
        .unwrap();
    // A run that is stored by id, due and with a deadline, and one that a dead consumer holds, cut short.
    let id = [b'x'; 16];
    let due = [&[0; 6][..], &id].concat();
    server
        .command_bytes(&[b"HSET", b"{aqueduct}:runs", &id, b"short"])
        .unwrap();
    server
        .command_bytes(&[b"ZADD", b"{aqueduct}:due", b"1", &due])
        .unwrap();
    server
        .command_bytes(&[b"HSET", b"{aqueduct}:runs", b"yyyyyyyyyyyyyyyy", b"short"])
        .unwrap();
    server
        .command_bytes(&[b"ZADD", b"{aqueduct}:deadlines", b"1", b"yyyyyyyyyyyyyyyy"])
        .unwrap();
    server
        .command_bytes(&[b"HSET", b"{aqueduct}:own:nobody", &id, b"short"])
        .unwrap();
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    ledger.all_of(0..3).await;
    queue_notes(&producer, 3..6).await;
    ledger.all_of(3..6).await;
    while server.command(&["LLEN", "{aqueduct}:unreadable"]).unwrap() != "3" {
        tokio::task::yield_now().await;
    }
    app.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    assert_eq!(at_rest(&server).await.succeeded, 6);
    figure("10 keys broken, 3 runs set aside, 6 executed once");
}

/// Bytes that are no run are set aside, each alone; the runs around them are executed.
#[tokio::test]
async fn p1_bytes_that_are_no_run_are_set_aside() {
    let server = server(&[]);
    let producer = producer(broker(&server.url()).await).await;
    let ready = b"{aqueduct}:ready:io:medium:default";
    let mut broken: Vec<Vec<u8>> = vec![b"".to_vec(), vec![0xff; 100], vec![1; 41], vec![2; 80]];
    // A run of a later version, one with unknown flags, and one whose parameters are no MessagePack.
    let mut whole = vec![1, 0, 0x14, 0];
    whole.extend([7; 16]);
    whole.extend([0; 20]);
    whole.extend(b"\x04note\xc1");
    broken.push(whole);
    for (number, bytes) in broken.iter().enumerate() {
        server.command_bytes(&[b"RPUSH", ready, bytes]).unwrap();
        queue_notes(&producer, [number as u64]).await;
    }
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    ledger.all_of(0..broken.len() as u64).await;
    app.stop().await.unwrap();
    let aside = broker(&server.url()).await.unreadable().await.unwrap();
    assert_eq!(aside, broken.len() as u64);
    let ended = at_rest(&server).await;
    assert_eq!(ended.succeeded, broken.len() as u64);
    figure(&format!("{aside} set aside, {} executed", ended.succeeded));
}

/// A task that no consumer knows yet is parked, and runs once one does; no failure is counted.
#[tokio::test]
async fn p2_an_unknown_task_runs_once_somebody_knows_it() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    let producer = producer(broker(&server.url()).await).await;
    let old = App::new(Broker::from_url(&server.url()).await.unwrap()).tasks(tasks![note_and_fail]);
    let (mut ledger, writer) = Ledger::new();
    let old = old.state(writer.clone()).start().await.unwrap();
    let run = note::queue(producer.task_manager(), 1).await.unwrap().id();
    let parks = async || {
        let found = direct.find(&[run]).await.unwrap().pop().flatten();
        found.map(|run| (run.tally.parks, run.tally.failures))
    };
    while parks().await != Some((1, 0)) {
        tokio::task::yield_now().await;
    }
    let new = app(broker(&server.url()).await, writer).await;
    old.stop().await.unwrap();
    assert_eq!(ledger.next().await.number, 1);
    new.stop().await.unwrap();
    producer.stop().await.unwrap();
    assert_eq!(at_rest(&server).await.succeeded, 1);
    figure("parked once, 0 failures counted, executed once");
}
