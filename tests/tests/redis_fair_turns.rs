//! Turns between keys in Redis: a flood of one key, the runs of the dead, lost replies, and random traffic: scenario Q5.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct::broker_api::{BrokerAdmin, Lease};
use aqueduct::run::{Fair, Limit, Reason};
use aqueduct_core::QueuedTask;
use integration::contract::{Client, enqueue, reclaim_all, run};
use integration::oracle::{at_rest, check_limits, check_lines};
use integration::proxy::{Fault, FaultProxy, Rule};
use integration::redis::{Ledger, app, broker, note, server};
use integration::seed::seed;
use integration::soon;
use integration::traffic::Traffic;

const LONG: Duration = Duration::from_mins(2);
const SHORT: Duration = Duration::from_millis(1);

fn fair(key: &str, weight: u16) -> QueuedTask {
    let mut task = run();
    task.options_mut().fair = Some(Fair::key(key).unwrap().weight(weight).unwrap());
    task
}

fn key_of(lease: &Lease) -> String {
    lease.run().fair().unwrap().key.to_string()
}

/// Ten thousand runs of one tenant hold up no other: what comes later starts with the next claim.
#[tokio::test]
async fn a_flood_of_one_key_holds_up_no_other() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    for _ in 0..20 {
        let flood = (0..500).map(|_| fair("tenant:0", 1));
        enqueue(&direct, flood.collect()).await;
    }
    let others = (1..=10).map(|tenant| fair(&format!("tenant:{tenant}"), 1));
    enqueue(&direct, others.collect()).await;
    check_lines(&server);
    let mut client = Client::new(&direct, LONG);
    let claimed = client.claim(11).await;
    let mut keys: Vec<String> = claimed.iter().map(key_of).collect();
    keys.dedup();
    assert_eq!(keys.len(), 11, "one of each: {keys:?}");
    let rest = client.claim(512).await;
    assert_eq!(rest.len(), 512, "one key alone has all places");
    check_lines(&server);
}

/// What a dead consumer held goes back to its lines, and starts once more.
#[tokio::test]
async fn the_runs_of_the_dead_stand_in_their_lines_again() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    let tasks = (0..12).map(|number| fair(&(number % 3).to_string(), 2));
    enqueue(&direct, tasks.collect()).await;
    assert_eq!(Client::new(&direct, SHORT).claim(9).await.len(), 9);
    check_lines(&server);
    reclaim_all(&direct, 9).await;
    check_lines(&server);
    let mut client = Client::new(&direct, LONG);
    let leases = client.claim(99).await;
    assert_eq!(leases.len(), 12);
    client.exchange(leases, 0).await;
    at_rest(&server).await;
}

/// Lets runs in turn be queued and executed while replies to a script are lost; each is executed and counted once.
async fn exactly_once(script: &str) {
    const RUNS: u64 = 60;
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let disturbed = broker(&proxy.url()).await;
    let digest = disturbed.digest_of(script).unwrap();
    proxy.add(Rule::every(3, digest, Fault::LostReply));
    let (mut ledger, writer) = Ledger::new();
    let app = app(disturbed, writer).await;
    for number in 0..RUNS {
        let key = Fair::key((number % 7).to_string()).unwrap();
        let call = note::with(number).fair(key).fair_weight(2);
        call.queue(app.task_manager()).await.unwrap();
    }
    ledger.all_of(0..RUNS).await;
    soon("nothing was injected", proxy.has_injected(1)).await;
    proxy.heal();
    app.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0], "executed twice");
    assert_eq!(at_rest(&server).await.succeeded, RUNS);
}

#[tokio::test]
async fn lost_replies_to_enqueues_of_runs_in_turn_double_none() {
    exactly_once("enqueue").await;
}

#[tokio::test]
async fn lost_replies_to_claims_of_runs_in_turn_lose_none() {
    exactly_once("claim").await;
}

/// Returns a task with a fair key, limits, both or neither.
fn some_task(random: &mut fastrand::Rng) -> QueuedTask {
    let mut task = if random.bool() {
        fair(&random.u8(..4).to_string(), random.u16(1..4))
    } else {
        run()
    };
    let options = task.options_mut();
    options.keep_result = random.bool().then_some(SHORT);
    for _ in 0..random.usize(..3) {
        let key = random.u8(..3);
        let limit = Limit::concurrency(key.to_string(), 1 + u32::from(key));
        options.limits.set(limit.unwrap()).unwrap();
    }
    task
}

/// Whatever consumers do and however they die, each run that is ready stands in one line, and each line in one place.
#[tokio::test]
async fn random_traffic_loses_no_line() {
    let seed = seed();
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    let mut traffic = Traffic::new(&direct, seed);
    let mut ids = Vec::new();
    for _ in 0..400 {
        let random = &mut traffic.random;
        match random.usize(..12) {
            0..3 => {
                let tasks = (0..random.usize(1..6)).map(|_| some_task(random));
                let tasks: Vec<QueuedTask> = tasks.collect();
                ids.extend(tasks.iter().map(|task| task.id));
                enqueue(&direct, tasks).await;
            }
            3 if !ids.is_empty() => {
                let run = [ids[random.usize(..ids.len())]];
                direct.cancel(&run, Reason::new("enough")).await.unwrap();
                if random.bool() {
                    direct.requeue(&run).await.unwrap();
                }
            }
            _ => traffic.consume().await,
        }
        check_limits(&server);
        check_lines(&server);
    }
    traffic.finish().await;
    check_lines(&server);
    let lines = ["lines", "standing"].map(|key| format!("{{aqueduct}}:{key}"));
    for key in lines {
        let left = server.command(&["EXISTS", &key]).unwrap();
        assert_eq!(left, "0", "{key} is left");
    }
}
