//! A store of three methods that fails, lies, refuses or mixes queues: what becomes of its runs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerError, BrokerErrorKind, BrokerHandle, ClaimRequest, EnqueueRequest, Enqueued,
    LaneWant, Lease, Sequence, Settle, SettleRequest, Settled, Settlement, SimpleBroker,
    WaitRequest,
};
use aqueduct_broker_conformance::{START, named};
use aqueduct_broker_memory::SimpleBrokerExt;
use aqueduct_core::clock::ManualClock;
use aqueduct_core::{
    ConsumerId, Lane, ProducerId, QueueName, QueuedTask, RunId, RunState, TaskRun,
};

const LEASE: Duration = Duration::from_secs(5);

/// A list, and what is wrong with it.
#[derive(Debug, Default)]
struct Inside {
    runs: VecDeque<TaskRun>,
    /// Runs of these tasks are refused with that kind.
    refused: BTreeMap<&'static str, BrokerErrorKind>,
    /// Taking out fails with that kind.
    get_fails: Option<BrokerErrorKind>,
    /// Runs are handed out whether they are wanted or not.
    is_careless: bool,
    /// The lengths name a run that is never handed out.
    is_lying: bool,
    asked: usize,
    /// Taking out takes a second, by this clock.
    slow: Option<ManualClock>,
    /// Putting in never ends.
    is_hanging: bool,
}

#[derive(Clone, Debug, Default)]
struct Store(Arc<Mutex<Inside>>);

impl Store {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }

    fn ids(&self) -> Vec<RunId> {
        self.inside().runs.iter().map(|run| run.id).collect()
    }

    fn refuse(&self, task: &'static str, kind: BrokerErrorKind) {
        self.inside().refused.insert(task, kind);
    }

    fn accept_all(&self) {
        self.inside().refused.clear();
    }
}

impl SimpleBroker for Store {
    async fn queue_task(&self, run: TaskRun) -> Result<(), BrokerError> {
        if self.inside().is_hanging {
            std::future::pending::<()>().await;
        }
        let mut inside = self.inside();
        if let Some(kind) = inside.refused.get(run.task.as_str()) {
            return Err(BrokerError::new(*kind, "queue", "refused"));
        }
        if run.tally.attempt > 0 {
            inside.runs.push_front(run); // given back
        } else {
            inside.runs.push_back(run);
        }
        Ok(())
    }

    async fn get_task_run(&self, want: &LaneWant) -> Result<Option<TaskRun>, BrokerError> {
        let mut inside = self.inside();
        inside.asked += 1;
        if let Some(clock) = &inside.slow {
            clock.advance(Duration::from_secs(1));
        }
        if let Some(kind) = inside.get_fails {
            return Err(BrokerError::new(kind, "get", "broken"));
        }
        let is_careless = inside.is_careless;
        let mut runs = inside.runs.iter();
        let oldest = runs.position(|run| is_careless || want.accepts(run));
        Ok(oldest.and_then(|position| inside.runs.remove(position)))
    }

    async fn queue_length(&self) -> Result<BTreeMap<QueueName, u64>, BrokerError> {
        let inside = self.inside();
        let mut lengths = BTreeMap::new();
        for run in &inside.runs {
            *lengths.entry(run.queue.clone()).or_default() += 1;
        }
        if inside.is_lying {
            *lengths.entry(QueueName::DEFAULT).or_default() += 1;
        }
        Ok(lengths)
    }
}

/// A store, the broker made of it, and one consumer of the default queue.
struct Bench {
    store: Store,
    broker: BrokerHandle,
    consumer: ConsumerId,
    last: Sequence,
}

impl Bench {
    fn new() -> Self {
        let store = Store::default();
        Self {
            broker: store.clone().into_broker(),
            store,
            consumer: ConsumerId::generate(),
            last: Sequence::default(),
        }
    }

