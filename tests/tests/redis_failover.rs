//! Primaries that are demoted, die or stand still: scenarios C2, C3, C4, C6, C7 and C8.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::Range;
use std::process::Command;

use aqueduct::RunningApp;
use aqueduct_redis_server::{RedisCluster, RedisSentinels};
use integration::figure::{Stopwatch, figure};
use integration::oracle::{at_rest, unfinished};
use integration::redis::{Ledger, app, broker, note, queue_notes, server};
use integration::soon;

/// An application at work on servers of which the primary is lost.
struct Trial {
    url: String,
    app: RunningApp,
    ledger: Ledger,
}

impl Trial {
    /// Begins to work.
    async fn begin(url: String) -> Self {
        let (ledger, writer) = Ledger::new();
        let app = app(broker(&url).await, writer).await;
        let mut trial = Self { url, app, ledger };
        trial.works(0..20).await;
        trial
    }

    async fn works(&mut self, numbers: Range<u64>) {
        queue_notes(&self.app, numbers.clone()).await;
        self.ledger.all_of(numbers).await;
    }

    /// Queues one run again and again until it is accepted, and works on; returns how long that took, in seconds.
    async fn outlasts(&mut self) -> f64 {
        let watch = Stopwatch::start();
        let manager = self.app.task_manager().clone();
        let queued = async { while note::queue(&manager, 100).await.is_err() {} };
        soon("the outage never ends", queued).await;
        let outage = watch.elapsed().as_secs_f64();
        queue_notes(&self.app, 101..120).await;
        self.ledger.all_of(100..120).await;
        outage
    }

    /// Stops; nothing is left unfinished.
    async fn end(self, outage: f64) {
        self.app.stop().await.unwrap();
        let direct = broker(&self.url).await;
        assert_eq!(unfinished(&direct).await, 0);
        figure(&format!(
            "outage {outage:.1} s, {} executed twice",
            self.ledger.doubled().len()
        ));
    }
}

fn signal(pid: u32, signal: &str) {
    let done = Command::new("kill")
        .arg(format!("-{signal}"))
        .arg(pid.to_string())
        .status();
    assert!(done.is_ok_and(|status| status.success()));
}

/// A primary that is demoted and promoted again while consumers block: READONLY ends no loop.
#[tokio::test]
async fn c2_a_demoted_primary_is_waited_for() {
    let server = server(&[]);
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&server.url()).await, writer).await;
    for number in 0..5 {
        queue_notes(&app, [number]).await;
        ledger.all_of([number]).await;
        server.command(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
        let manager = app.task_manager().clone();
        let queued = async { while note::queue(&manager, number + 100).await.is_err() {} };
        let promoted = async { server.command(&["REPLICAOF", "NO", "ONE"]).unwrap() };
        tokio::join!(queued, promoted);
        ledger.all_of([number + 100]).await;
    }
    app.stop().await.unwrap();
    let ended = at_rest(&server).await;
    assert_eq!(ended.succeeded, 10);
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    figure("demoted 5 times, 0 lost, 0 executed twice");
}

/// The primary dies; sentinels promote a replica; work goes on there.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn c3_a_dead_primary_is_replaced_by_sentinels() {
    let mut sentinels = RedisSentinels::start().unwrap();
    let mut trial = Trial::begin(sentinels.url()).await;
    sentinels.primary().unwrap().kill().unwrap();
    let outage = trial.outlasts().await;
    trial.end(outage).await;
}

/// The primary stands still, is replaced, and comes back with clients stuck on it: they find the new one.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn c4_a_primary_that_stood_still_comes_back_as_a_replica() {
    let mut sentinels = RedisSentinels::start().unwrap();
    let mut trial = Trial::begin(sentinels.url()).await;
    let old = sentinels.primary().unwrap().pid().unwrap();
    signal(old, "STOP");
    let outage = trial.outlasts().await;
    signal(old, "CONT");
    trial.works(120..140).await;
    trial.end(outage).await;
}

/// The primary of the namespace's slot dies; its replica takes over; work goes on there.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn c6_a_dead_primary_is_replaced_in_a_cluster() {
    let mut cluster = RedisCluster::start().unwrap();
    let mut trial = Trial::begin(cluster.url()).await;
    let primary = cluster.primary_of("{aqueduct}:none").unwrap();
    primary.kill().unwrap();
    let outage = trial.outlasts().await;
    trial.end(outage).await;
}

/// The primary of the namespace's slot stands still: nobody waits for it for ever.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn c7_a_primary_of_a_cluster_that_stands_still_is_left() {
    let mut cluster = RedisCluster::start().unwrap();
    let mut trial = Trial::begin(cluster.url()).await;
    let primary = cluster.primary_of("{aqueduct}:none").unwrap();
    let old = primary.pid().unwrap();
    signal(old, "STOP");
    let outage = trial.outlasts().await;
    signal(old, "CONT");
    trial.works(120..140).await;
    trial.end(outage).await;
}

/// The slot of the namespace moves from primary to primary, key by key, under load: nothing is lost or doubled.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn c8_a_slot_that_moves_loses_nothing() {
    const MOVES: u64 = 6;
    let cluster = RedisCluster::start().unwrap();
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&cluster.url()).await, writer).await;
    let url = cluster.url();
    let moving = tokio::task::spawn_blocking(move || {
        for _ in 0..MOVES {
            cluster.move_slot_of("{aqueduct}:none").unwrap();
        }
        cluster
    });
    let (mut accepted, mut tried) = (Vec::new(), 0);
    let _cluster = loop {
        if note::queue(app.task_manager(), tried).await.is_ok() {
            accepted.push(tried);
        }
        tried += 1;
        if moving.is_finished() {
            break moving.await.unwrap();
        }
    };
    queue_notes(&app, tried..tried + 20).await;
    accepted.extend(tried..tried + 20);
    let queued = accepted.len();
    ledger.all_of(accepted).await;
    app.stop().await.unwrap();
    let direct = broker(&url).await;
    while unfinished(&direct).await > 0 {}
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    figure(&format!(
        "moved {MOVES} times, {queued} of {} runs accepted, 0 lost, 0 executed twice",
        tried + 20
    ));
}
