//! The parts of a consumer on tokio's paused clock: time passes only while nothing can happen.

mod log;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct_broker_api::{Broker, BrokerAdmin, BrokerExt, BrokerHandle};
use aqueduct_broker_conformance::{Fault, FaultyBroker, Operation, named};
use aqueduct_broker_memory::MemoryBroker;
use aqueduct_core::cancel::CancelReason;
use aqueduct_core::clock::TimeSource;
use aqueduct_core::run::{FailureKind, Reason};
use aqueduct_core::task::{FunctionTask, TaskDefinition};
use aqueduct_core::time::Monotonic;
use aqueduct_core::{
    Clock, Failure, Lane, QueueName, RunId, RunState, TaskContext, TaskError, TaskName,
    TaskRegistry, Timestamp,
};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep};

use crate::TaskConsumer;
use crate::builder::TaskConsumerBuilder;
use crate::engine::run_until;
use crate::heartbeat::{LEAVE_WITHIN, beat_until_drained};
use crate::pump::Pump;
use crate::shared::Shared;

const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);
const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_hours(1);

/// What the paused clock of the runtime says.
#[derive(Debug)]
struct PausedTime(Instant);

impl TimeSource for PausedTime {
    fn now(&self) -> Timestamp {
        START.saturating_add(self.0.elapsed())
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::from_origin(self.0.elapsed())
    }