    async fn queue(&self, tasks: Vec<QueuedTask>) -> Result<Vec<Enqueued>, BrokerError> {
        let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, tasks);
        self.broker.enqueue(&request).await
    }

    fn request(&mut self, max: usize) -> ClaimRequest {
        self.last = self.last.next();
        ClaimRequest::new(self.consumer, self.last, LEASE).want(want(max))
    }

    async fn claim(&mut self, max: usize) -> Result<Vec<Lease>, BrokerError> {
        let request = self.request(max);
        Ok(self.broker.claim(&request).await?.leases)
    }

    fn settling(&mut self, items: Vec<Settle>) -> SettleRequest {
        self.last = self.last.next();
        SettleRequest::new(self.consumer, self.last, items)
    }
}

fn want(max: usize) -> LaneWant {
    LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), max)
}

fn in_queue(queue: &str) -> QueuedTask {
    let mut task = named("a");
    task.queue = queue.parse().unwrap();
    task
}

fn ids(leases: &[Lease]) -> Vec<RunId> {
    leases.iter().map(|lease| lease.run().id).collect()
}

const ACCEPTED: Enqueued = Enqueued::Accepted(RunState::Queued);

#[tokio::test]
async fn an_error_of_the_store_reaches_the_claim() {
    let mut bench = Bench::new();
    bench.queue(vec![named("a")]).await.unwrap();
    bench.store.inside().get_fails = Some(BrokerErrorKind::Unavailable);
    let request = bench.request(1);
    let error = bench.broker.claim(&request).await.unwrap_err();
    assert_eq!(error.kind(), BrokerErrorKind::Unavailable);
    bench.store.inside().get_fails = None;
    assert_eq!(bench.broker.claim(&request).await.unwrap().leases.len(), 1);
}

