//! An application on a store of three methods: what a stop leaves in it, and what its errors do.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct::broker_api::{BrokerError, BrokerErrorKind, LaneWant, SimpleBroker};
use aqueduct::manager::QueueErrorKind;
use aqueduct::memory::SimpleBrokerExt;
use aqueduct::{
    App, Broker, QueueName, RunId, RunState, State, TaskRun, chain, group, task, tasks,
};
use integration::{Watcher, soon};
use tokio::sync::Semaphore;

#[derive(Clone, Debug)]
struct Store(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    runs: Mutex<VecDeque<TaskRun>>,
    is_broken: bool,
    /// A permit for each time that a run was asked for.
    asked: Semaphore,
}

impl Store {
    fn new(is_broken: bool) -> Self {
        Self(Arc::new(Inside {
            runs: Mutex::default(),
            is_broken,
            asked: Semaphore::new(0),
        }))
    }

    fn ids(&self) -> BTreeSet<RunId> {
        let runs = self.0.runs.lock().unwrap();
        runs.iter().map(|run| run.id).collect()
    }
}

impl SimpleBroker for Store {
    async fn queue_task(&self, run: TaskRun) -> Result<(), BrokerError> {
        self.0.runs.lock().unwrap().push_back(run);
        Ok(())
    }

    async fn get_task_run(&self, want: &LaneWant) -> Result<Option<TaskRun>, BrokerError> {
        self.0.asked.add_permits(1);
        if self.0.is_broken {
            let kind = BrokerErrorKind::Unavailable;
            return Err(BrokerError::new(kind, "get a run", "broken"));
        }
        let mut runs = self.0.runs.lock().unwrap();
        let oldest = runs.iter().position(|run| want.accepts(run));
        Ok(oldest.and_then(|position| runs.remove(position)))
    }

    async fn queue_length(&self) -> Result<BTreeMap<QueueName, u64>, BrokerError> {
        let mut lengths = BTreeMap::new();
        for run in self.0.runs.lock().unwrap().iter() {
            *lengths.entry(run.queue.clone()).or_default() += 1;
        }
        Ok(lengths)
    }
}

/// Ends at once if there is a permit, and never without.
#[task]
async fn work(gate: State<Semaphore>) {
    gate.acquire().await.unwrap().forget();
}

#[task(queue = "other")]
async fn elsewhere() {}

fn app(store: &Store, permits: usize) -> App {
    App::new(Broker::from(store.clone().into_broker()))
        .tasks(tasks![work, elsewhere])
        .state(Semaphore::new(permits))
        .consumer(|consumer| {
            consumer
                .concurrency(4)
                .lease(Duration::from_secs(2))
                .shutdown_grace(Duration::ZERO)
        })
}

#[tokio::test]
async fn a_stop_leaves_every_run_in_the_store() {
    let store = Store::new(false);
    let (mut watcher, observer) = Watcher::new();
    let first = app(&store, 0).observe(observer).start().await.unwrap();
    let mut all = BTreeSet::new();
    for _ in 0..10 {
        let manager = first.task_manager();
        all.insert(elsewhere::queue(manager).await.unwrap().id());
        all.insert(work::queue(manager).await.unwrap().id());
    }
    watcher.starts_of_task("work", 4).await;
    let report = first.stop().await.unwrap().consumer.unwrap();
    assert_eq!((report.released, report.unsettled), (4, 0));
    assert_eq!(store.ids(), all);

    let (mut watcher, observer) = Watcher::new();
    let second = app(&store, 10).observe(observer).start().await.unwrap();
    let ends = watcher.ends_of_task("work", 10).await;
    assert!(ends.values().all(|state| *state == RunState::Succeeded));
    second.stop().await.unwrap();
    assert_eq!(store.ids().len(), 10);
}

/// Its runs are in two places: it cannot store several together.
#[tokio::test]
async fn workflows_are_refused() {
    let store = Store::new(false);
    let app = app(&store, 0).without_consumer();
    let manager = app.without_scheduler().into_task_manager().unwrap();
    let chain = chain(elsewhere::with()).then(elsewhere::with());
    let error = chain.queue(&manager).await.unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::NotSupported, "{error}");
    let error = group([elsewhere::with(), elsewhere::with()])
        .queue(&manager)
        .await;
    let error = error.unwrap_err();
    assert!(
        error.to_string().contains("others of a workflow"),
        "{error}"
    );
    assert!(store.ids().is_empty());
}

#[tokio::test]
async fn a_store_that_fails_is_counted_and_the_app_stops() {
    let store = Store::new(true);
    let app = app(&store, 0).start().await.unwrap();
    let run = work::queue(app.task_manager()).await.unwrap().id();
    let asked = store.0.asked.acquire_many(5);
    soon("the store is asked", asked).await.unwrap().forget();
    // The first four answers were seen before the fifth question.
    assert!(app.metrics().unwrap().snapshot().broker_errors >= 4);
    let report = app.stop().await.unwrap().consumer.unwrap();
    assert_eq!((report.metrics.claimed, report.unsettled), (0, 0));
    assert_eq!(store.ids(), BTreeSet::from([run]));
}
