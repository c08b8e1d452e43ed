//! Much at once: scenarios Q1, Q7 and S9.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::time::Duration;

use aqueduct::broker_api::{BrokerHandle, Lease, ScheduleDefinition, ScheduleStore};
use aqueduct::redis::{RedisBroker, RedisConfig};
use aqueduct::run::{RunOptions, Unique};
use aqueduct::{App, Broker, Payload, QueuedTask, RunId, Schedule, Timestamp, tasks};
use aqueduct_core::queue::Due;
use aqueduct_redis_server::RedisServer;
use integration::contract::{Client, Source, run};
use integration::figure::{Stopwatch, figure, percentile};
use integration::oracle::{at_rest, at_rest_of, memory_of, unfinished};
use integration::redis::{Ledger, broker, note, server};
use integration::soon;

/// The most runs of one request.
const BATCH: usize = 512;

/// A lease that no test outlasts.
const LONG: Duration = Duration::from_mins(30);

fn with_payload(payload: &Payload) -> QueuedTask {
    let mut task = run();
    task.payload = payload.clone();
    task
}

/// Queues so many runs in full batches; returns their ids.
async fn fill(direct: &RedisBroker, count: usize, make: impl Fn() -> QueuedTask) -> HashSet<RunId> {
    let (mut source, mut ids) = (Source::new(direct), HashSet::with_capacity(count));
    while ids.len() < count {
        let batch: Vec<_> = (0..BATCH.min(count - ids.len())).map(|_| make()).collect();
        ids.extend(batch.iter().map(|task| task.id));
        source.enqueue(batch).await;
    }
    ids
}

/// Executes everything; each run must be known, and come once.
async fn drain(client: &mut Client, mut ids: HashSet<RunId>, mut each: impl FnMut()) {
    let mut held = Vec::new();
    while !ids.is_empty() || !held.is_empty() {
        let claimed = client.exchange(std::mem::take(&mut held), BATCH).await;
        assert!(claimed.len() <= BATCH);
        for lease in &claimed {
            assert!(ids.remove(&lease.run().id), "a run came twice");
        }
        held = claimed;
        each();
    }
}

/// Returns the time of an enqueue, and of a claim with a settlement, that 99 of 100 take at most.
async fn one_by_one(direct: &RedisBroker, payload: &Payload, ids: &mut HashSet<RunId>) -> [f64; 2] {
    const TIMES: usize = 2000;
    let (mut client, mut source) = (Client::new(direct, LONG), Source::new(direct));
    let (mut enqueues, mut claims) = (Vec::new(), Vec::new());
    let mut held = Vec::new();
    for _ in 0..TIMES {
        let task = with_payload(payload);
        ids.insert(task.id);
        let watch = Stopwatch::start();
        source.enqueue(vec![task]).await;
        enqueues.push(watch.millis());
        let watch = Stopwatch::start();
        let claimed = client.exchange(std::mem::take(&mut held), 1).await;
        claims.push(watch.millis());
        assert!(ids.remove(&claimed[0].run().id), "a run came twice");
        held = claimed;
    }
    client.exchange(held, 0).await;
    [percentile(&mut enqueues, 99), percentile(&mut claims, 99)]
}

/// A million runs wait: one more costs what it costs in an empty queue, and all are executed once.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn q1_a_long_backlog_costs_memory_and_no_time() {
    const BACKLOG: usize = 1_000_000;
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    let payload = Payload::encode(&"x".repeat(198)).unwrap();
    assert_eq!(payload.len(), 200);
    let mut ids = HashSet::new();
    let [enqueue_empty, claim_empty] = one_by_one(&direct, &payload, &mut ids).await;
    let before = memory_of(&server);
    ids.extend(fill(&direct, BACKLOG, || with_payload(&payload)).await);
    let bytes = (memory_of(&server) - before) / BACKLOG as u64;
    let [enqueue_full, claim_full] = one_by_one(&direct, &payload, &mut ids).await;
    assert_eq!(unfinished(&direct).await, BACKLOG as u64);
    drain(&mut Client::new(&direct, LONG), ids, || {}).await;
    let after = memory_of(&server);
    let ended = at_rest(&server).await;
    assert_eq!(ended.succeeded, BACKLOG as u64 + 4000);
    // Ids and answers that are remembered take a megabyte, however many runs there were.
    let left = after.saturating_sub(before);
    assert!(left < 2 * BACKLOG as u64, "{left} bytes are left");
    figure(&format!(
        "{bytes} bytes a run of 200, p99 of enqueue {enqueue_empty:.2} -> {enqueue_full:.2} ms \
         (x {:.2}), of claim {claim_empty:.2} -> {claim_full:.2} ms (x {:.2}), {} KiB left",
        enqueue_full / enqueue_empty,
        claim_full / claim_empty,
        left >> 10
    ));
}