#[tokio::test]
async fn settlements_are_recorded_although_the_store_fails() {
    let mut bench = Bench::new();
    bench.queue(vec![named("a")]).await.unwrap();
    let lease = bench.claim(1).await.unwrap().remove(0);
    bench.store.inside().get_fails = Some(BrokerErrorKind::Unavailable);
    let succeed = lease.settle(Settlement::Succeed { result: None });
    let request = bench.request(1).settling(vec![succeed]);
    let claimed = bench.broker.claim(&request).await.unwrap();
    assert_eq!(claimed.settled, [Settled::Applied(RunState::Succeeded)]);
    assert!(bench.claim(1).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn lengths_without_a_run_make_no_busy_loop() {
    let mut bench = Bench::new();
    bench.store.inside().is_lying = true;
    let wait = WaitRequest::new(vec![Lane::Io], Arc::from([QueueName::DEFAULT]), LEASE);
    // The time is that of the paused runtime: nobody waits.
    let busy = async {
        loop {
            assert!(bench.claim(9).await.unwrap().is_empty());
            let asked = bench.store.inside().asked;
            assert!(asked <= 21, "asked {asked} times");
            bench.broker.wait_ready(&wait).await.unwrap();
        }
    };
    let ended: Result<(), _> = tokio::time::timeout(Duration::from_secs(1), busy).await;
    ended.unwrap_err();
    assert!(bench.store.inside().asked >= 2);
}

#[tokio::test]
async fn runs_of_other_queues_and_lanes_stay_in_the_store() {
    let mut bench = Bench::new();
    let mut cpu = named("a");
    cpu.lane = Lane::Cpu;
    let (other, mine) = (in_queue("other"), named("a"));
    let (stays, claimed) = ([cpu.id, other.id], mine.id);
    bench.queue(vec![cpu, other, mine]).await.unwrap();
    assert_eq!(ids(&bench.claim(9).await.unwrap()), [claimed]);
    assert_eq!(bench.store.ids(), stays);
}

#[tokio::test]
async fn a_run_that_was_not_wanted_is_put_back() {
    let mut bench = Bench::new();
    bench.store.inside().is_careless = true;
    let (other, mine) = (in_queue("other"), named("a"));
    let (stays, wanted) = (other.id, mine.id);
    bench.queue(vec![other, mine]).await.unwrap();
    let mut claimed = bench.claim(1).await.unwrap();
    claimed.extend(bench.claim(1).await.unwrap());
    assert_eq!(ids(&claimed), [wanted]);
    assert_eq!(bench.store.ids(), [stays]);
}

#[tokio::test]
async fn a_paused_queue_stays_in_the_store() {
    let mut bench = Bench::new();
    bench.queue(vec![named("a")]).await.unwrap();
    let scope = aqueduct_broker_api::PauseScope::Queue(QueueName::DEFAULT);
    let admin = bench.broker.admin().unwrap().clone();
    aqueduct_broker_api::BrokerAdmin::set_paused(&admin, &scope, true)
        .await
        .unwrap();
    assert!(bench.claim(9).await.unwrap().is_empty());
    assert_eq!(bench.store.ids().len(), 1);
    aqueduct_broker_api::BrokerAdmin::set_paused(&admin, &scope, false)
        .await
        .unwrap();
    assert_eq!(bench.claim(9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_stop_gives_back_into_the_store() {
    let mut bench = Bench::new();
    let tasks = (0..4).map(|_| named("a")).collect();
    bench.queue(tasks).await.unwrap();
    let all = bench.store.ids();
    let mut leases = bench.claim(4).await.unwrap();
    assert!(bench.store.ids().is_empty());
    let release = |lease: Lease| lease.settle(Settlement::Release);
    let last_two: Vec<Settle> = leases.drain(2..).map(release).collect();
    let request = bench.settling(last_two);
    let settled = bench.broker.settle(&request).await.unwrap();
    assert_eq!(settled, [Settled::Applied(RunState::Queued); 2]);
    bench.last = bench.last.next();
    let fused = ClaimRequest::new(bench.consumer, bench.last, LEASE);
    let fused = fused.settling(leases.into_iter().map(release).collect());
    bench.broker.claim(&fused).await.unwrap();
    bench.broker = bench.store.clone().into_broker();
    let again = bench.claim(9).await.unwrap();
    assert_eq!(ids(&again), all);
    assert!(again.iter().all(|lease| lease.run().tally.attempt == 2));
}

#[tokio::test]
async fn a_give_back_is_repeated_until_the_store_takes_it() {
    let mut bench = Bench::new();
    bench.queue(vec![named("a")]).await.unwrap();
    let lease = bench.claim(1).await.unwrap().remove(0);
    bench.store.refuse("a", BrokerErrorKind::Unavailable);
    let request = bench.settling(vec![lease.settle(Settlement::Release)]);
    bench.broker.settle(&request).await.unwrap_err();
    bench.store.accept_all();
    let settled = bench.broker.settle(&request).await.unwrap();
    assert_eq!(settled, [Settled::Applied(RunState::Queued)]);
    assert_eq!(bench.store.ids().len(), 1);
}

#[tokio::test]
async fn a_give_back_that_is_refused_for_good_stays_in_front() {
    let mut bench = Bench::new();
    bench.queue(vec![named("a")]).await.unwrap();
    let lease = bench.claim(1).await.unwrap().remove(0);
    bench.store.refuse("a", BrokerErrorKind::InvalidData);
    let request = bench.settling(vec![lease.settle(Settlement::Release)]);
    bench.broker.settle(&request).await.unwrap();
    assert_eq!(bench.claim(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_repeated_claim_asks_the_store_for_nothing() {
    let mut bench = Bench::new();
    bench.queue(vec![named("a"), named("a")]).await.unwrap();
    let left = bench.store.ids()[1];
    let request = bench.request(1);
    for _repeated in 0..2 {
        let claimed = bench.broker.claim(&request).await.unwrap();
        assert_eq!(claimed.leases.len(), 1);
        assert_eq!(bench.store.ids(), [left]);
        assert_eq!(bench.store.inside().asked, 1);
    }
}

#[tokio::test]
async fn a_claim_asks_the_store_for_no_more_than_front_lacks() {
    let mut bench = Bench::new();
    bench.queue(vec![named("a")]).await.unwrap();
    let lease = bench.claim(1).await.unwrap().remove(0);
    let in_front = lease.run().id;
    bench.store.refuse("a", BrokerErrorKind::InvalidData);
    let request = bench.settling(vec![lease.settle(Settlement::Release)]);
    bench.broker.settle(&request).await.unwrap();
    bench.store.accept_all();
    bench.queue(vec![named("a"), named("a")]).await.unwrap();
    let left = bench.store.ids()[1];
    bench.store.inside().asked = 0;
    let claimed = ids(&bench.claim(2).await.unwrap());
    assert!(claimed.contains(&in_front));
    assert_eq!((claimed.len(), bench.store.ids()), (2, vec![left]));
    assert_eq!(bench.store.inside().asked, 1);
}

#[tokio::test]
async fn a_full_store_is_a_full_queue() {
    let mut bench = Bench::new();
    bench.store.refuse("full", BrokerErrorKind::LimitExceeded);
    let tasks = vec![named("a"), named("full"), named("a")];
    let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, tasks);
    let expected = [ACCEPTED, Enqueued::QueueFull { limit: None }, ACCEPTED];
    for _repeated in 0..2 {
        assert_eq!(bench.broker.enqueue(&request).await.unwrap(), expected);
    }
    bench.store.accept_all();
    let claimed = bench.claim(9).await.unwrap();
    assert_eq!(ids(&claimed), [request.tasks[0].id, request.tasks[2].id]);
}

#[tokio::test]
async fn a_run_that_is_refused_for_good_is_not_kept() {
    let mut bench = Bench::new();
    bench.store.refuse("bad", BrokerErrorKind::InvalidData);
    bench.store.refuse("worse", BrokerErrorKind::Unexpected);
    let tasks = vec![named("a"), named("bad"), named("worse"), named("a")];
    let stored = [tasks[0].id, tasks[3].id];
    let error = bench.queue(tasks).await.unwrap_err();
    assert_eq!(error.kind(), BrokerErrorKind::InvalidData);
    assert_eq!(bench.store.ids(), stored);
    assert_eq!(ids(&bench.claim(9).await.unwrap()), stored);
}

/// A producer sends what was refused together again, caller by caller.
#[tokio::test]
async fn what_was_stored_beside_a_refused_run_is_not_stored_twice() {
    let bench = Bench::new();
    bench.store.refuse("bad", BrokerErrorKind::InvalidData);
    let good = named("a");
    bench
        .queue(vec![good.clone(), named("bad")])
        .await
        .unwrap_err();
    assert_eq!(bench.queue(vec![good]).await.unwrap(), [ACCEPTED]);
    assert_eq!(bench.store.ids().len(), 1);
}

#[tokio::test]
async fn an_unknown_outcome_is_kept_and_tried_again() {
    let mut bench = Bench::new();
    bench.store.refuse("slow", BrokerErrorKind::Timeout);
    let tasks = vec![named("a"), named("slow"), named("a")];
    let all: Vec<RunId> = tasks.iter().map(|task| task.id).collect();
    let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, tasks);
    let error = bench.broker.enqueue(&request).await.unwrap_err();
    assert_eq!(error.kind(), BrokerErrorKind::Timeout);
    bench.store.accept_all();
    assert_eq!(bench.broker.enqueue(&request).await.unwrap(), [ACCEPTED; 3]);
    assert_eq!(bench.store.ids(), all);
    assert_eq!(ids(&bench.claim(9).await.unwrap()), all);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_enqueue_loses_no_run() {
    let mut bench = Bench::new();
    let tasks = vec![named("a"), named("a")];
    let all: Vec<RunId> = tasks.iter().map(|task| task.id).collect();
    let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, tasks);
    bench.store.inside().is_hanging = true;
    let interrupted = tokio::time::timeout(LEASE, bench.broker.enqueue(&request)).await;
    interrupted.unwrap_err();
    bench.store.inside().is_hanging = false;
    assert_eq!(bench.broker.enqueue(&request).await.unwrap(), [ACCEPTED; 2]);
    assert_eq!(bench.store.ids().len(), 2);
    let mut claimed = ids(&bench.claim(9).await.unwrap());
    claimed.sort_unstable();
    assert_eq!(claimed, all);
}

#[tokio::test]
async fn a_slow_store_does_not_use_up_the_lease() {
    let clock = ManualClock::new(START);
    let mut bench = Bench::new();
    bench.broker = bench.store.clone().into_broker_on(clock.clock());
    let tasks = (0..9).map(|_| named("a")).collect();
    bench.queue(tasks).await.unwrap();
    bench.store.inside().slow = Some(clock);
    assert_eq!(bench.claim(9).await.unwrap().len(), 2);
    assert_eq!(bench.store.ids().len(), 7);
}
