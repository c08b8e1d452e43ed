//! A primary that dies before its replica knows what it has acknowledged: scenario C1.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct::broker_api::BrokerHandle;
use aqueduct::{App, Broker, RunningApp, State, TaskContext, task, tasks};
use aqueduct_redis_server::RedisServer;
use integration::figure::{Stopwatch, figure};
use integration::oracle::at_rest;
use integration::proxy::FaultProxy;
use integration::redis::{Ledger, Writer, broker, note, queue_notes, server};
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

/// A primary, a replica behind a tunnel, and an application that is led to either.
struct World {
    primary: RedisServer,
    replica: RedisServer,
    tunnel: FaultProxy,
    front: FaultProxy,
    app: RunningApp,
    ledger: Ledger,
    gate: watch::Sender<bool>,
}

impl World {
    async fn new() -> Self {
        let primary = server(&["--repl-diskless-sync-delay", "0"]);
        let tunnel = FaultProxy::tunnel(primary.port()).await;
        let port = tunnel.port().to_string();
        let replica = server(&["--replicaof", "127.0.0.1", &port]);
        let front = FaultProxy::start(primary.port()).await;
        let (ledger, writer) = Ledger::new();
        let (gate, receiver) = watch::channel(false);
        let broker = Broker::from(BrokerHandle::new(broker(&front.url()).await));
        let app = App::new(broker)
            .tasks(tasks![note, hang])
            .state(writer)
            .state(receiver)
            .without_scheduler();
        let app = app.consumer(|it| it.lease(Duration::from_secs(2)).concurrency(32));
        Self {
            app: app.start().await.unwrap(),
            primary,
            replica,
            tunnel,
            front,
            ledger,
            gate,
        }
    }

    /// Waits until the replica has everything that the primary has now.
    async fn replicated(&self) {
        let offset = |server: &RedisServer, field: &str| -> Option<u64> {
            let info = server.command(&["INFO", "replication"]).unwrap();
            let mut lines = info.lines();
            lines.find_map(|line| line.strip_prefix(field)?.trim().parse().ok())
        };
        let wanted = offset(&self.primary, "master_repl_offset:").unwrap();
        let caught_up = async {
            while offset(&self.replica, "slave_repl_offset:").is_none_or(|it| it < wanted) {
                tokio::task::yield_now().await;
            }
        };
        soon("the replica does not catch up", caught_up).await;
    }

    /// Kills the primary, and leads everybody to the replica.
    fn fail_over(&mut self) {
        self.primary.kill().unwrap();
        self.tunnel.cut_all();
        self.replica.command(&["REPLICAOF", "NO", "ONE"]).unwrap();
        self.front.lead_to(self.replica.port());
    }
}

/// What the replica has not heard of is lost or done again; what is done again is recorded once.
#[tokio::test]
async fn c1_what_was_not_replicated_is_lost_or_done_again() {
    let mut world = World::new().await;
    let manager = world.app.task_manager().clone();
    queue_notes(&world.app, 0..20).await;
    world.ledger.all_of(0..20).await;
    // Known to the replica, and begun when it hears of nothing any more.
    for number in 100..120 {
        let wait = Duration::from_millis(700);
        note::queue(&manager, number).delay(wait).await.unwrap();
        hang::queue(&manager, number + 100)
            .delay(wait)
            .await
            .unwrap();
    }
    world.replicated().await;
    world.tunnel.set_silent(true);
    let window = Stopwatch::start();
    // Accepted in the window: executed there, or lost.
    queue_notes(&world.app, 20..40).await;
    for number in 40..60 {
        let wait = Duration::from_mins(1);
        note::queue(&manager, number).delay(wait).await.unwrap();
    }
    world
        .ledger
        .all_of((20..40).chain(100..120).chain(200..220))
        .await;
    let window = window.elapsed().as_secs_f64();
    world.fail_over();
    let outage = Stopwatch::start();
    let back = async { while note::queue(&manager, 300).await.is_err() {} };
    soon("nobody finds the replica", back).await;
    let outage = outage.elapsed().as_secs_f64();
    queue_notes(&world.app, 301..310).await;
    world.ledger.all_of(300..310).await;
    world.gate.send(true).unwrap();
    // The books of the replica: what it knew of, and what came after; each once.
    let known = 20 + 20 + 20 + 10;
    let ended = at_rest(&world.replica).await;
    world.app.stop().await.unwrap();
    assert_eq!((ended.succeeded, ended.failed), (known, 0));
    while world.ledger.try_next().is_some() {}
    let executed = &world.ledger.executed;
    assert!(executed.values().all(|times| *times <= 2), "{executed:?}");
    let lost = (20..60).filter(|number| !executed.contains_key(number));
    figure(&format!(
        "window {window:.1} s, outage {outage:.1} s: {} of 40 accepted in it lost, {} of {known} known \
         done twice and recorded once",
        lost.count(),
        world.ledger.doubled().len()
    ));
}