/// A hundred thousand runs are due in one millisecond: they move in bounded steps, and none is lost.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn q7_many_runs_due_at_once_move_in_bounded_steps() {
    const DUE: usize = 100_000;
    /// The most due runs that a step moves: `lib/due.lua`.
    const STEP: u64 = 256;
    let server = server(&["--slowlog-log-slower-than", "500"]);
    let config = RedisConfig::from_url(&server.url()).unwrap();
    let direct = RedisBroker::open(config.with_test_clock()).await.unwrap();
    let now = Timestamp::from_millis(1_795_494_489_596);
    direct.set_clock(now).await.unwrap();
    let due = now.saturating_add(Duration::from_secs(1));
    let make = || {
        let mut task = run();
        task.due = Due::At(due);
        task
    };
    let ids = fill(&direct, DUE, make).await;
    let mut client = Client::new(&direct, LONG);
    assert!(client.claim(BATCH).await.is_empty(), "too early");
    direct.set_clock(due).await.unwrap();
    server.command(&["SLOWLOG", "RESET"]).unwrap();
    let delayed = || -> u64 {
        let left = server.command(&["ZCARD", "{aqueduct}:due"]).unwrap();
        left.parse().unwrap()
    };
    let (mut left, mut steps) = (delayed(), 0);
    assert_eq!(left, DUE as u64);
    let watch = Stopwatch::start();
    drain(&mut client, ids, || {
        let now = delayed();
        assert!(left - now <= STEP, "{} moved in one step", left - now);
        steps += u64::from(now < left);
        left = now;
    })
    .await;
    let took = watch.elapsed().as_secs_f64();
    let slowest = slowest(&server);
    assert_eq!(at_rest_of(&server, &direct).await.succeeded, DUE as u64);
    figure(&format!(
        "{DUE} in {steps} steps and {took:.1} s, longest script {slowest}"
    ));
}

/// Returns how long the slowest script since the reset took.
fn slowest(server: &RedisServer) -> String {
    let script = "local m = 0 for _, e in ipairs(redis.call('SLOWLOG', 'GET', 128)) do \
                  m = math.max(m, e[3]) end return tostring(m)";
    let micros = server.command(&["EVAL", script, "0"]).unwrap();
    match micros.parse::<f64>().unwrap() {
        0.0 => "under 0.5 ms".to_owned(),
        micros => format!("{:.1} ms", micros / 1000.0),
    }
}

/// Ten thousand schedules are due in the same second: each is fired once.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn s9_many_schedules_due_at_once_are_all_fired() {
    all_due_at_once(|_| None).await;
}

/// The same, each with a unique key of its own: no key is left.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn s9_many_unique_schedules_due_at_once_leave_no_key() {
    all_due_at_once(|number| Unique::key(format!("tick:{number}")).ok()).await;
}

async fn all_due_at_once(unique: impl Fn(usize) -> Option<Unique>) {
    const SCHEDULES: usize = 10_000;
    let server = server(&["--slowlog-log-slower-than", "500"]);
    let direct = broker(&server.url()).await;
    let now = ScheduleStore::list(&direct).await.unwrap().now;
    let period = Duration::from_hours(24);
    // Due in some seconds, and then not for a day.
    let anchor = now.saturating_add(Duration::from_secs(8));
    let schedule = Schedule::every(period).unwrap().anchor(anchor).unwrap();
    let payload = aqueduct::params! { number: 0_u64 }.into_payload().unwrap();
    let definitions: Vec<_> = (0..SCHEDULES)
        .map(|number| {
            let name = format!("schedule-{number}").parse().unwrap();
            let mut options = RunOptions::default();
            options.unique = unique(number);
            ScheduleDefinition::new(name, schedule.clone(), "note".parse().unwrap())
                .with_payload(payload.clone())
                .with_options(options)
        })
        .collect();
    let (_, writer) = Ledger::new();
    let app = App::new(Broker::from(BrokerHandle::new(broker(&server.url()).await)))
        .tasks(tasks![note])
        .state(writer)
        .without_consumer()
        .scheduler(move |it| {
            let add = |it: aqueduct::scheduler::TaskSchedulerBuilder, one| it.schedule(one);
            definitions.into_iter().fold(it, add)
        });
    let app = app.start().await.unwrap();
    let fired = async { while unfinished(&direct).await < SCHEDULES as u64 {} };
    soon("not all are fired", fired).await;
    app.stop().await.unwrap();
    let mut late = Vec::new();
    let mut client = Client::new(&direct, LONG);
    let (mut held, mut ids) = (Vec::new(), HashSet::new());
    while ids.len() < SCHEDULES || !held.is_empty() {
        let claimed = client.exchange(std::mem::take(&mut held), BATCH).await;
        for run in claimed.iter().map(Lease::run) {
            assert!(ids.insert(run.id), "a tick was fired twice");
            assert_eq!(run.id.timestamp(), anchor);
            let late_by = run.queued_at.saturating_since(anchor);
            late.push(late_by.as_secs_f64());
        }
        held = claimed;
    }
    assert_eq!(at_rest(&server).await.succeeded, SCHEDULES as u64);
    figure(&format!(
        "{SCHEDULES} ticks, p99 {:.1} s late, longest script {}",
        percentile(&mut late, 99),
        slowest(&server)
    ));
}
