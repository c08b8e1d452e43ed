//! A server that stands still, and goes on as if nothing had happened: scenarios R5, R6, R16 and N4.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct::broker_api::{Broker, BrokerAdmin, ReclaimRequest, Reclaimed, Settled};
use aqueduct::redis::RedisBroker;
use aqueduct::run::RunState;
use integration::contract::{Client, enqueue_one, run, succeed};
use integration::figure::{Stopwatch, figure};
use integration::oracle::at_rest;
use integration::process::{Children, Recipe, serve_if_child};
use integration::proxy::{Fault, FaultProxy, Rule};
use integration::redis::{broker, server};
use integration::soon;
use integration::world::World;

/// Not a test: what the children of the others run.
#[test]
fn child() {
    serve_if_child();
}

const LEASE: Duration = Duration::from_secs(1);

/// Beats as somebody who beats ten times a lease.
async fn beat(direct: &RedisBroker) -> Reclaimed {
    let beat = ReclaimRequest::new(LEASE / 10, LEASE);
    direct.reclaim(&beat).await.unwrap()
}

/// Whoever renews within a lease after the standstill keeps its runs; those of the dead are taken back.
#[tokio::test]
async fn r5_a_server_that_stood_still_gives_the_living_a_lease() {
    let server = server(&[]);
    let (direct, other) = (broker(&server.url()).await, broker(&server.url()).await);
    for _ in 0..3 {
        enqueue_one(&direct, run()).await;
    }
    let mut clients = [
        Client::new(&direct, LEASE),
        Client::new(&direct, LEASE),
        Client::new(&direct, LEASE),
    ];
    let mut tokens = Vec::new();
    for client in &mut clients {
        let token = client.claim_one().await.token();
        // The first renewal opens its connection.
        client.extend(vec![token]).await;
        tokens.push(token);
    }
    let [early, late, dead] = &mut clients;
    beat(&other).await;
    server.signal("STOP").unwrap();
    let renewal = early.renewal(vec![tokens[0]]);
    let stopped = async {
        // The standstill is the fault: every lease runs out in it.
        tokio::time::sleep(LEASE * 2).await;
        server.signal("CONT").unwrap();
        let first = beat(&other).await;
        assert!(first.paused_for.is_some(), "{first:?}");
        assert_eq!(first.requeued, 0);
    };
    // Sent while the server stands still, and done when it goes on.
    let (renewed, ()) = tokio::join!(direct.extend(&renewal), stopped);
    assert!(renewed.unwrap().lost.is_empty());
    assert!(late.extend(vec![tokens[1]]).await.lost.is_empty());
    let watch = Stopwatch::start();
    let mut taken_back = 0;
    let dead_found = async {
        while taken_back == 0 {
            taken_back += beat(&other).await.requeued;
            for (client, token) in [(&early, tokens[0]), (&late, tokens[1])] {
                assert!(client.extend(vec![token]).await.lost.is_empty());
            }
        }
    };
    soon("the dead are not found", dead_found).await;
    assert_eq!(taken_back, 1, "a run was taken from the living");
    for (client, token) in [(early, tokens[0]), (late, tokens[1])] {
        let settled = client.settle(token, succeed()).await;
        assert_eq!(settled, Settled::Applied(RunState::Succeeded));
    }
    assert_eq!(dead.settle(tokens[2], succeed()).await, Settled::LeaseLost);
    let token = dead.claim_one().await.token();
    assert_ne!(dead.settle(token, succeed()).await, Settled::LeaseLost);
    assert_eq!(at_rest(&server).await.succeeded, 3);
    figure(&format!(
        "2 of 2 living keep their runs, 1 of 1 dead taken back after {:.1} s",
        watch.elapsed().as_secs_f64()
    ));
}

