//! Looking and steering with `Admin`: pages, sweeps, and what goes wrong on the way.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aqueduct::admin::{AdminErrorKind, MAX_PAGE, RunFilter};
use aqueduct::broker_api::{
    Broker as _, BrokerHandle, ClaimRequest, EnqueueRequest, LaneWant, Lease, Sequence,
    SettleRequest, Settlement,
};
use aqueduct::memory::MemoryBroker;
use aqueduct::run::{Failure, FailureKind};
use aqueduct::{
    Admin, App, Broker, Lane, Payload, QueueName, QueuedTask, RunId, RunState, TaskName, Timestamp,
};
use aqueduct_broker_conformance::{Fault, FaultyBroker, Operation};
use aqueduct_core::{ConsumerId, ProducerId};

const TASK: TaskName = TaskName::from_static("a");

/// Queues so many runs.
async fn queue(broker: &BrokerHandle, runs: usize) {
    let task = || QueuedTask::new(RunId::generate(Timestamp::MIN), TASK, Payload::empty());
    let producer = ProducerId::generate();
    let mut sequence = Sequence::FIRST;
    let tasks: Vec<QueuedTask> = (0..runs).map(|_| task()).collect();
    for batch in tasks.chunks(500) {
        let request = EnqueueRequest::new(producer, sequence, batch.to_vec());
        broker.enqueue(&request).await.unwrap();
        sequence = sequence.next();
    }
}

/// Claims what waits, up to 500 runs.
async fn claim(broker: &BrokerHandle, consumer: ConsumerId, sequence: Sequence) -> Vec<Lease> {
    let want = LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), 500);
    let request = ClaimRequest::new(consumer, sequence, Duration::from_mins(1)).want(want);
    broker.claim(&request).await.unwrap().leases
}

/// Lets everything that waits fail; returns how many runs did.
async fn fail_all(broker: &BrokerHandle) -> usize {
    let (consumer, mut sequence, mut failed) = (ConsumerId::generate(), Sequence::FIRST, 0);
    loop {
        let leases = claim(broker, consumer, sequence).await;
        if leases.is_empty() {
            return failed;
        }
        failed += leases.len();
        let fail = |lease: Lease| {
            let failure = Failure::new(FailureKind::Error, "it did not work");
            lease.settle(Settlement::Fail { failure })
        };
        let items = leases.into_iter().map(fail).collect();
        let request = SettleRequest::new(consumer, sequence.next(), items);
        broker.settle(&request).await.unwrap();
        sequence = sequence.next().next();
    }
}

fn memory() -> (BrokerHandle, Admin) {
    let broker = BrokerHandle::new(MemoryBroker::new());
    let admin = Admin::new(&broker).unwrap();
    (broker, admin)
}

#[tokio::test]
async fn pages_have_every_run_once_and_none_is_empty() {
    let (broker, admin) = memory();
    queue(&broker, 1024).await;
    fail_all(&broker).await;
    let mut pages = admin.runs(RunFilter::failed());
    let (mut sizes, mut ids) = (Vec::new(), BTreeSet::new());
    while let Some(page) = pages.next_page().await.unwrap() {
        sizes.push(page.len());
        ids.extend(page.iter().map(|run| run.id));
    }
    assert_eq!((sizes, ids.len()), (vec![MAX_PAGE, MAX_PAGE], 1024));
    assert!(pages.next_page().await.unwrap().is_none(), "it began anew");
    let mut none = admin.runs(RunFilter::all().in_state(RunState::Expired));
    assert!(none.next_page().await.unwrap().is_none(), "an empty page");
}

#[tokio::test]
async fn a_sweep_looks_at_each_run_once_although_they_fail_again() {
    let (broker, admin) = memory();
    queue(&broker, 1500).await;
    fail_all(&broker).await;
    let mut sweep = admin.requeue_all(RunFilter::failed()).unwrap();
    let mut failed_again = 0;
    while sweep.next_batch().await.unwrap().is_some() {
        failed_again += fail_all(&broker).await;
    }
    assert_eq!((sweep.count().changed, failed_again), (1500, 1500));
    assert!(!sweep.count().more);
}

