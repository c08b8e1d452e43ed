//! The edges: exactly at a bound, one before it, one behind it; waits that must not end, and do.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, BrokerErrorKind, ClaimRequest, EnqueueRequest, Enqueued, LaneWant, Lease,
    PauseScope, ReclaimRequest, RunFilter, ScheduleDefinition, ScheduleStore, ScheduleVersion,
    Sequence, Settle, Settlement, Upserted, WaitRequest,
};
use aqueduct_broker_conformance::{START, named};
use aqueduct_broker_memory::MemoryBroker;
use aqueduct_core::clock::{ManualClock, TimeSource};
use aqueduct_core::queue::Due;
use aqueduct_core::run::{Failure, FailureKind, Fair, Reason};
use aqueduct_core::time::Monotonic;
use aqueduct_core::{
    Clock, ConsumerId, Lane, ProducerId, QueueName, QueuedTask, RunId, RunState, Schedule,
    ScheduleName, TaskName, Timestamp,
};
use tokio::sync::watch;
use tokio::time::Instant;

const LEASE: Duration = Duration::from_secs(5);
const BEAT: Duration = Duration::from_secs(1);
const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

/// A broker on a clock that the test moves, and one consumer.
struct World {
    broker: MemoryBroker,
    clock: ManualClock,
    consumer: ConsumerId,
    last: u64,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::new(START);
        Self {
            broker: MemoryBroker::with_clock(clock.clock()),
            clock,
            consumer: ConsumerId::generate(),
            last: 0,
        }
    }

    async fn queue(&self, tasks: Vec<QueuedTask>) {
        for tasks in tasks.chunks(512) {
            let producer = ProducerId::generate();
            let request = EnqueueRequest::new(producer, Sequence::FIRST, tasks.to_vec());
            self.broker.enqueue(&request).await.unwrap();
        }
    }

    async fn queue_some(&self, count: usize) {
        self.queue((0..count).map(|_| named("a")).collect()).await;
    }

    fn next(&mut self, most: usize) -> ClaimRequest {
        self.last += 1;
        claim(self.consumer, self.last, most)
    }

    async fn claim(&mut self, most: usize) -> Vec<Lease> {
        let request = self.next(most);
        self.broker.claim(&request).await.unwrap().leases
    }

    async fn settle(&mut self, items: Vec<Settle>) {
        let request = self.next(0).settling(items);
        self.broker.claim(&request).await.unwrap();
    }

    async fn settle_all(&mut self, count: usize, settlement: &Settlement) {
        let leases = self.claim(count).await;
        assert_eq!(leases.len(), count);
        let items = leases.into_iter().map(|it| it.settle(settlement.clone()));
        self.settle(items.collect()).await;
    }

    /// Beats every so often until a time has passed, so that nothing seems to stand still.
    async fn beat_for(&self, time: Duration, request: &ReclaimRequest) {
        let until = self.clock.clock().now().saturating_add(time);
        while self.clock.clock().now() < until {
            self.clock.advance(BEAT);
            self.broker.reclaim(request).await.unwrap();
        }
    }
}

fn claim(consumer: ConsumerId, number: u64, most: usize) -> ClaimRequest {
    let want = LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), most);
    ClaimRequest::new(consumer, Sequence::from_number(number), LEASE).want(want)
}

fn beat() -> ReclaimRequest {
    ReclaimRequest::new(BEAT, LEASE)
}

fn fail() -> Settlement {
    let failure = Failure::new(FailureKind::Error, "it did not work");
    Settlement::Fail { failure }
}

fn ids(leases: &[Lease]) -> Vec<RunId> {
    leases.iter().map(|lease| lease.run().id).collect()
}

#[tokio::test]
async fn a_claim_passes_over_1024_runs_that_it_cannot_use_and_no_more() {
    for (paused, found) in [(1023, 1), (1024, 0)] {
        let mut world = World::new();
        let scope = PauseScope::Task(TaskName::from_static("a"));
        world.broker.set_paused(&scope, true).await.unwrap();
        world.queue_some(paused).await;
        world.queue(vec![named("b")]).await;
        assert_eq!(world.claim(9).await.len(), found, "behind {paused}");
        assert_eq!(
            world.claim(9).await.len(),
            1 - found,
            "the next goes on there"
        );
    }
}

