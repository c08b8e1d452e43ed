//! Consumers that die at each step of the protocol: scenario W3.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct::QueueName;
use aqueduct::broker_api::Broker as _;
use integration::figure::figure;
use integration::oracle::at_rest;
use integration::process::{Recipe, serve_if_child};
use integration::proxy::{Fault, FaultProxy, Rule};
use integration::soon;
use integration::world::World;

/// Not a test: what the children of the others run.
#[test]
fn child() {
    serve_if_child();
}

/// Runs of each round.
const RUNS: u64 = 16;

/// Runs that a child executes at a time.
const PLACES: usize = 8;

/// The number of the run that warms up.
const WARM: u64 = 1000;

/// Where a consumer dies: at a call of a script, and whether the server heard of it.
struct Point {
    what: &'static str,
    script: &'static str,
    fault: Fault,
    /// What the consumer is about when the call is made.
    about: About,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Starting,
    /// Every place is taken: its next claim settles something.
    Running,
    /// It was told to stop, and gives back.
    Stopping,
}

const fn point(what: &'static str, script: &'static str, fault: Fault, about: About) -> Point {
    Point {
        what,
        script,
        fault,
        about,
    }
}

/// A request that is held never arrives; a reply that is never heard is of a step that was done.
const POINTS: [Point; 8] = [
    point(
        "before its first claim",
        "claim",
        Fault::Held,
        About::Starting,
    ),
    point(
        "after its first claim",
        "claim",
        Fault::Silence,
        About::Starting,
    ),
    point("before a settlement", "claim", Fault::Held, About::Running),
    point(
        "after a settlement",
        "claim",
        Fault::Silence,
        About::Running,
    ),
    point("before a renewal", "extend", Fault::Held, About::Running),
    point("after a renewal", "extend", Fault::Silence, About::Running),
    point(
        "before it gives back",
        "claim",
        Fault::Held,
        About::Stopping,
    ),
    point(
        "after it gave back",
        "claim",
        Fault::Silence,
        About::Stopping,
    ),
];

/// Wherever a consumer dies, its runs are executed by another, and each is recorded once.
#[tokio::test]
async fn w3_a_consumer_may_die_at_each_step() {
    let mut again = Vec::new();
    for point in POINTS {
        again.push(format!("{} {}", die_at(&point).await, point.what));
    }
    figure(&format!("began again: {}", again.join(", ")));
}

/// Lets a consumer die there; returns how many runs began more than once.
async fn die_at(point: &Point) -> usize {
    let mut world = World::new(0).await;
    let proxy = FaultProxy::start(world.server.port()).await;
    let digest = world.direct.digest_of(point.script);
    let digest = digest.expect("a script of that name");
    let rule = Rule::every(1, digest, point.fault).at_most(1);
    if point.about == About::Starting {
        // A server that does not know the script would be called in vain first.
        let warm = world.consumers.start();
        world.queue(WARM..WARM + 1, 0).await;
        world.begun_at(warm, 1).await;
        world.consumers.signal(warm, "TERM");
        world.consumers.ended(warm).await;
        proxy.add(rule.clone());
    }
    // Longer than a beat, so that leases are renewed.
    world.queue(0..RUNS, 1500).await;
    let recipe = Recipe::consumer(&proxy.url()).lease(Duration::from_secs(2));
    let victim = world.consumers.start_as(&recipe);
    if point.about != About::Starting {
        world.begun_at(victim, PLACES).await;
        proxy.add(rule);
    }
    if point.about == About::Stopping {
        world.consumers.signal(victim, "TERM");
    }
    soon(point.what, proxy.has_injected(1)).await;
    world.consumers.signal(victim, "KILL");
    world.consumers.ended(victim).await;
    // What is held back never arrives: the proxy is not healed, since that would let it go.
    proxy.cut_all();
    let lengths = world.direct.queue_lengths(&[QueueName::DEFAULT]).await;
    let held = lengths.expect("an answer")[0].running;
    world.consumers.start();
    world.all_ended(0..RUNS).await;
    let warm = u64::from(point.about == About::Starting);
    let ended = at_rest(&world.server).await;
    assert_eq!(
        (ended.succeeded, ended.failed),
        (RUNS + warm, 0),
        "{}",
        point.what
    );
    let most = world.begun.values().max().copied();
    assert!(most <= Some(2), "{}: {most:?} times", point.what);
    // It had begun what it held, and nobody heard how that ended: all of it begins again, and says so.
    let begins_again = point.about != About::Starting && point.fault == Fault::Held;
    while begins_again && (world.doubled().0 as u64) < held {
        world.next().await;
    }
    let (again, _) = world.doubled();
    assert!(held > 0 || !begins_again, "{}: it held nothing", point.what);
    again
}
