//! Whose turn it is, where several limits and queues meet.

use aqueduct_broker_api::{BrokerAdmin, PauseScope};
use aqueduct_broker_conformance::named;
use aqueduct_core::QueuedTask;
use aqueduct_core::run::Fair;

use super::world::{World, at_once, limited, succeed};

/// Returns a task with a fair key and a limit of places that all share.
fn fair(name: &str, places: u32, weight: u16) -> QueuedTask {
    let mut task = limited(name, [at_once("all", places)]);
    task.options_mut().fair = Some(Fair::key(name).unwrap().weight(weight).unwrap());
    task
}

/// Claims one by one, each settled before the next, until nothing is left.
async fn one_by_one(world: &mut World) -> Vec<String> {
    let mut started = Vec::new();
    while let Some(lease) = world.claim(1).await.pop() {
        started.push(lease.run().task.to_string());
        world.settle(lease, succeed()).await;
    }
    started
}

/// Three runs are a turn: two start, then the limit ends it, and the next turn has three again.
#[tokio::test]
async fn a_turn_ends_where_a_limit_refuses_the_next() {
    let mut world = World::new();
    let tasks = ["x", "x", "x", "x", "x", "x", "y", "y"];
    world.queue(tasks.map(|name| fair(name, 2, 3))).await;
    let mut leases = world.claim(9).await;
    assert_eq!(leases.len(), 2);
    assert!(world.claim(9).await.is_empty());
    world.settle(leases.remove(0), succeed()).await;
    world.settle(leases.remove(0), succeed()).await;
    let started = one_by_one(&mut world).await;
    assert_eq!(started, ["x", "x", "x", "y", "y", "x"]);
}

#[tokio::test]
async fn a_key_that_had_its_turn_stands_before_what_comes_later() {
    let mut world = World::new();
    world
        .queue(["x", "x", "x"].map(|name| fair(name, 1, 1)))
        .await;
    let lease = world.claim_one().await;
    assert!(world.claim(9).await.is_empty(), "one at once");
    world.settle(lease, succeed()).await;
    let lease = world.claim_one().await;
    world.queue([named("later")]).await;
    world.settle(lease, succeed()).await;
    assert_eq!(world.claim_names().await, ["x", "later"]);
}

/// One claim passes over 1024 runs and no more; the next goes on in the line where that has ended.
#[tokio::test]
async fn a_long_line_of_a_paused_task_holds_up_no_more_than_one_claim() {
    let lines: [fn(&str) -> QueuedTask; 2] = [
        |name| fair(name, 1, 1),
        |name| limited(name, [at_once("all", 1)]),
    ];
    let claims = [(1023, ["last", ""]), (1024, ["", "last"])];
    for (keyed, (paused, started)) in lines.iter().flat_map(|line| claims.map(|it| (line, it))) {
        let mut world = World::new();
        world.queue((0..=paused).map(|_| keyed("x"))).await;
        let mut last = keyed("x");
        last.task = named("last").task;
        world.queue([last]).await;
        let lease = world.claim_one().await;
        for _ in 0..2 {
            assert!(world.claim(9).await.is_empty(), "all stand in line");
        }
        let scope = PauseScope::Task(named("x").task);
        world.broker.set_paused(&scope, true).await.unwrap();
        world.settle(lease, succeed()).await;
        for names in started {
            assert_eq!(world.claim_names().await.concat(), names);
        }
    }
}