#[tokio::test]
async fn a_repeated_claim_gives_only_what_it_gave_and_nobody_took_since() {
    let mut world = World::new();
    world.queue_some(1).await;
    let first = world.next(1);
    let leases = world.broker.claim(&first).await.unwrap().leases;
    let run = ids(&leases);
    let released = leases.into_iter().map(|it| it.settle(Settlement::Release));
    world.settle(released.collect()).await;
    let other = claim(ConsumerId::generate(), 1, 1);
    let others = world.broker.claim(&other).await.unwrap().leases;
    assert_eq!(ids(&others), run, "with the same number");
    let again = world.broker.claim(&first).await.unwrap().leases;
    assert_eq!(ids(&again), [], "another has it");
    let token = others[0].token();
    let release = Settle::new(token, Settlement::Release);
    let release = claim(token.consumer, 2, 0).settling(vec![release]);
    world.broker.claim(&release).await.unwrap();
    assert_eq!(ids(&world.claim(1).await), run);
    let again = world.broker.claim(&first).await.unwrap().leases;
    assert_eq!(ids(&again), [], "a later claim gave it");
}

#[tokio::test]
async fn the_last_64_answers_are_known_and_no_more() {
    let mut world = World::new();
    world.queue_some(1).await;
    let run = ids(&world.claim(1).await);
    for _ in 1..64 {
        world.claim(0).await;
    }
    let first = claim(world.consumer, 1, 1);
    let again = world.broker.claim(&first).await.unwrap().leases;
    assert_eq!(ids(&again), run);
    world.claim(0).await;
    let refused = world.broker.claim(&first).await.unwrap_err();
    assert_eq!(refused.kind(), BrokerErrorKind::Stale);
}

#[tokio::test(start_paused = true)]
async fn a_wait_does_not_end_for_what_cannot_be_claimed() {
    let mut world = World::new();
    let queues: Arc<[QueueName]> = Arc::from([QueueName::DEFAULT]);
    let wait = |lane| WaitRequest::new(vec![lane], Arc::clone(&queues), 100 * SECOND);
    let ends = async |world: &World, lane| {
        let wait = wait(lane);
        let wait = world.broker.wait_ready(&wait);
        tokio::time::timeout(SECOND, wait).await.is_ok()
    };
    assert!(!ends(&world, Lane::Io).await, "an unknown queue");
    world.queue_some(3).await;
    assert!(ends(&world, Lane::Io).await);
    assert!(!ends(&world, Lane::Cpu).await, "another lane");
    let scope = PauseScope::Queue(QueueName::DEFAULT);
    world.broker.set_paused(&scope, true).await.unwrap();
    assert!(!ends(&world, Lane::Io).await, "a paused queue");
    world.broker.set_paused(&scope, false).await.unwrap();
    world.claim(1).await;
    assert!(ends(&world, Lane::Io).await, "two are left");
    let waiting = RunFilter::all().in_state(RunState::Queued);
    let waiting = BrokerAdmin::list(&world.broker, &waiting)
        .await
        .unwrap()
        .runs;
    let one = [waiting[0].id];
    let cancelled = world.broker.cancel(&one, Reason::new("enough"));
    cancelled.await.unwrap();
    assert!(ends(&world, Lane::Io).await, "one is left");
    world.claim(1).await;
    assert!(!ends(&world, Lane::Io).await, "nothing is left");
    let mut in_turn = named("b");
    in_turn.options_mut().fair = Some(Fair::key("k").unwrap());
    world.queue(vec![in_turn]).await;
    assert!(ends(&world, Lane::Io).await, "one stands in a line");
    world.claim(1).await;
    assert!(!ends(&world, Lane::Io).await, "the line has gone");
}

/// The paused clock of the runtime, and how often it was looked at.
#[derive(Clone, Debug)]
struct PausedTime(Instant, Arc<AtomicUsize>);

impl TimeSource for PausedTime {
    fn now(&self) -> Timestamp {
        self.1.fetch_add(1, Ordering::Relaxed);
        START.saturating_add(self.0.elapsed())
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::from_origin(self.0.elapsed())
    }

