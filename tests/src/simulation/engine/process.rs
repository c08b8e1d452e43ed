//! One process: a consumer, a scheduler, a producer, and their network.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aqueduct::broker_api::{Broker, BrokerHandle, Producer, ScheduleDefinition, WaitEndedRequest};
use aqueduct::consumer::RunningConsumer;
use aqueduct::manager::QueuePort;
use aqueduct::run::{Fair, Limit, WaitAnswer};
use aqueduct::{
    Payload, QueuedTask, RetryPolicy, RunId, Schedule, TaskConsumer, TaskContext, TaskDefinition,
    TaskError, TaskName, TaskRegistry, TaskScheduler,
};
use aqueduct_broker_conformance::{Fault as Wrong, FaultyBroker};
use aqueduct_core::Task;
use aqueduct_core::task::FunctionTask;
use fastrand::Rng;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::stage::{LEASE, SCHEDULE, Stage};
use crate::simulation::concerns::link;

/// What the network of a process does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing.
    None,
    /// Some requests and answers are lost, and some requests come twice.
    Loses(u64),
    /// Some requests come late, by so many milliseconds.
    Delays(u64),
    /// Nothing comes back, and little arrives.
    Cut(u64),
}

impl Fault {
    pub(super) fn draw(dice: &mut Rng) -> Self {
        let number = dice.u64(..4000);
        match dice.u32(..8) {
            0..3 => Self::None,
            3..5 => Self::Loses(number),
            5..7 => Self::Delays(number),
            _ => Self::Cut(number),
        }
    }
}

/// One process.
pub(super) struct Process {
    stage: Arc<Stage>,
    network: FaultyBroker,
    consumer: RunningConsumer,
    stop: oneshot::Sender<()>,
    producer: Arc<Producer>,
    /// The scheduler, and what is being queued.
    beside: JoinSet<()>,
}

const TASK: TaskName = TaskName::from_static("acts");

impl Process {
    pub(super) async fn start(stage: &Arc<Stage>) -> Self {
        let network = FaultyBroker::new(BrokerHandle::new(stage.broker.clone()));
        let broker = BrokerHandle::new(network.clone());
        let (stop, stopped) = oneshot::channel();
        let consumer = TaskConsumer::builder(broker.clone(), Arc::new(registry(stage)))
            .clock(stage.clock.clone())
            .lease(LEASE)
            .concurrency(4)
            .prefetch(1)
            .shutdown_grace(Duration::from_secs(1))
            .in_place()
            .build()
            .expect("a consumer");
        let told = async {
            // It is told by a message; a process that crashes ends without one.
            let _ = stopped.await;
        };
        let consumer = consumer.start(told).await.expect("it starts");
        let every = Schedule::every(Duration::from_millis(1700)).expect("a schedule");
        let definition = ScheduleDefinition::new(SCHEDULE, every, TASK);
        let definition = definition.with_payload(payload(7));
        let scheduler = TaskScheduler::builder(broker.clone())
            .schedule(definition)
            .clock(stage.clock.clone())
            .build()
            .expect("a scheduler");
        let mut beside = JoinSet::new();
        beside.spawn(async move {
            scheduler
                .run(std::future::pending())
                .await
                .expect("it is not refused");
        });
        Self {
            stage: Arc::clone(stage),
            network,
            consumer,
            stop,
            producer: Arc::new(Producer::new(broker)),
            beside,
        }
    }

    /// Queues runs; what comes of it is seen by the laws.
    pub(super) fn queue(&mut self, count: u32, script: u64) {
        let now = self.stage.clock.now();
        let task = |number| {
            let id = RunId::generate(now);
            self.stage.note_run(id);
            let script = script.wrapping_add(u64::from(number));
            let mut task = QueuedTask::new(id, TASK, payload(script));
            dress(&mut task, script);
            task
        };
        let mut tasks: Vec<QueuedTask> = (0..count).map(task).collect();
        if script.is_multiple_of(3) {
            link(&mut tasks, &mut Rng::with_seed(script));
        }
        let producer = Arc::clone(&self.producer);
        self.beside.spawn(async move {
            // A producer gives up after a while: then it may be queued or not.
            let _ = producer.enqueue(tasks).await;
        });
    }