#[tokio::test]
async fn a_sweep_goes_on_after_a_lost_reply() {
    let (inner, _) = memory();
    queue(&inner, 1100).await;
    fail_all(&inner).await;
    let faulty = FaultyBroker::new(inner.clone());
    let faulty = faulty.every_of(Operation::Requeue, 2, Fault::LostReply);
    let admin = Admin::new(&BrokerHandle::new(faulty)).unwrap();
    let mut sweep = admin.requeue_all(RunFilter::failed()).unwrap();
    let error = sweep.to_end().await.unwrap_err();
    assert_eq!(error.kind(), AdminErrorKind::Unavailable);
    assert!(error.is_retryable());
    while sweep.to_end().await.is_err() {}
    // Batches whose reply was lost are queued, once, and not counted.
    let lengths = inner.queue_lengths(&[QueueName::DEFAULT]).await.unwrap();
    assert_eq!(lengths[0].queued, 1100);
    assert!(sweep.count().changed < 1100);
}

#[tokio::test]
async fn a_bound_ends_a_sweep_and_says_so() {
    let (broker, admin) = memory();
    queue(&broker, 700).await;
    fail_all(&broker).await;
    let sweep = || admin.discard_all(RunFilter::failed()).unwrap();
    let count = sweep().at_most(600).to_end().await.unwrap();
    assert_eq!((count.changed, count.more), (600, true));
    let count = sweep().at_most(100).to_end().await.unwrap();
    assert_eq!((count.changed, count.more), (100, false));
    assert_eq!(sweep().to_end().await.unwrap().changed, 0);
}

#[tokio::test]
async fn a_sweep_leaves_alone_what_it_cannot_change() {
    let (broker, admin) = memory();
    queue(&broker, 3).await;
    fail_all(&broker).await;
    queue(&broker, 4).await;
    let consumer = ConsumerId::generate();
    queue(&broker, 2).await;
    let discard = admin.discard_all(RunFilter::all().of_task(TASK)).unwrap();
    let count = { discard }.to_end().await.unwrap();
    assert_eq!((count.changed, count.left_alone), (3, 6));
    assert_eq!(claim(&broker, consumer, Sequence::FIRST).await.len(), 6);
    queue(&broker, 5).await;
    let mut cancel = admin.cancel_all(RunFilter::all(), "a mistake").unwrap();
    assert_eq!(cancel.to_end().await.unwrap().changed, 11, "6 are told");
    let lengths = admin.lengths(&[QueueName::DEFAULT]).await.unwrap();
    assert_eq!((lengths[0].queued, lengths[0].running), (0, 6));
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_a_hint() {
    let (_, admin) = memory();
    let in_state = |state| RunFilter::all().in_state(state);
    let refused = [
        admin.requeue_all(in_state(RunState::Succeeded)),
        admin.requeue_all(in_state(RunState::Running)),
        admin.discard_all(in_state(RunState::Queued)),
        admin.cancel_all(in_state(RunState::Failed), "why"),
        admin.cancel_all(RunFilter::all().ended_since(Timestamp::MIN), "why"),
    ];
    for refused in refused {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), AdminErrorKind::Contradiction);
        assert!(error.to_string().contains("can"), "{error}");
    }
    let bare = BrokerHandle::bare(MemoryBroker::new());
    let error = Admin::new(&bare).unwrap_err();
    assert_eq!(error.kind(), AdminErrorKind::NotSupported);
    assert!(error.to_string().contains("Broker::new"), "{error}");
}

#[tokio::test]
async fn a_purge_takes_more_than_a_page() {
    let (broker, admin) = memory();
    queue(&broker, 1300).await;
    let queue = QueueName::DEFAULT;
    assert_eq!(admin.purge(&queue).await.unwrap(), 1300);
    assert_eq!(admin.purge(&queue).await.unwrap(), 0);
}

#[tokio::test]
async fn an_app_is_steered_as_its_broker_is() {
    let broker = Broker::memory();
    let app = App::new(broker.clone()).start().await.unwrap();
    app.admin().unwrap().pause(TASK).await.unwrap();
    assert_eq!(broker.admin().unwrap().paused().await.unwrap().len(), 1);
    app.admin().unwrap().resume(TASK).await.unwrap();
    assert!(app.admin().unwrap().paused().await.unwrap().is_empty());
    app.stop().await.unwrap();
}
