//! What is told of tasks.

use aqueduct_broker_api::{BrokerAdmin, Settlement};
use aqueduct_broker_conformance::named;

use super::world::{SECOND, World, failure, succeed};

#[tokio::test]
async fn tasks_are_told_of_whose_runs_have_ended_or_were_retried() {
    let mut world = World::new();
    world
        .queue(["ended", "retried", "waiting"].map(named))
        .await;
    let (wait, failure) = (SECOND, failure());
    for settlement in [succeed(), Settlement::Retry { wait, failure }] {
        let lease = world.claim_one().await;
        world.settle(lease, settlement).await;
    }
    let tasks = BrokerAdmin::tasks(&world.broker).await.unwrap();
    let told: Vec<_> = tasks
        .iter()
        .map(|it| (it.task.as_str(), it.succeeded, it.retried))
        .collect();
    assert_eq!(told, [("ended", 1, 0), ("retried", 0, 1)]);
}