/// The server stands still longer than a lease while consumers execute: nothing is lost or counted twice.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn r5_consumers_outlive_a_server_that_stands_still() {
    let mut world = World::new(2).await;
    world.queue(0..8, 500).await;
    world.queue(8..40, 100).await;
    world.queue(40..48, 5000).await;
    while world.begun.len() < 20 {
        world.next().await;
    }
    world.server.signal("STOP").unwrap();
    // The standstill is the fault.
    tokio::time::sleep(Duration::from_secs(6)).await;
    world.server.signal("CONT").unwrap();
    let resumed = Stopwatch::start();
    let ended = world.ended.len();
    while world.ended.len() <= ended {
        world.next().await;
    }
    let outage = resumed.elapsed().as_secs_f64();
    world.settled(0..48).await;
    let (again, twice) = world.doubled();
    figure(&format!(
        "6 s still under a lease of 2 s: next end after {outage:.1} s, {again} of 48 began again, \
         {twice} ended twice"
    ));
}

/// Consumers with a lease of 8 s, and runs of 16 s, while something holds the server up.
async fn held_up(settings: &[&str]) -> World {
    let mut world = World::with(server(settings), 0).await;
    let recipe = Recipe::consumer(&world.server.url()).lease(Duration::from_secs(8));
    world.consumers = Children::of(recipe);
    world.consumers.start();
    world.consumers.start();
    world.queue(0..16, 16_000).await;
    while world.begun.len() < 16 {
        world.next().await;
    }
    world
}

/// Waits until every consumer has renewed its lease.
async fn renewed(world: &World) {
    let leases = async || {
        let consumers = world.direct.consumers().await.unwrap();
        let leases = consumers
            .into_iter()
            .map(|it| (it.consumer, it.lease_until));
        leases.collect::<Vec<_>>()
    };
    let before = leases().await;
    let renewed = async {
        loop {
            let now = leases().await;
            if before.iter().all(|it| !now.contains(it)) {
                return;
            }
        }
    };
    soon("a lease is not renewed", renewed).await;
}

/// The server sleeps again and again, shorter than a lease: nothing is executed twice.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn r6_a_server_that_sleeps_takes_nothing_away() {
    let mut world = held_up(&["--enable-debug-command", "yes"]).await;
    for _ in 0..6 {
        world.server.command(&["DEBUG", "SLEEP", "2"]).unwrap();
        renewed(&world).await;
    }
    world.settled(0..16).await;
    assert_eq!(world.doubled(), (0, 0), "a run was taken away");
    figure("6 sleeps of 2 s under a lease of 8 s, 0 taken away");
}

/// Clients are paused, wholly and for writes, shorter than a lease: nothing is executed twice.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn r16_paused_clients_lose_nothing() {
    let mut world = held_up(&[]).await;
    for what in ["ALL", "WRITE"] {
        let paused = world.server.command(&["CLIENT", "PAUSE", "3000", what]);
        paused.unwrap();
        // Answered once the pause is over.
        world.server.command(&["SET", "other", "1"]).unwrap();
        renewed(&world).await;
    }
    world.settled(0..16).await;
    assert_eq!(world.doubled(), (0, 0), "a run was taken away");
    figure("2 pauses of 3 s under a lease of 8 s, 0 taken away");
}

/// Every renewal takes longer than the time between two of them: nothing is taken away.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn n4_a_slow_connection_takes_nothing_away() {
    let mut world = World::new(0).await;
    let proxy = FaultProxy::start(world.server.port()).await;
    let extend = world.direct.digest_of("extend").unwrap();
    let slow = Fault::Delay(Duration::from_secs(3));
    proxy.add(Rule::every(1, extend, slow));
    let recipe = Recipe::consumer(&proxy.url()).lease(Duration::from_secs(15));
    world.consumers.start_as(&recipe);
    world.queue(0..8, 18_000).await;
    world.settled(0..8).await;
    assert_eq!(world.doubled(), (0, 0), "a run was taken away");
    figure(&format!(
        "{} renewals 3 s late under a lease of 15 s, 0 taken away",
        proxy.injected()
    ));
}
