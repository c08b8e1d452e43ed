//! Runs that were set aside because their consumer lacked something.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{Introduction, Settlement};
use aqueduct_core::{Lane, RunState};

use crate::fixture::{Bench, START, failure, named, queue_name, task_name};

fn introduction(lane: Lane, queue: &str, task: &str) -> Arc<Introduction> {
    let introduction = Introduction::new("here", 1, START, "1");
    Arc::new(introduction.taking([lane], [queue_name(queue)], [task_name(task)]))
}

/// A parked run waits no longer once a consumer comes new that takes it and knows its task; others wake nothing.
pub async fn are_woken_by_whoever_knows_them(bench: Bench) {
    let mut with_options = named("a");
    with_options.options_mut().total_timeout = Some(Duration::from_hours(1));
    let ids = [bench.queue_one("a").await, with_options.id];
    bench.queue([with_options]).await;
    let mut consumer = bench.consumer();
    for lease in consumer.claim(2).await {
        let (wait, failure) = (Duration::from_mins(5), failure());
        consumer
            .settle(lease, Settlement::Park { wait, failure })
            .await;
    }
    for (lane, queue, task) in [
        (Lane::Io, "default", "b"),
        (Lane::Io, "other", "a"),
        (Lane::Cpu, "default", "a"),
    ] {
        let stranger = bench.consumer();
        stranger.introduce(introduction(lane, queue, task)).await;
        assert!(
            consumer.claim(9).await.is_empty(),
            "woken by {lane} {queue} {task}"
        );
    }
    let knows = introduction(Lane::Io, "default", "a");
    let mut newcomer = bench.consumer();
    newcomer.introduce(Arc::clone(&knows)).await;
    let lengths = bench.lengths().await;
    assert_eq!((lengths.queued, lengths.scheduled), (2, 0));
    let leases = newcomer.claim(9).await;
    let mut claimed: Vec<_> = leases.iter().map(|lease| lease.run().id).collect();
    claimed.sort_unstable();
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    assert_eq!(claimed, ids);
    assert_eq!(leases[0].run().tally.parks, 1);
    for lease in leases {
        let (wait, failure) = (Duration::from_mins(5), failure());
        newcomer
            .settle(lease, Settlement::Park { wait, failure })
            .await;
    }
    newcomer.introduce(knows).await;
    assert_eq!(
        bench.state(ids[0]).await,
        Some(RunState::Scheduled),
        "it is not new"
    );
}
