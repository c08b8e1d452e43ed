//! A store of three methods becomes a broker that consumers can work with.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerError, BrokerErrorKind, BrokerExt, LaneWant, Settled, Settlement, SimpleBroker,
};
use aqueduct_broker_memory::SimpleBrokerExt;
use aqueduct_core::queue::Due;
use aqueduct_core::run::{Failure, FailureKind};
use aqueduct_core::{
    Payload, QueueName, QueuedTask, RunId, RunState, TaskName, TaskRun, Timestamp,
};

/// A list behind a lock; refuses everything while it is closed.
#[derive(Clone, Debug, Default)]
struct Shelf(Arc<Mutex<(VecDeque<TaskRun>, bool)>>);

impl Shelf {
    fn stored(&self) -> usize {
        self.0.lock().unwrap().0.len()
    }

    fn set_closed(&self, closed: bool) {
        self.0.lock().unwrap().1 = closed;
    }
}

impl SimpleBroker for Shelf {
    async fn queue_task(&self, run: TaskRun) -> Result<(), BrokerError> {
        let mut shelf = self.0.lock().unwrap();
        if shelf.1 {
            return Err(BrokerError::new(
                BrokerErrorKind::Unavailable,
                "queue",
                "closed",
            ));
        }
        shelf.0.push_back(run);
        Ok(())
    }

    async fn get_task_run(&self, want: &LaneWant) -> Result<Option<TaskRun>, BrokerError> {
        let shelf = &mut self.0.lock().unwrap().0;
        let oldest = shelf.iter().position(|run| want.accepts(run));
        Ok(oldest.and_then(|position| shelf.remove(position)))
    }

    async fn queue_length(&self) -> Result<BTreeMap<QueueName, u64>, BrokerError> {
        Ok(BTreeMap::from([(QueueName::DEFAULT, self.stored() as u64)]))
    }
}

fn task() -> QueuedTask {
    QueuedTask::new(
        RunId::generate(Timestamp::MIN),
        TaskName::from_static("hello"),
        Payload::empty(),
    )
}

const LEASE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_run_goes_through_the_store_and_is_settled() {
    let shelf = Shelf::default();
    let broker = shelf.clone().into_broker();
    broker.queue_task(task()).await.unwrap();
    assert_eq!(shelf.stored(), 1);
    assert_eq!(broker.queue_length().await.unwrap()[&QueueName::DEFAULT], 1);
    let lease = broker
        .get_task_run(LEASE)
        .await
        .unwrap()
        .expect("the run is there");
    assert_eq!(shelf.stored(), 0);
    let settled = broker
        .settle_task_run(lease, Settlement::Succeed { result: None })
        .await
        .unwrap();
    assert_eq!(settled, Settled::Applied(RunState::Succeeded));
    assert!(broker.get_task_run(LEASE).await.unwrap().is_none());
}

#[tokio::test]
async fn retries_and_delays_are_kept_in_front() {
    let shelf = Shelf::default();
    let broker = shelf.clone().into_broker();
    broker.queue_task(task()).await.unwrap();
    let lease = broker
        .get_task_run(LEASE)
        .await
        .unwrap()
        .expect("the run is there");
    let failure = Failure::new(FailureKind::Error, "not yet");
    let retry = Settlement::Retry {
        wait: Duration::ZERO,
        failure,
    };
    broker.settle_task_run(lease, retry).await.unwrap();
    let again = broker
        .get_task_run(LEASE)
        .await
        .unwrap()
        .expect("the run comes back");
    assert_eq!(
        (again.run().tally.attempt, again.run().tally.failures),
        (2, 1)
    );
    let mut later = task();
    later.due = Due::After(Duration::from_hours(1));
    broker.queue_task(later).await.unwrap();
    assert_eq!(shelf.stored(), 0);
    assert!(broker.get_task_run(LEASE).await.unwrap().is_none());
}

#[tokio::test]
async fn a_run_that_the_store_refuses_is_not_lost() {
    let shelf = Shelf::default();
    let broker = shelf.clone().into_broker();
    shelf.set_closed(true);
    let error = broker.queue_task(task()).await.unwrap_err();
    assert_eq!(error.kind(), BrokerErrorKind::Unavailable);
    assert!(broker.get_task_run(LEASE).await.unwrap().is_some());
}

#[tokio::test]
async fn it_says_what_it_is_not() {
    let capabilities = Shelf::default().into_broker().capabilities();
    assert!(!capabilities.durable && !capabilities.fenced && !capabilities.shared);
}
