//! Layers and traces of CPU tasks, in real worker processes.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aqueduct::cpu::{CpuSettings, PoolConfig};
use aqueduct::layer::{AttemptLayer, EnqueueLayer, Layers, Next};
use aqueduct::manager::QueueError;
use aqueduct::trace::TraceContext;
use aqueduct::{
    App, Broker, QueuedTask, RunState, TaskContext, TaskError, TaskList, cpu_task, task, tasks,
};
use aqueduct_core::task::TaskResult;
use integration::Watcher;

/// Who runs the layer around an attempt.
struct RunBy(u32);

struct Process;

impl AttemptLayer for Process {
    async fn attempt(&self, context: TaskContext, next: Next<'_>) -> TaskResult {
        let task = context.run().task.as_str();
        assert_ne!(task, "blown_up", "the layer blew up");
        next.run(context.with_state(RunBy(std::process::id())))
            .await
    }
}

/// Which process it runs in, and the layer around it; its trace.
#[cpu_task(keep_result = "1h", retry = none)]
fn looks_around(ctx: TaskContext) -> Result<(u32, Option<u32>, Option<String>), TaskError> {
    child::queue(&ctx).blocking()?;
    let layer = ctx.state::<RunBy>().map(|it| it.0);
    let trace = ctx.trace().map(|it| it.parent.to_string());
    Ok((std::process::id(), layer, trace))
}

#[cpu_task(retry = none)]
fn blown_up() {}

#[task(keep_result = "1h")]
async fn child(ctx: TaskContext) -> Option<String> {
    ctx.trace().map(|it| it.parent.to_string())
}

fn all() -> TaskList {
    Layers::new()
        .with(Process)
        .around(tasks![looks_around, blown_up, child])
}

aqueduct::cpu_worker!(all());

/// Panics on what a worker queues without the trace of its run.
struct Clerk;

impl EnqueueLayer for Clerk {
    fn on_enqueue(
        &self,
        task: &mut QueuedTask,
        parent: Option<&TaskContext>,
    ) -> Result<(), QueueError> {
        let trace = parent.and_then(TaskContext::trace);
        assert_eq!(
            task.trace(),
            trace.or_else(|| Some(given())),
            "the trace of the run"
        );
        Ok(())
    }
}

fn given() -> TraceContext {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    TraceContext::from_headers(parent, None).unwrap()
}

#[tokio::test]
async fn they_are_where_the_body_is() {
    let mut pool = PoolConfig::default();
    pool.program = cpu_worker();
    pool.workers = 1;
    let (mut watcher, observer) = Watcher::new();
    let app = App::new(Broker::memory())
        .tasks(all())
        .enqueue_layer(Clerk)
        .consumer(|consumer| consumer.cpu(CpuSettings::processes(pool)))
        .observe(observer);
    let app = app.start().await.unwrap();
    let manager = app.task_manager();
    let run = looks_around::queue(manager)
        .trace(given())
        .await
        .unwrap()
        .id();
    assert_eq!(
        watcher.end_of(run).await,
        RunState::Succeeded,
        "{}",
        watcher.failure_of(run)
    );
    let kept = manager.find(run).await.unwrap().unwrap();
    let result = kept.record.unwrap().result.unwrap();
    let trace = Some(given().parent.to_string());
    let (process, layer, seen): (u32, Option<u32>, Option<String>) = result.decode().unwrap();
    assert_ne!(process, std::process::id());
    assert_eq!((layer, &seen), (Some(process), &trace));
    let ends = watcher.ends_of_task("child", 1).await;
    let kept = manager
        .find(*ends.keys().next().unwrap())
        .await
        .unwrap()
        .unwrap();
    let result = kept.record.unwrap().result.unwrap();
    assert_eq!(result.decode::<Option<String>>().unwrap(), trace);
    let run = blown_up::queue(manager).trace(given()).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Failed);
    let failure = watcher.failure_of(run);
    assert!(failure.starts_with("Panic: "), "{failure}");
    assert!(failure.contains("the layer blew up"), "{failure}");
    app.stop().await.unwrap();
}