    /// Waits for the end of a run, again and again until the answer arrives; whether it is right is seen by the laws.
    pub(super) fn wait(&mut self, run: RunId) {
        let network = self.network.clone();
        self.beside.spawn(async move {
            let request = WaitEndedRequest::new(run, LEASE);
            while !matches!(
                network.wait_ended(&request).await,
                Ok(WaitAnswer::Ended(_) | WaitAnswer::Unknown)
            ) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }

    pub(super) fn set_fault(&self, fault: Fault) {
        let network = &self.network;
        match fault {
            Fault::None => network.heal(),
            Fault::Loses(seed) => {
                let faults = [Wrong::Error, Wrong::LostReply, Wrong::Repeated];
                network.fail_at_random(0.3, faults, seed);
            }
            Fault::Delays(millis) => {
                let late = Wrong::Delay(Duration::from_millis(millis));
                network.fail_at_random(0.5, [late], millis);
            }
            Fault::Cut(seed) => {
                let faults = [Wrong::Error, Wrong::Error, Wrong::LostReply];
                network.fail_at_random(1.0, faults, seed);
            }
        }
    }

    /// Ends it where it is.
    pub(super) fn crash(self) {
        self.consumer.crash();
    }

    /// Stops it, and waits until it has.
    pub(super) async fn stop(self) {
        // A consumer whose broker refuses everything stops as well.
        let _ = self.stop.send(());
        drop(self.consumer.result().await);
    }
}

/// Lets a run ask for limits, for its turn, or for its result to be kept.
fn dress(task: &mut QueuedTask, script: u64) {
    let options = task.options_mut();
    if script % 4 < 2 {
        let key = ["even", "odd"][(script % 2) as usize];
        options.fair = Fair::key(key).ok();
    }
    let limit = match script % 7 {
        0 => Limit::concurrency("few", 2),
        1 => Limit::rate("calm", 2, Duration::from_secs(1)),
        2 => {
            options.keep_result = Some(Duration::from_mins(1));
            return;
        }
        _ => return,
    };
    let set = options.limits.set(limit.expect("a limit"));
    set.expect("there is room");
}

fn payload(script: u64) -> Payload {
    Payload::encode(&BTreeMap::from([("script", script)])).expect("a map")
}

/// The task: what an attempt does follows from a number and the number of the attempt.
fn registry(stage: &Arc<Stage>) -> TaskRegistry {
    let retry = RetryPolicy::fixed(Duration::from_secs(1)).expect("a policy");
    let definition = TaskDefinition::new(TASK)
        .with_timeout(Duration::from_secs(5))
        .expect("a time limit")
        .with_retry(retry.max_retries(3));
    let stage = Arc::clone(stage);
    let body = move |context: TaskContext, params: BTreeMap<String, u64>| {
        let stage = Arc::clone(&stage);
        async move {
            let run = context.id();
            let began = stage.begin(run);
            let _over = Over(&stage, run, began);
            act(&context, params["script"]).await
        }
    };
    let task: Arc<dyn Task> = Arc::new(FunctionTask::new(definition, body));
    let mut registry = TaskRegistry::new();
    registry.register(&task).expect("one task");
    registry
}

struct Over<'a>(&'a Stage, RunId, tokio::time::Instant);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.end(self.1, self.2);
    }
}

async fn act(context: &TaskContext, script: u64) -> Result<(), TaskError> {
    let attempt = u64::from(context.run().tally.attempt);
    let mut dice = Rng::with_seed(script.wrapping_mul(31).wrapping_add(attempt));
    let time = Duration::from_millis(dice.u64(..3000));
    context.progress(attempt, script % 5);
    match dice.u32(..12) {
        0..4 => Ok(()),
        4..8 => {
            tokio::time::sleep(time).await;
            Ok(())
        }
        8 => {
            tokio::time::sleep(time).await;
            Err(TaskError::msg("it did not work"))
        }
        9 => Err(TaskError::snooze(time)),
        10 => {
            tokio::select! {
                _ = context.cancelled() => Err(TaskError::cancel("told to")),
                () = tokio::time::sleep(time * 2) => Ok(()),
            }
        }
        _ => {
            // Past its time limit, now and then.
            tokio::time::sleep(time * 3).await;
            Ok(())
        }
    }
}
