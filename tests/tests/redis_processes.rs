//! Consumers that are killed, stopped and replaced: scenarios W1 to W10, X7, X8, D1 and D3.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use aqueduct::broker_api::BrokerAdmin;
use integration::figure::{Stopwatch, figure};
use integration::process::{Children, Recipe, serve_if_child};
use integration::soon;
use integration::world::World;

/// Not a test: what the children of the others run.
#[test]
fn child() {
    serve_if_child();
}

#[tokio::test]
async fn w1_the_runs_of_a_killed_consumer_start_elsewhere() {
    kill_one_of_three(World::new(3).await).await;
}

/// The promise of seven seconds, at the defaults.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn w1_at_the_defaults() {
    let mut world = World::new(0).await;
    let recipe = Recipe::consumer(&world.server.url()).lease(Duration::from_secs(5));
    world.consumers = Children::of(recipe);
    for _ in 0..3 {
        world.consumers.start();
    }
    kill_one_of_three(world).await;
}

async fn kill_one_of_three(mut world: World) {
    world.queue(0..200, 50).await;
    let victim = 0;
    world.begun_at(victim, 5).await;
    world.consumers.signal(victim, "KILL");
    let (killed, mut last) = (Stopwatch::start(), Duration::ZERO);
    let mut taken_over = 0;
    while (0..200).any(|number| !world.ended.contains_key(&number)) {
        let said = world.next().await;
        assert_eq!(said.failures, 0, "a death is not a failure");
        if said.word == "begin" && said.crashes == 1 {
            taken_over += 1;
            last = killed.elapsed();
        }
    }
    world.settled(0..200).await;
    let seconds = last.as_secs_f64();
    figure(&format!(
        "taken over {taken_over} after at most {seconds:.1} s"
    ));
    assert!(taken_over > 0, "nothing was taken over");
    let again = world.begun.values().filter(|times| **times > 1).count();
    assert!(
        again <= taken_over,
        "{again} runs began again, {taken_over} were taken over"
    );
}

#[tokio::test]
async fn w2_the_runs_of_killed_consumers_start_at_new_ones() {
    let mut world = World::new(2).await;
    world.queue(0..60, 100).await;
    world.begun_at(1, 5).await;
    for child in 0..2 {
        world.consumers.signal(child, "KILL");
    }
    let killed = Stopwatch::start();
    world.consumers.start();
    while world.next().await.crashes == 0 {}
    let seconds = killed.elapsed().as_secs_f64();
    world.settled(0..60).await;
    let (again, _) = world.doubled();
    figure(&format!(
        "2 killed, first taken over after {seconds:.1} s, {again} began again"
    ));
}

/// A consumer that stood still longer than its lease finds its runs gone, and records nothing.
#[tokio::test]
async fn w4_a_consumer_that_stood_still_records_nothing() {
    let mut world = World::new(1).await;
    world.queue(0..8, 500).await;
    let stopped = world.begun_at(0, 8).await;
    world.consumers.signal(0, "STOP");
    world.consumers.start();
    while stopped.iter().any(|number| world.begun[number] < 2) {
        world.next().await;
    }
    world.consumers.signal(0, "CONT");
    world.settled(0..8).await;
    figure(&format!(
        "8 began again elsewhere, {} ended twice",
        world.doubled().1
    ));
}

/// Somebody else executes what a consumer held that stood still: whatever that one says is refused.
#[tokio::test]
async fn x7_what_a_consumer_says_after_a_standstill_is_refused() {
    let mut world = World::new(1).await;
    world.queue(0..8, 3000).await;
    world.begun_at(0, 8).await;
    world.consumers.signal(0, "STOP");
    let other = world.consumers.start();
    let taken = world.begun_at(other, 8).await;
    assert_eq!(taken.len(), 8);
    // Both believe now that they hold all eight.
    world.consumers.signal(0, "CONT");
    let mut ended_at = [0, 0];
    while world.ended.len() < 8 {
        let said = world.next().await;
        if said.word == "end" {
            ended_at[said.child] += 1;
        }
    }
    world.settled(0..8).await;
    figure(&format!(
        "8 taken over, {} ended late and were refused",
        ended_at[0]
    ));
}