    fn moves(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}

fn due_in(wait: Duration) -> QueuedTask {
    let mut task = named("a");
    task.due = Due::After(wait);
    task
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_a_run_is_due_without_looking_again_and_again() {
    let time = PausedTime(Instant::now(), Arc::default());
    let broker = MemoryBroker::with_clock(Clock::new(time.clone()));
    let queue = async |wait| {
        let tasks = vec![due_in(wait)];
        let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, tasks);
        broker.enqueue(&request).await.unwrap();
    };
    queue(3600 * SECOND).await;
    let queues = Arc::from([QueueName::DEFAULT]);
    let wait = WaitRequest::new(vec![Lane::Io], queues, 100_000 * SECOND);
    let sooner = async {
        tokio::time::sleep(SECOND).await;
        queue(59 * SECOND).await;
    };
    let (ended, ()) = tokio::join!(broker.wait_ready(&wait), sooner);
    ended.unwrap();
    assert_eq!(
        time.0.elapsed().as_secs(),
        60,
        "what was queued meanwhile is due first"
    );
    let leases = broker.claim(&claim(ConsumerId::generate(), 1, 9)).await;
    assert_eq!(leases.unwrap().leases.len(), 1);
    broker.wait_ready(&wait).await.unwrap();
    assert_eq!(time.0.elapsed().as_secs(), 3600);
    let looks = time.1.load(Ordering::Relaxed);
    assert!(looks < 50, "{looks} looks");
}

#[tokio::test]
async fn a_page_that_is_just_full_is_the_last() {
    let world = World::new();
    world.queue_some(4).await;
    for (size, has_more) in [(3, true), (4, false), (5, false)] {
        let filter = RunFilter::all().with_page(size);
        let page = BrokerAdmin::list(&world.broker, &filter).await.unwrap();
        assert_eq!(page.runs.len(), size.min(4));
        assert_eq!(page.next.is_some(), has_more, "a page of {size}");
    }
}

#[tokio::test]
async fn ends_and_retries_of_tasks_are_counted() {
    let mut world = World::new();
    world.queue_some(6).await;
    world
        .settle_all(3, &Settlement::Succeed { result: None })
        .await;
    world.settle_all(2, &fail()).await;
    let failure = Failure::new(FailureKind::Error, "it did not work");
    let wait = SECOND;
    world
        .settle_all(1, &Settlement::Retry { wait, failure })
        .await;
    let tasks = BrokerAdmin::tasks(&world.broker).await.unwrap();
    let counts: Vec<_> = tasks
        .iter()
        .map(|it| (it.task.as_str(), it.succeeded, it.failed, it.retried))
        .collect();
    assert_eq!(counts, [("a", 3, 2, 1)]);
    assert_eq!(tasks[0].last_state, Some(RunState::Failed));
    assert_eq!(tasks[0].last_ended_at, Some(START));
}

#[tokio::test]
async fn a_consumer_is_known_until_its_lease_has_passed() {
    let mut world = World::new();
    world.queue_some(2).await;
    world.claim(9).await;
    world.clock.advance(LEASE.saturating_sub(MILLI));
    let living = BrokerAdmin::consumers(&world.broker).await.unwrap();
    assert_eq!(living.iter().map(|it| it.holds).collect::<Vec<_>>(), [2]);
    world.clock.advance(MILLI);
    assert!(
        BrokerAdmin::consumers(&world.broker)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn more_than_three_beats_are_a_standstill_and_it_ends_after_a_lease() {
    for (gap, stood) in [(3 * BEAT, false), (3 * BEAT + MILLI, true)] {
        let mut world = World::new();
        world.queue_some(1).await;
        world.claim(1).await;
        world.beat_for(LEASE.saturating_sub(BEAT), &beat()).await;
        world.clock.advance(gap);
        let done = world.broker.reclaim(&beat()).await.unwrap();
        assert_eq!(done.paused_for, stood.then_some(LEASE), "after {gap:?}");
        assert_eq!(done.requeued, usize::from(!stood));
        if stood {
            world.beat_for(LEASE.saturating_sub(BEAT), &beat()).await;
            world.clock.advance(BEAT.saturating_sub(MILLI));
            let done = world.broker.reclaim(&beat()).await.unwrap();
            assert_eq!((done.paused_for, done.requeued), (Some(MILLI), 0));
            world.clock.advance(MILLI);
            let done = world.broker.reclaim(&beat()).await.unwrap();
            assert_eq!((done.paused_for, done.requeued), (None, 1));
        }
    }
}

#[tokio::test]
async fn the_limit_of_a_beat_counts_all_that_it_moves() {
    let mut world = World::new();
    world.queue_some(6).await;
    let runs = ids(&world.claim(9).await);
    let cancelled = world.broker.cancel(&runs[2..4], Reason::new("enough"));
    cancelled.await.unwrap();
    let limit = |most| beat().with_limit(most);
    world.beat_for(LEASE.saturating_sub(BEAT), &limit(0)).await;
    world.clock.advance(BEAT);
    let mut moved = Vec::new();
    for _ in 0..4 {
        let done = world.broker.reclaim(&limit(2)).await.unwrap();
        moved.push((done.requeued, done.cancelled, done.more));
    }
    // The greatest id first: two that waited to be run, two to be cancelled, two again.
    assert_eq!(
        moved,
        [(2, 0, true), (0, 2, true), (2, 0, false), (0, 0, false)]
    );
}

#[tokio::test]
async fn the_limit_of_a_beat_counts_what_fails_and_what_is_swept() {
    let mut world = World::new();
    world.queue_some(3).await;
    world.claim(9).await;
    let limit = |most| beat().with_crash_budget(1).with_limit(most);
    world.beat_for(LEASE.saturating_sub(BEAT), &limit(0)).await;
    world.clock.advance(BEAT);
    let mut moved = Vec::new();
    for _ in 0..2 {
        let done = world.broker.reclaim(&limit(2)).await.unwrap();
        moved.push((done.failed, done.more));
    }
    assert_eq!(moved, [(2, true), (1, false)]);
    world.clock.advance(Duration::from_hours(7 * 24));
    let mut swept = Vec::new();
    for _ in 0..2 {
        let done = world.broker.reclaim(&limit(2)).await.unwrap();
        swept.push((done.swept, done.more));
    }
    assert_eq!(swept, [(2, true), (1, false)]);
}

#[tokio::test]
async fn what_is_requeued_is_not_swept() {
    let mut world = World::new();
    world.queue_some(2).await;
    world.settle_all(2, &fail()).await;
    let failed = BrokerAdmin::list(&world.broker, &RunFilter::failed())
        .await
        .unwrap();
    let requeued = failed.runs[0].id;
    assert_eq!(world.broker.requeue(&[requeued]).await.unwrap(), [true]);
    world.clock.advance(Duration::from_hours(8 * 24));
    let done = world.broker.reclaim(&beat()).await.unwrap();
    assert_eq!(done.swept, 1);
    let found = world
        .broker
        .find(&[requeued, failed.runs[1].id])
        .await
        .unwrap();
    assert_eq!(
        found.iter().map(Option::is_some).collect::<Vec<_>>(),
        [true, false]
    );
}

#[tokio::test]
async fn each_change_of_a_schedule_has_a_revision_of_its_own() {
    let world = World::new();
    let store = &world.broker;
    let define = async |version, seconds| {
        let every = Schedule::every(seconds * SECOND).unwrap();
        let name = ScheduleName::from_static("often");
        let definition = ScheduleDefinition::new(name, every, TaskName::from_static("a"))
            .with_version(ScheduleVersion::from_number(version));
        store.upsert(&[definition]).await.unwrap().remove(0)
    };
    let name = ScheduleName::from_static("often");
    let mut revisions = Vec::new();
    let mut note = async || {
        let snapshot = ScheduleStore::list(store).await.unwrap();
        revisions.push(snapshot.revision);
    };
    note().await;
    assert_eq!(define(1, 5).await, Upserted::Created);
    note().await;
    assert_eq!(define(1, 6).await, Upserted::Replaced);
    note().await;
    assert!(store.set_enabled(&name, false).await.unwrap());
    note().await;
    assert!(store.remove(&name).await.unwrap());
    note().await;
    assert_eq!(define(1, 6).await, Upserted::Outdated);
    assert_eq!(define(2, 6).await, Upserted::Created);
    note().await;
    let before = revisions.len();
    revisions.sort_unstable();
    revisions.dedup();
    assert_eq!(revisions.len(), before, "{revisions:?}");
}

/// Of ten thousand producers, the first that was silent for ten minutes is forgotten for a further one.
#[tokio::test]
async fn the_producers_that_are_remembered_are_a_bounded_number() {
    let world = World::new();
    let request = |tasks| EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, tasks);
    let silent = request(vec![named("a")]);
    let active = request(vec![named("a")]);
    let accepted = [Enqueued::Accepted(RunState::Queued)];
    let answer = async |request: &EnqueueRequest| world.broker.enqueue(request).await.unwrap();
    assert_eq!(answer(&silent).await, accepted);
    assert_eq!(answer(&active).await, accepted);
    world.clock.advance(Duration::from_mins(10));
    for _ in 0..9_999 {
        let other = request(Vec::new());
        answer(&other).await;
        assert_eq!(answer(&active).await, accepted, "it is remembered");
    }
    let known = silent.tasks[0].id;
    assert_eq!(
        answer(&silent).await,
        [Enqueued::Duplicate(known)],
        "it is done anew"
    );
}

#[tokio::test]
async fn a_clock_that_is_set_back_holds_the_dead_for_one_lease_more() {
    let mut world = World::new();
    world.queue_some(1).await;
    let lease = world.claim(1).await.pop().unwrap();
    let beat = ReclaimRequest::new(BEAT, LEASE);
    let beats = async |times: u64| {
        let mut taken = 0;
        for _ in 0..times {
            world.clock.advance(BEAT);
            taken += world.broker.reclaim(&beat).await.unwrap().requeued;
        }
        taken
    };
    assert_eq!(beats(1).await, 0);
    world.clock.set_wall(START.saturating_sub(SECOND * 60));
    assert_eq!(beats(LEASE.as_secs()).await, 0);
    assert_eq!(beats(1).await, 1, "{lease:?}");
}
