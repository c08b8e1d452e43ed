//! Limits in Redis: places of the dead, many runs that wait, and random traffic with faults: scenario Q5.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct::broker_api::{BrokerAdmin, Lease};
use aqueduct::redis::RedisBroker;
use aqueduct::run::Limit;
use aqueduct_core::QueuedTask;
use aqueduct_redis_server::RedisServer;
use integration::contract::{Client, enqueue, reclaim, reclaim_all, run};
use integration::oracle::{at_rest, check_limits};
use integration::redis::{broker, server};
use integration::seed::seed;
use integration::traffic::Traffic;

const LONG: Duration = Duration::from_mins(2);
const SHORT: Duration = Duration::from_millis(1);

fn limited(limits: impl IntoIterator<Item = Limit>) -> QueuedTask {
    let mut task = run();
    for limit in limits {
        task.options_mut().limits.set(limit).unwrap();
    }
    task
}

fn at_once(key: &str, max: u32) -> Limit {
    Limit::concurrency(key, max).unwrap()
}

/// A consumer that died with places of a limit keeps them until its runs are taken back, and no longer.
#[tokio::test]
async fn the_places_of_the_dead_are_free_with_their_runs() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    enqueue(
        &direct,
        (0..6).map(|_| limited([at_once("k", 3)])).collect(),
    )
    .await;
    assert_eq!(Client::new(&direct, SHORT).claim(9).await.len(), 3);
    let mut client = Client::new(&direct, LONG);
    assert!(
        client.claim(9).await.is_empty(),
        "the dead have the places still"
    );
    check_limits(&server);
    reclaim_all(&direct, 3).await;
    check_limits(&server);
    let mut leases = client.claim(9).await;
    while !leases.is_empty() {
        assert!(leases.len() <= 3);
        check_limits(&server);
        leases = client.exchange(leases, 9).await;
    }
    at_rest(&server).await;
    assert_eq!(direct.limits(&[]).await.unwrap(), []);
}

/// Returns how many commands the server has done, those of scripts included.
fn commands_done(server: &RedisServer) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]).unwrap();
    let calls = stats
        .lines()
        .filter(|line| !line.starts_with("cmdstat_info"));
    let calls = calls.filter_map(|line| line.split_once("calls=")?.1.split_once(','));
    calls.map(|(calls, _)| calls.parse::<u64>().unwrap()).sum()
}

/// What a claim, a beat and a look do when all that is there waits because of a limit.
async fn one_round(direct: &RedisBroker, client: &mut Client) {
    assert!(client.claim(64).await.is_empty());
    reclaim(direct).await;
}

/// Ten thousand runs over their limit are moved once, and cost no command from then on.
#[tokio::test]
async fn what_waits_costs_nothing() {
    const MANY: usize = 10_000;
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    for _ in 0..MANY / 500 {
        enqueue(
            &direct,
            (0..500).map(|_| limited([at_once("k", 1)])).collect(),
        )
        .await;
    }
    let (mut holder, mut client) = (Client::new(&direct, LONG), Client::new(&direct, LONG));
    let held = holder.claim_one().await;
    while direct.limits(&[at_once("k", 1)]).await.unwrap()[0].waiting < MANY as u64 - 1 {
        one_round(&direct, &mut client).await;
    }
    let before = commands_done(&server);
    one_round(&direct, &mut client).await;
    let with_many = commands_done(&server) - before;
    let empty_server = integration::redis::server(&[]);
    let empty = broker(&empty_server.url()).await;
    let mut idle = Client::new(&empty, LONG);
    one_round(&empty, &mut idle).await;
    let before = commands_done(&empty_server);
    one_round(&empty, &mut idle).await;
    let with_none = commands_done(&empty_server) - before;
    assert_eq!(with_many, with_none, "commands for a round");
    assert_eq!(holder.exchange(vec![held], 9).await.len(), 1);
}

/// One tenant with thousands of runs holds up no other: each has its own places.
#[tokio::test]
async fn a_backlog_of_one_key_holds_up_no_other() {
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    let of = |tenant: usize| limited([at_once(&format!("tenant:{tenant}"), 1)]);
    for _ in 0..8 {
        enqueue(&direct, (0..500).map(|_| of(0)).collect()).await;
    }
    enqueue(&direct, (1..=10).map(of).collect()).await;
    let mut client = Client::new(&direct, LONG);
    let mut held: Vec<Lease> = Vec::new();
    let mut rounds = 0;
    while held.len() < 11 {
        held.extend(client.claim(64).await);
        rounds += 1;
        assert!(rounds <= 8, "each claim passes a thousand runs over");
    }
    check_limits(&server);
}

/// Whatever consumers do and however they die, a limit counts just what is held, and nobody is over it.
#[tokio::test]
async fn random_traffic_leaks_no_place() {
    let seed = seed();
    let server = server(&[]);
    let direct = broker(&server.url()).await;
    let mut traffic = Traffic::new(&direct, seed);
    for _ in 0..400 {
        let random = &mut traffic.random;
        if random.usize(..10) < 3 {
            let tasks = (0..random.usize(1..6)).map(|_| {
                let keys = [random.u8(..3), 3 + random.u8(..3)];
                limited(keys.map(|key| at_once(&key.to_string(), 1 + u32::from(key % 3))))
            });
            enqueue(&direct, tasks.collect()).await;
        } else {
            traffic.consume().await;
        }
        check_limits(&server);
        for info in direct.limits(&[]).await.unwrap() {
            assert!(info.running <= u64::from(info.limit.max()), "{info:?}");
        }
    }
    traffic.finish().await;
    at_rest(&server).await;
}