/// A consumer that stood still longer than its lease, and nobody took its runs: none is lost.
#[tokio::test]
async fn x8_a_consumer_that_stood_still_alone_loses_nothing() {
    let mut world = World::new(1).await;
    world.queue(0..4, 1500).await;
    world.queue(4..8, 6000).await;
    world.begun_at(0, 8).await;
    world.consumers.signal(0, "STOP");
    // The server tells of the living only.
    while !world.direct.consumers().await.unwrap().is_empty() {}
    world.consumers.signal(0, "CONT");
    world.settled(0..8).await;
    figure(&format!(
        "8 held past the lease, {} began again",
        world.doubled().0
    ));
}

/// Pauses that end before the lease is no longer trusted take nothing away: they and the time between two
/// beats are together shorter than the lease without its margin.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn w5_short_pauses_take_nothing_away() {
    let mut world = World::new(0).await;
    let recipe = Recipe::consumer(&world.server.url()).lease(Duration::from_secs(6));
    for _ in 0..2 {
        world.consumers.start_as(&recipe);
    }
    world.queue(0..16, 16_000).await;
    world.begun_at(0, 8).await;
    for _ in 0..4 {
        world.consumers.signal(0, "STOP");
        // The pause is the fault.
        tokio::time::sleep(Duration::from_millis(2400)).await;
        world.consumers.signal(0, "CONT");
        beaten(&world).await;
    }
    world.settled(0..16).await;
    assert_eq!(world.doubled(), (0, 0), "a run was taken away");
    figure("4 pauses of 2.4 s under a lease of 6 s, 0 taken away");
}

/// Waits until both consumers have renewed their leases.
async fn beaten(world: &World) {
    let leases = async || {
        let consumers = world.direct.consumers().await.unwrap();
        let leases = consumers.iter().map(|it| (it.consumer, it.lease_until));
        leases.collect::<BTreeMap<_, _>>()
    };
    let before = leases().await;
    let renewed = async {
        while leases()
            .await
            .iter()
            .any(|(id, until)| before.get(id) == Some(until))
        {}
    };
    soon("they renew their leases", renewed).await;
}

/// A process that is started again with the same name is somebody else.
#[tokio::test]
async fn w10_a_restarted_consumer_is_not_taken_for_the_dead_one() {
    let mut world = World::new(1).await;
    world.queue(0..8, 500).await;
    world.begun_at(0, 8).await;
    world.consumers.signal(0, "KILL");
    world.consumers.ended(0).await;
    let next = world.consumers.start();
    let restarted = Stopwatch::start();
    world.begun_at(next, 8).await;
    world.settled(0..8).await;
    assert!(world.begun.values().all(|times| *times == 2));
    figure(&format!(
        "8 taken over {:.1} s after the restart",
        restarted.elapsed().as_secs_f64()
    ));
}

/// A consumer that is told to stop finishes what it can, and gives the rest back at once.
#[tokio::test]
async fn d1_a_stopped_consumer_loses_and_doubles_nothing() {
    let mut world = World::new(1).await;
    world.queue(0..40, 100).await;
    world.begun_at(0, 8).await;
    world.consumers.signal(0, "TERM");
    let told = Stopwatch::start();
    let next = world.consumers.start();
    assert!(world.consumers.ended(0).await, "it did not stop well");
    let stopped = told.millis();
    world.begun_at(next, 1).await;
    world.settled(0..40).await;
    assert!(
        world.ended.values().all(|times| *times == 1),
        "executed twice"
    );
    figure(&format!("stopped within {stopped:.0} ms, 0 executed twice"));
}

/// A rolling deploy under load.
#[tokio::test]
async fn d3_a_rolling_restart_loses_and_doubles_nothing() {
    let mut world = World::new(3).await;
    world.queue(0..300, 30).await;
    for old in 0..3 {
        world.begun_at(old, 3).await;
        world.consumers.start();
        world.consumers.signal(old, "TERM");
        assert!(world.consumers.ended(old).await, "it did not stop well");
    }
    world.settled(0..300).await;
    assert!(
        world.ended.values().all(|times| *times == 1),
        "executed twice"
    );
    figure("3 replaced under load, 0 executed twice");
}
