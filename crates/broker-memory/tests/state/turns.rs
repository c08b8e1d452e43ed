//! Whose turn it is, where several limits and queues meet.

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
