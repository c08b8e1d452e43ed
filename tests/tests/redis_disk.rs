//! What a server has on its disk when it dies: scenarios R2, R3, R14 and R20.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use aqueduct_redis_server::RedisServer;
use integration::figure::{Stopwatch, figure};
use integration::oracle::at_rest;
use integration::redis::{Ledger, app, broker, note, producer, queue_notes, server};
use integration::soon;

/// Writes every command to its file at once, and asks the disk for it once a second.
const EVERY_SECOND: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "everysec"];

/// Returns the file to which a server appends.
fn log_of(server: &RedisServer) -> PathBuf {
    let folder = server.socket().parent().unwrap().join("appendonlydir");
    let files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let mut logs = files.filter(|path| path.to_string_lossy().ends_with(".incr.aof"));
    logs.next().unwrap()
}

fn length_of(path: &PathBuf) -> u64 {
    fs::metadata(path).unwrap().len()
}

/// A server that is killed keeps what it wrote, although the disk was not asked for it yet.
#[tokio::test]
async fn r2_a_killed_server_keeps_what_it_has_written() {
    let mut server = server(&EVERY_SECOND);
    let producer = producer(broker(&server.url()).await).await;
    queue_notes(&producer, 0..100).await;
    server.kill().unwrap();
    server.revive().unwrap();
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    ledger.all_of(0..100).await;
    app.stop().await.unwrap();
    producer.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    assert_eq!(at_rest(&server).await.succeeded, 100);
    figure("100 accepted, killed at once, 0 lost");
}

/// A power cut takes what the disk did not have yet: that much is lost or done again, nothing else, and
/// whoever queues and consumes goes on.
#[tokio::test]
async fn r2_a_power_cut_takes_only_what_the_disk_did_not_have() {
    let mut server = server(&EVERY_SECOND);
    let (mut ledger, writer) = Ledger::new();
    let producer = producer(broker(&server.url()).await).await;
    queue_notes(&producer, 0..50).await;
    let log = log_of(&server);
    let on_disk = length_of(&log);
    // Executed, settled, and a part queued, which the disk does not have.
    let app = app(broker(&server.url()).await, writer).await;
    ledger.all_of(0..50).await;
    queue_notes(&producer, 50..60).await;
    ledger.all_of(50..60).await;
    server.kill().unwrap();
    let lost = length_of(&log) - on_disk;
    OpenOptions::new()
        .write(true)
        .open(&log)
        .unwrap()
        .set_len(on_disk)
        .unwrap();
    server.revive().unwrap();
    while (0..50).any(|number| ledger.executed.get(&number) < Some(&2)) {
        ledger.next().await;
    }
    queue_notes(&producer, 60..70).await;
    ledger.all_of(60..70).await;
    app.stop().await.unwrap();
    producer.stop().await.unwrap();
    assert_eq!(at_rest(&server).await.succeeded, 60);
    let most = ledger.executed.values().max();
    assert_eq!(most, Some(&2), "what came back runs once more");
    figure(&format!(
        "{lost} bytes lost: 50 settled runs came back and ran once more, 10 later ones did not, 10 new ones ran"
    ));
}

/// A server with snapshots alone goes back to the last one: what was queued since is lost, what was settled
/// since is done once more.
#[tokio::test]
async fn r3_a_snapshot_is_what_is_left() {
    let mut server = server(&[]);
    let (mut ledger, writer) = Ledger::new();
    let producer = producer(broker(&server.url()).await).await;
    queue_notes(&producer, 0..50).await;
    server.command(&["SAVE"]).unwrap();
    let app = app(broker(&server.url()).await, writer).await;
    ledger.all_of(0..50).await;
    queue_notes(&producer, 50..60).await;
    ledger.all_of(50..60).await;
    server.kill().unwrap();
    server.revive().unwrap();
    while (0..50).any(|number| ledger.executed.get(&number) < Some(&2)) {
        ledger.next().await;
    }
    queue_notes(&producer, 60..70).await;
    ledger.all_of(60..70).await;
    app.stop().await.unwrap();
    producer.stop().await.unwrap();
    assert_eq!(at_rest(&server).await.succeeded, 60);
    assert_eq!(ledger.executed.values().max(), Some(&2));
    figure("50 runs of the snapshot ran once more, 10 later ones are lost, 10 new ones ran");
}

/// A server that reads a large file at its start says so for a while: nobody gives up, nothing is lost.
#[tokio::test]
async fn r14_a_server_that_loads_is_waited_for() {
    const KEYS: &str = "for at = 1, 2000 do redis.call('SET', 'filler:' .. at, at) end";
    let slowly = [
        "--key-load-delay",
        "1000",
        "--loading-process-events-interval-bytes",
        "1024",
    ];
    let mut server = server(&slowly);
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    let manager = app.task_manager().clone();
    server.command(&["EVAL", KEYS, "0"]).unwrap();
    server.command(&["SAVE"]).unwrap();
    server.kill().unwrap();
    let killed = Stopwatch::start();
    let reviving = tokio::task::spawn_blocking(move || {
        server.revive().unwrap();
        server
    });
    let mut accepted = Vec::new();
    let mut number = 0;
    while accepted.len() < 50 {
        if note::queue(&manager, number).await.is_ok() {
            accepted.push(number);
        }
        number += 1;
    }
    let outage = killed.millis();
    let server = soon("it never loads", reviving).await.unwrap();
    ledger.all_of(accepted).await;
    app.stop().await.unwrap();
    let errors = server.command(&["INFO", "errorstats"]).unwrap();
    let said = errors
        .lines()
        .find_map(|line| line.strip_prefix("errorstat_LOADING:count="));
    let said: usize = said.unwrap().trim().parse().unwrap();
    assert!(said > 0, "nobody met it while it loaded");
    for at in 1..=2000 {
        server.command(&["DEL", &format!("filler:{at}")]).unwrap();
    }
    at_rest(&server).await;
    figure(&format!(
        "answered LOADING {said} times, first run accepted after {outage:.0} ms, {} refused before, 0 lost",
        number - 50
    ));
}

/// A server does not start over a file with garbage at its end; once somebody has cut that off, work goes on.
#[tokio::test]
async fn r20_a_file_with_garbage_at_its_end_loses_nothing() {
    let mut server = server(&EVERY_SECOND);
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    queue_notes(&app, 0..20).await;
    ledger.all_of(0..20).await;
    let log = log_of(&server);
    server.kill().unwrap();
    let good = length_of(&log);
    let mut file = OpenOptions::new().append(true).open(&log).unwrap();
    file.write_all(b"*3\r\n$3\r\nSET\r\nthis is no length\r\n")
        .unwrap();
    assert!(server.revive().is_err(), "it starts over garbage");
    file.set_len(good).unwrap();
    server.revive().unwrap();
    queue_notes(&app, 20..40).await;
    ledger.all_of(20..40).await;
    app.stop().await.unwrap();
    at_rest(&server).await;
    figure("refused to start once, 40 runs accepted, 0 lost");
}
