//! Values that an attempt keeps for those that follow: on both brokers, from IO and from CPU tasks.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct::broker_api::{
    Broker as _, BrokerHandle, CheckpointRequest, ClaimRequest, LaneWant, Sequence,
};
use aqueduct::checkpoint::CheckpointErrorKind;
use aqueduct::cpu::CpuSettings;
use aqueduct::memory::MemoryBroker;
use aqueduct::{
    App, Broker, Lane, Payload, QueueName, RunState, RunningApp, State, TaskContext, TaskError,
    TaskManager, cpu_task, task, tasks,
};
use aqueduct_broker_conformance::{Fault, FaultyBroker, Operation};
use aqueduct_core::ConsumerId;
use aqueduct_redis_server::RedisServer;
use integration::redis::{broker, server};
use integration::store;

/// The steps that were taken.
type Steps = Arc<Mutex<Vec<u32>>>;

/// Takes each step once, although its first attempt fails half way.
#[task(retry(max = 1, backoff = "1ms"), keep_result = "1m")]
async fn walks(ctx: TaskContext, steps: State<Steps>) -> Result<u32, TaskError> {
    let begin = ctx.last_checkpoint::<u32>()?.unwrap_or(0);
    for step in begin..6 {
        steps.lock().unwrap().push(step);
        ctx.checkpoint(&(step + 1)).await?;
        assert_eq!(ctx.last_checkpoint::<u32>()?, Some(step + 1));
        if step == 2 && ctx.attempt() == 1 {
            return Err(TaskError::msg("tired"));
        }
    }
    Ok(ctx.attempt())
}

#[cpu_task(retry(max = 1, backoff = "1ms"), keep_result = "1m")]
fn counts(ctx: &TaskContext) -> Result<u32, TaskError> {
    let begin = ctx.last_checkpoint::<u32>()?;
    if begin == Some(500) {
        return Ok(501);
    }
    ctx.checkpoint(&500).blocking()?;
    let error = ctx.checkpoint(&"x".repeat(100_000)).blocking().unwrap_err();
    assert_eq!(error.kind(), CheckpointErrorKind::InvalidValue);
    Err(TaskError::msg("tired"))
}

/// Finds a checkpoint of another type.
#[task(retry = none, keep_result = "1m")]
async fn has_changed(ctx: TaskContext) -> Result<String, TaskError> {
    ctx.checkpoint(&"a text").await?;
    Ok(ctx.last_checkpoint::<Vec<u64>>().unwrap_err().to_string())
}

struct World {
    handle: BrokerHandle,
    manager: TaskManager,
    steps: Steps,
    server: Option<RedisServer>,
}

impl World {
    fn on(handle: BrokerHandle, server: Option<RedisServer>) -> Self {
        let app = App::new(Broker::from(handle.clone())).tasks(tasks![walks, counts, has_changed]);
        let app = app.state(Steps::default());
        let manager = app.without_consumer().without_scheduler();
        Self {
            handle,
            manager: manager.into_task_manager().unwrap(),
            steps: Steps::default(),
            server,
        }
    }

    async fn both() -> [Self; 2] {
        let both = store::both().await;
        both.map(|(handle, server)| Self::on(handle, server))
    }

    async fn consumer(&self) -> RunningApp {
        let app = App::new(Broker::from(self.handle.clone()));
        let app = app.tasks(tasks![walks, counts, has_changed]);
        let app = app.without_scheduler().state(Arc::clone(&self.steps));
        let app = app.consumer(|it| it.cpu(CpuSettings::threads()));
        app.start().await.unwrap()
    }
}

#[tokio::test]
async fn the_next_attempt_goes_on_from_there() {
    for world in World::both().await {
        let app = world.consumer().await;
        let run = walks::queue(&world.manager).await.unwrap();
        assert_eq!(run.wait().await.unwrap(), 2, "in the second attempt");
        assert_eq!(*world.steps.lock().unwrap(), [0, 1, 2, 3, 4, 5]);
        let run = run.find().await.unwrap().unwrap();
        assert_eq!((run.state, run.checkpoint), (RunState::Succeeded, None));
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn whoever_takes_over_from_the_dead_goes_on_from_there() {
    for world in World::both().await {
        let run = walks::queue(&world.manager).await.unwrap();
        let lease = Duration::from_secs(1);
        let want = LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), 1);
        let claim = ClaimRequest::new(ConsumerId::generate(), Sequence::FIRST, lease).want(want);
        let claimed = world.handle.claim(&claim).await.unwrap();
        let token = claimed.leases[0].token();
        let value = Payload::encode(&4).unwrap();
        let keep = CheckpointRequest::new(token, 1, value);
        world.handle.checkpoint(&keep).await.unwrap();
        let app = world.consumer().await;
        assert_eq!(run.wait().await.unwrap(), 2);
        assert_eq!(*world.steps.lock().unwrap(), [4, 5]);
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_cpu_task_keeps_it_through_its_consumer() {
    for world in World::both().await {
        let app = world.consumer().await;
        let run = counts::queue(&world.manager).await.unwrap();
        assert_eq!(run.wait().await.unwrap(), 501);
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_value_of_another_type_says_where_it_does_not_fit() {
    let world = World::on(BrokerHandle::new(MemoryBroker::new()), None);
    let app = world.consumer().await;
    let run = has_changed::queue(&world.manager).await.unwrap();
    let problem = run.wait().await.unwrap();
    assert!(problem.contains("expected a sequence"), "{problem}");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_broker_that_does_not_answer_is_asked_again() {
    let faulty = FaultyBroker::new(BrokerHandle::new(MemoryBroker::new()));
    faulty.fail_next(Operation::Checkpoint, Fault::LostReply);
    faulty.fail_next(Operation::Checkpoint, Fault::Error);
    let world = World::on(BrokerHandle::new(faulty.clone()), None);
    let app = world.consumer().await;
    let run = walks::queue(&world.manager).await.unwrap();
    assert_eq!(run.wait().await.unwrap(), 2);
    assert_eq!(*world.steps.lock().unwrap(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(
        (faulty.calls(Operation::Checkpoint), faulty.injected()),
        (8, 2)
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_full_keeps_the_one_before() {
    let server = server(&[]);
    let world = World::on(BrokerHandle::new(broker(&server.url()).await), Some(server));
    let run = walks::queue(&world.manager).await.unwrap();
    let server = world.server.as_ref().unwrap();
    server
        .command(&["CONFIG", "SET", "maxmemory", "1mb"])
        .unwrap();
    let app = world.consumer().await;
    let ended = run.wait().await.unwrap_err().to_string();
    assert!(ended.contains("no room left"), "{ended}");
    app.stop().await.unwrap();
}

/// Nobody has it but the task itself: an inline run has one attempt.
#[tokio::test]
async fn an_inline_run_keeps_it_as_long_as_it_runs() {
    #[task]
    async fn alone(ctx: TaskContext) -> Result<Option<u8>, TaskError> {
        assert_eq!(ctx.last_checkpoint::<u8>()?, None);
        ctx.checkpoint(&7_u8).await?;
        Ok(ctx.last_checkpoint()?)
    }
    let app = App::new(Broker::memory()).tasks(tasks![alone]);
    let manager = app.into_task_manager().unwrap();
    assert_eq!(manager.run(alone::with()).await.unwrap(), Some(7));
    assert_eq!(manager.run(alone::with()).await.unwrap(), Some(7));
}
