//! Storing runs.

use std::time::Duration;

use aqueduct_broker_api::{BrokerErrorKind, Enqueued, MAX_ENQUEUE_BATCH};
use aqueduct_core::run::Lineage;
use aqueduct_core::trace::{TraceContext, TraceState};
use aqueduct_core::{Lane, Priority, RunId, RunState};

use crate::fixture::{Bench, START, named, queue_name, retry};

/// A stored run is queued, once, and counted.
pub async fn stores_a_run(bench: Bench) {
    let id = bench.queue_one("a").await;
    assert_eq!(bench.state(id).await, Some(RunState::Queued));
    assert_eq!(bench.lengths().await.queued, 1);
}

/// There is one answer a task, in the order of the request.
pub async fn answers_in_order(bench: Bench) {
    let tasks = vec![named("a"), named("b"), named("c")];
    let answers = bench.producer().enqueue(tasks).await.unwrap();
    assert_eq!(answers, [Enqueued::Accepted(RunState::Queued); 3]);
    assert_eq!(bench.consumer().claim_names(9).await, ["a", "b", "c"]);
}

/// A batch over the limit is refused, and nothing of it is stored.
pub async fn refuses_a_batch_over_the_limit(bench: Bench) {
    let tasks = (0..=MAX_ENQUEUE_BATCH).map(|_| named("a")).collect();
    let error = bench.producer().enqueue(tasks).await.unwrap_err();
    assert_eq!(error.kind(), BrokerErrorKind::LimitExceeded);
    assert!(bench.consumer().claim(9).await.is_empty());
}

/// A task whose id the broker knows adds nothing, even in another request.
pub async fn a_known_id_is_a_duplicate(bench: Bench) {
    let mut task = named("a");
    task.has_new_id = false;
    bench.queue([task.clone()]).await;
    let answers = bench
        .producer()
        .enqueue(vec![task.clone(), named("b")])
        .await
        .unwrap();
    assert_eq!(answers[0], Enqueued::Duplicate(task.id));
    assert_eq!(
        answers[1],
        Enqueued::Accepted(RunState::Queued),
        "one duplicate holds up others"
    );
    assert_eq!(bench.consumer().claim_names(9).await, ["a", "b"]);
}

/// What was queued is what is claimed: parameters, lineage, queue, lane, priority.
pub async fn keeps_everything_of_a_run(bench: Bench) {
    let mut task = named("a");
    task.lineage = Lineage::child_of(RunId::generate(START), RunId::generate(START));
    task.priority = Priority::High;
    task.options_mut().total_timeout = Some(Duration::from_secs(90));
    bench.queue([task.clone()]).await;
    let lease = bench.consumer().claim_one().await;
    let run = lease.run();
    assert_eq!(
        (run.id, &run.task, &run.payload),
        (task.id, &task.task, &task.payload)
    );
    assert_eq!(
        (run.lineage, run.priority, run.lane),
        (task.lineage, Priority::High, Lane::Io)
    );
    assert_eq!(run.queue, queue_name("default"));
    assert_eq!(run.options, task.options);
    assert_eq!((run.queued_at, run.due_at), (bench.now(), bench.now()));
}

/// The trace that a run belongs to is the same for each attempt, and for whoever looks the run up.
pub async fn keeps_the_trace_of_a_run(bench: Bench) {
    let state = TraceState::new("vendor=a:b,other=c d").unwrap();
    let trace = TraceContext::root().with_state(state);
    let mut task = named("a");
    task.options_mut().set_trace(trace.clone());
    let id = task.id;
    bench.queue([task]).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    assert_eq!(lease.run().trace(), Some(trace.clone()));
    consumer.settle(lease, retry(Duration::ZERO)).await;
    let run = bench.find(id).await.expect("it is tried again");
    assert_eq!(run.trace(), Some(trace.clone()));
    let lease = consumer.claim_one().await;
    assert_eq!(lease.run().trace(), Some(trace), "the second attempt");
}