    fn moves(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}

/// A consumer of one task, its broker, and when attempts of the task did what.
struct World {
    clock: Clock,
    memory: MemoryBroker,
    broker: FaultyBroker,
    noted: Arc<Mutex<Vec<(Duration, String)>>>,
    gate: Arc<Semaphore>,
}

impl World {
    fn new(faults: impl FnOnce(FaultyBroker) -> FaultyBroker) -> Self {
        let clock = Clock::new(PausedTime(Instant::now()));
        let memory = MemoryBroker::with_clock(clock.clone());
        let broker = faults(FaultyBroker::new(BrokerHandle::new(memory.clone())));
        Self {
            clock,
            memory,
            broker,
            noted: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    /// Makes the consumer of `passes`, a task that passes a gate, and notes how it ended.
    fn consumer(
        &self,
        configure: impl FnOnce(TaskConsumerBuilder) -> TaskConsumerBuilder,
    ) -> (Arc<Shared>, Pump) {
        let (clock, noted) = (self.clock.clone(), Arc::clone(&self.noted));
        let gate = Arc::clone(&self.gate);
        let body = move |context: TaskContext, _params: BTreeMap<String, String>| {
            let (clock, noted, gate) = (clock.clone(), Arc::clone(&noted), Arc::clone(&gate));
            async move {
                let how = tokio::select! {
                    permit = gate.acquire() => {
                        permit.unwrap().forget();
                        "passed".to_owned()
                    }
                    reason = context.cancelled() => format!("{reason:?}"),
                };
                let at = clock.monotonic().since_origin();
                noted.lock().unwrap().push((at, how));
                Ok::<(), TaskError>(())
            }
        };
        self.consumer_of(body, configure)
    }

    /// Makes a consumer whose task `passes` does what it is given.
    fn consumer_of<F>(
        &self,
        body: impl Fn(TaskContext, BTreeMap<String, String>) -> F + Send + Sync + 'static,
        configure: impl FnOnce(TaskConsumerBuilder) -> TaskConsumerBuilder,
    ) -> (Arc<Shared>, Pump)
    where
        F: Future<Output = Result<(), TaskError>> + Send + 'static,
    {
        let definition = TaskDefinition::new(TaskName::from_static("passes"));
        let definition = definition.with_timeout(HOUR).unwrap();
        let mut registry = TaskRegistry::new();
        let task: Arc<dyn aqueduct_core::Task> = Arc::new(FunctionTask::new(definition, body));
        registry.register(&task).unwrap();
        let broker = BrokerHandle::bare(self.broker.clone());
        let builder = TaskConsumer::builder(broker, Arc::new(registry)).clock(self.clock.clone());
        let consumer = configure(builder).build().unwrap();
        let pump = Pump::new(
            Arc::clone(&consumer.shared),
            consumer.order,
            Handle::current(),
        );
        (consumer.shared, pump)
    }

    async fn queue(&self, count: usize) {
        for _ in 0..count {
            self.memory.queue_task(named("passes")).await.unwrap();
        }
    }

    async fn held(&self) -> u64 {
        let lengths = self.memory.queue_lengths(&[QueueName::DEFAULT]).await;
        lengths.unwrap()[0].running
    }

    fn noted(&self) -> Vec<(Duration, String)> {
        self.noted.lock().unwrap().clone()
    }
}

/// Lets a consumer live for that long.
async fn live(shared: &Shared, pump: &mut Pump, time: Duration) {
    tokio::select! {
        refused = pump.feed() => panic!("the broker refused: {refused}"),
        () = beat_until_drained(shared) => panic!("it has left"),
        () = sleep(time) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_consumer_makes_few_calls() {
    let world = World::new(|broker| broker);
    let (shared, mut pump) = world.consumer(|consumer| consumer);
    live(&shared, &mut pump, HOUR).await;
    let calls = |operation| world.broker.calls(operation);
    let waits = 3600 / 5 + 1;
    assert!(calls(Operation::WaitReady) <= waits);
    assert!(calls(Operation::Claim) <= waits + 1);
    let fastest_beat = shared.limits.beat.mul_f64(0.8).as_millis();
    let beats = u64::try_from(HOUR.as_millis() / fastest_beat).unwrap() + 1;
    assert!((1..=beats).contains(&calls(Operation::Reclaim)));
    assert!((1..=beats).contains(&calls(Operation::Extend)));
    assert_eq!(calls(Operation::Settle), 0);
}

/// A beat that reached the broker after the farewell would bring the consumer back for a whole lease.
#[tokio::test(start_paused = true)]
async fn it_leaves_once_its_last_beat_is_answered_and_not_for_ever() {
    let stops_after = async |answer: Duration| {
        let slow = Fault::Delay(answer);
        let world = World::new(|broker| broker.every_of(Operation::Extend, 1, slow));
        let (shared, pump) = world.consumer(|consumer| consumer);
        let told = sleep(SECOND / 10);
        assert!(run_until(&shared, pump, told).await.problem.is_none());
        world.clock.monotonic().since_origin()
    };
    assert_eq!(stops_after(SECOND / 5).await, 2 * (SECOND / 5));
    assert_eq!(stops_after(HOUR).await, SECOND / 10 + LEAVE_WITHIN);
}

#[tokio::test(start_paused = true)]
async fn trust_ends_a_margin_before_the_lease_counted_from_sending() {
    let world = World::new(|broker| {
        broker
            .every_of(Operation::Claim, 1, Fault::Delay(SECOND))
            .every_of(Operation::Extend, 1, Fault::Delay(HOUR))
    });
    world.queue(1).await;
    let (shared, mut pump) = world.consumer(|it| it.lease(2 * SECOND).concurrency(1));
    live(&shared, &mut pump, 10 * SECOND).await;
    let (at, how) = world.noted().remove(0);
    assert_eq!(how, format!("{:?}", CancelReason::LeaseLost));
    let latest = shared.limits.lease.saturating_sub(shared.limits.margin);
    assert!(
        at <= latest,
        "cancelled at {at:?}, sent at 0, trusted until {latest:?}"
    );
}

/// Lets a task that heeds nothing be told to end, and cuts the network; returns how long it goes on.
async fn goes_on_after_a_cut(tell: impl AsyncFn(&Shared, &mut Pump)) -> Duration {
    struct Noted(Arc<Mutex<Option<Instant>>>);
    impl Drop for Noted {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = Some(Instant::now());
        }
    }
    let world = World::new(|broker| broker);
    let dropped = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&dropped);
    let (shared, mut pump) = world.consumer_of(
        move |_, _| {
            let noted = Noted(Arc::clone(&noted));
            async move {
                let _noted = noted;
                std::future::pending().await
            }
        },
        |it| it.lease(2 * SECOND).shutdown_grace(HOUR).cancel_grace(HOUR),
    );
    world.queue(1).await;
    live(&shared, &mut pump, 10 * SECOND).await;
    assert_eq!(world.held().await, 1);
    world.broker.fail_at_random(1.0, [Fault::Error], 1);
    let cut = Instant::now();
    tell(&shared, &mut pump).await;
    let dropped = *dropped.lock().unwrap();
    dropped.expect("it goes on").duration_since(cut)
}

#[tokio::test(start_paused = true)]
async fn a_task_that_winds_down_ends_with_the_trust_in_its_lease() {
    let requested = goes_on_after_a_cut(async |shared, pump| {
        let reason = CancelReason::Requested(Reason::new("enough"));
        for owed in shared.in_flight.all() {
            owed.context.cancellation().cancel(reason.clone());
        }
        live(shared, pump, 10 * SECOND).await;
    });
    assert!(requested.await < 2 * SECOND);
    let stopping = goes_on_after_a_cut(async |shared, pump| {
        shared.stopping.cancel(CancelReason::ShuttingDown);
        for owed in shared.in_flight.all() {
            owed.context
                .cancellation()
                .cancel(CancelReason::ShuttingDown);
        }
        let both = async { tokio::join!(pump.drain(), beat_until_drained(shared)) };
        let _ = tokio::time::timeout(10 * SECOND, both).await;
    });
    assert!(stopping.await < 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn what_is_given_too_late_to_be_trusted_is_given_back() {
    let late = Fault::Delay(1900 * MILLISECOND);
    let world = World::new(|broker| broker.every_of(Operation::Claim, 1, late));
    world.queue(1).await;
    let (shared, mut pump) = world.consumer(|it| it.lease(2 * SECOND));
    live(&shared, &mut pump, 10 * SECOND).await;
    assert_eq!(shared.running(Lane::Io), 0, "it has begun");
    world.broker.heal();
    live(&shared, &mut pump, 10 * SECOND).await;
    assert_eq!(shared.running(Lane::Io), 1, "it is gone");
}

#[tokio::test(start_paused = true)]
async fn a_renewed_lease_is_trusted_on() {
    let world = World::new(|broker| broker);
    world.queue(1).await;
    let (shared, mut pump) = world.consumer(|it| it.lease(2 * SECOND));
    live(&shared, &mut pump, 600 * SECOND).await;
    assert_eq!(world.noted(), []);
    assert_eq!(world.held().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_is_not_answered_is_repeated() {
    let world = World::new(|broker| broker.every_of(Operation::Claim, 2, Fault::Delay(HOUR)));
    world.queue(3).await;
    world.gate.add_permits(3);
    let (shared, mut pump) = world.consumer(|consumer| consumer);
    live(&shared, &mut pump, 60 * SECOND).await;
    assert_eq!(world.noted().len(), 3);
    assert_eq!(world.held().await, 0, "the settlements were repeated, too");
}

#[tokio::test(start_paused = true)]
async fn waits_that_fail_or_hang_hold_up_nothing_for_long() {
    for fault in [Fault::Error, Fault::LostReply, Fault::Delay(HOUR)] {
        let world = World::new(|broker| broker.every_of(Operation::WaitReady, 1, fault));
        world.gate.add_permits(1);
        let (shared, mut pump) = world.consumer(|consumer| consumer);
        live(&shared, &mut pump, HOUR).await;
        let claims = world.broker.calls(Operation::Claim);
        assert!(claims < 5000, "{fault:?}: {claims} claims in an hour");
        world.queue(1).await;
        let queued = world.clock.monotonic();
        live(&shared, &mut pump, 60 * SECOND).await;
        let (at, _) = world.noted().remove(0);
        let took = Monotonic::from_origin(at).saturating_since(queued);
        assert!(took <= 12 * SECOND, "{fault:?}: it took {took:?}");
    }
}

/// Queues a run that has so much time in all.
async fn queue_limited(world: &World, total: Duration) -> RunId {
    let mut task = named("passes");
    task.options_mut().total_timeout = Some(total);
    let id = task.id;
    world.memory.queue_task(task).await.unwrap();
    id
}

/// Returns the failed run: how often it was begun, when it ended, and why.
async fn failed(world: &World, run: RunId) -> (u32, Duration, Failure) {
    let found = world.memory.find(&[run]).await.unwrap().remove(0).unwrap();
    assert_eq!(found.state, RunState::Failed);
    let record = found.record.unwrap();
    let ended_at = record.ended_at.unwrap().saturating_since(START);
    (found.tally.attempt, ended_at, record.failure.unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_total_time_of_a_run_ends_its_attempt_and_leaves_no_retry() {
    let world = World::new(|broker| broker);
    let run = queue_limited(&world, 10 * SECOND).await;
    let (shared, mut pump) = world.consumer(|consumer| consumer);
    live(&shared, &mut pump, HOUR).await;
    let (attempts, ended_at, failure) = failed(&world, run).await;
    assert_eq!((attempts, ended_at), (1, 10 * SECOND));
    assert_eq!(failure.kind(), FailureKind::Timeout);
    assert!(failure.message().contains("total time"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_total_time_is_over_is_not_begun() {
    let world = World::new(|broker| broker);
    let late = queue_limited(&world, 10 * SECOND).await;
    sleep(20 * SECOND).await;
    // One that is claimed ahead, and has no place in time, is not begun either.
    world.queue(1).await;
    let ahead = queue_limited(&world, 10 * SECOND).await;
    let (shared, mut pump) = world.consumer(|it| it.concurrency(1));
    live(&shared, &mut pump, 30 * SECOND).await;
    world.gate.add_permits(1);
    live(&shared, &mut pump, HOUR).await;
    assert_eq!(world.noted().len(), 1, "the one without a limit");
    for run in [late, ahead] {
        let (_, _, failure) = failed(&world, run).await;
        assert!(failure.message().contains("waited until"), "{failure}");
    }
    assert_eq!(world.held().await, 0);
}

#[tokio::test(start_paused = true)]
async fn one_failed_wait_costs_less_than_a_tenth_of_a_second() {
    let world = World::new(|broker| broker.every_of(Operation::WaitReady, 2, Fault::LostReply));
    world.gate.add_permits(1);
    let (shared, mut pump) = world.consumer(|consumer| consumer);
    let later = async {
        sleep(SECOND).await;
        world.queue(1).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = live(&shared, &mut pump, 30 * SECOND) => {}
        () = later => {}
    }
    let (at, _) = world.noted().remove(0);
    assert!(
        at <= SECOND + Duration::from_millis(100),
        "it began at {at:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_claimed_ahead_has_a_bound_and_is_given_back() {
    let world = World::new(|broker| broker);
    world.queue(20).await;
    let (shared, mut pump) = world.consumer(|it| it.concurrency(2).prefetch(3));
    for passed in 0..10 {
        live(&shared, &mut pump, SECOND).await;
        assert_eq!(world.noted().len(), passed);
        assert_eq!((world.held().await, shared.running(Lane::Io)), (5, 2));
        world.gate.add_permits(1);
    }
    live(&shared, &mut pump, SECOND).await;
    // The stop gives back what has not begun, at once; what has begun may go on.
    tokio::select! {
        () = pump.drain() => panic!("two attempts are still running"),
        () = sleep(Duration::from_millis(1)) => {}
    }
    assert_eq!(world.held().await, 2);
    let given_back = world.memory.queue_lengths(&[QueueName::DEFAULT]).await;
    assert_eq!(given_back.unwrap()[0].queued, 20 - 10 - 2);
}

/// Lets a consumer claim what is queued, and die with it; returns when.
async fn dies_with_a_run(world: &World) -> Monotonic {
    world.queue(1).await;
    let (shared, mut pump) = world.consumer(|consumer| consumer);
    live(&shared, &mut pump, Duration::from_millis(1)).await;
    assert_eq!(world.held().await, 1);
    world.clock.monotonic()
}

/// The defaults keep the promise, wherever in its rhythm the survivor is.
#[tokio::test(start_paused = true)]
async fn the_run_of_a_dead_consumer_starts_elsewhere_within_seven_seconds() {
    for _ in 0..20 {
        let world = World::new(|broker| broker);
        let (shared, mut pump) = world.consumer(|consumer| consumer);
        live(&shared, &mut pump, 10 * SECOND).await;
        let died = dies_with_a_run(&world).await;
        // What the dead one has begun stays at the gate; a second pass is the heir's.
        live(&shared, &mut pump, 7 * SECOND).await;
        let began = shared.running(Lane::Io);
        assert_eq!(
            began,
            1,
            "nobody began it, {:?} after",
            world.clock.monotonic().saturating_since(died)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_keeps_killing_its_consumers_is_stopped_by_their_budget() {
    let world = World::new(|broker| broker);
    let (shared, mut pump) = world.consumer(|consumer| consumer.crash_budget(1));
    live(&shared, &mut pump, 10 * SECOND).await;
    let _ = dies_with_a_run(&world).await;
    live(&shared, &mut pump, 20 * SECOND).await;
    assert_eq!(world.broker.calls(Operation::Settle), 0);
    assert_eq!(
        (world.held().await, shared.running(Lane::Io)),
        (0, 0),
        "it began again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stopping_consumer_claims_nothing_more() {
    let a_moment = Duration::from_millis(1);
    let slow = |broker: FaultyBroker| broker.every_of(Operation::Claim, 1, Fault::Delay(a_moment));
    let world = World::new(slow);
    world.queue(5).await;
    let (shared, mut pump) = world.consumer(|consumer| consumer.concurrency(2));
    live(&shared, &mut pump, SECOND).await;
    let claims = world.broker.calls(Operation::Claim);
    world.gate.add_permits(1);
    tokio::select! {
        () = pump.drain() => panic!("an attempt is still running"),
        () = sleep(SECOND) => {}
    }
    assert_eq!(world.held().await, 1, "one has ended, and none was claimed");
    world.gate.add_permits(1);
    tokio::time::timeout(SECOND, pump.drain())
        .await
        .expect("everything has ended");
    assert_eq!((world.held().await, world.noted().len()), (0, 2));
    assert_eq!(
        world.broker.calls(Operation::Claim),
        claims + 2,
        "only to settle"
    );
}
