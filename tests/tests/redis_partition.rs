//! Consumers that are cut off, or stop without a server: scenarios N6, N7, D2 and D5.

use integration::figure::{Stopwatch, figure};
use integration::process::{Recipe, serve_if_child};
use integration::proxy::FaultProxy;
use integration::redis::{Ledger, app, broker, note, queue_notes, server};
use integration::soon;
use integration::world::World;

/// Not a test: what the children of the others run.
#[test]
fn child() {
    serve_if_child();
}

/// A port on which nothing listens.
const NOWHERE: u16 = 1;

/// One consumer of two is cut off for three leases: its runs start elsewhere, and it records nothing.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn n6_a_consumer_that_is_cut_off_records_nothing() {
    let mut world = World::new(0).await;
    let proxy = FaultProxy::start(world.server.port()).await;
    let cut_off = Recipe::consumer(&proxy.url());
    let first = world.consumers.start_as(&cut_off);
    world.queue(0..8, 4000).await;
    world.begun_at(first, 8).await;
    let other = world.consumers.start();
    proxy.lead_to(NOWHERE);
    let cut = Stopwatch::start();
    world.begun_at(other, 8).await;
    let taken_over = cut.elapsed().as_secs_f64();
    world.queue(8..40, 50).await;
    while !(8..40).all(|number| world.ended.contains_key(&number)) {
        world.next().await;
    }
    proxy.lead_to(world.server.port());
    let healed = Stopwatch::start();
    // Work goes on until it takes part again.
    let mut next = 40;
    while {
        world.queue(next..next + 1, 50).await;
        next += 1;
        world.next().await.child != first
    } {}
    let back = healed.elapsed().as_secs_f64();
    world.settled(0..next).await;
    let (again, twice) = world.doubled();
    assert!(again <= 8, "{again} began again");
    figure(&format!(
        "8 taken over after {taken_over:.1} s, {twice} ended twice, back {back:.1} s after healing"
    ));
}

/// Nothing listens for a while: everybody comes back by himself.
#[tokio::test]
async fn n7_a_server_that_refuses_is_tried_again() {
    let server = server(&[]);
    let proxy = FaultProxy::start(server.port()).await;
    let (mut ledger, writer) = Ledger::new();
    let app = app(broker(&proxy.url()).await, writer).await;
    queue_notes(&app, 0..5).await;
    ledger.all_of(0..5).await;
    let before = proxy.connections();
    proxy.lead_to(NOWHERE);
    let manager = app.task_manager().clone();
    assert!(
        note::queue(&manager, 5).await.is_err(),
        "it was queued nowhere"
    );
    let tries = proxy.connections() - before;
    proxy.lead_to(server.port());
    let healed = Stopwatch::start();
    let queued = async { while note::queue(&manager, 6).await.is_err() {} };
    soon("nobody connects anew", queued).await;
    ledger.all_of([6]).await;
    let outage = healed.elapsed().as_secs_f64();
    app.stop().await.unwrap();
    assert_eq!(ledger.doubled(), [0_u64; 0]);
    figure(&format!(
        "{tries} tries while refused, outage {outage:.1} s after"
    ));
}

/// A consumer is told to stop while there is no server: it ends all the same, and nothing is lost.
#[tokio::test]
#[ignore = "slow: cargo xtask chaos"]
async fn d2_a_consumer_stops_without_a_server() {
    let mut world = World::with(server(&["--appendonly", "yes"]), 1).await;
    world.queue(0..8, 60_000).await;
    world.begun_at(0, 8).await;
    world.server.kill().unwrap();
    world.consumers.signal(0, "TERM");
    let told = Stopwatch::start();
    let _ended_well = world.consumers.ended(0).await;
    let took = told.elapsed().as_secs_f64();
    world.server.revive().unwrap();
    let next = world.consumers.start();
    let began = world.begun_at(next, 8).await;
    assert_eq!(began.len(), 8, "a run was lost");
    figure(&format!("ended after {took:.1} s, 8 of 8 began elsewhere"));
}

/// A consumer dies while it stops: what it held starts elsewhere.
#[tokio::test]
async fn d5_a_consumer_that_dies_while_it_stops_loses_nothing() {
    let mut world = World::new(1).await;
    world.queue(0..8, 3000).await;
    world.queue(8..20, 50).await;
    world.begun_at(0, 8).await;
    world.consumers.signal(0, "TERM");
    world.consumers.signal(0, "KILL");
    let killed = Stopwatch::start();
    let next = world.consumers.start();
    world.begun_at(next, 8).await;
    let took = killed.elapsed().as_secs_f64();
    world.settled(0..20).await;
    let (again, twice) = world.doubled();
    assert!((1..=8).contains(&again), "{again} began again");
    assert_eq!(twice, 0);
    figure(&format!(
        "{again} of 20 began again, the first eight after {took:.1} s"
    ));
}
