//! The whole life of some runs under a load.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aqueduct::{
    App, Broker, Payload, QueueName, RunningApp, TaskCall, TaskDefinition, TaskError, TaskList,
    TaskManager, TaskName,
};
use aqueduct_core::task::FunctionTask;
use integration::bench::{Measured, now, per_second};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// What is measured, and what lies around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) runs: usize,
    /// Runs that wait in another queue.
    pub(crate) backlog: usize,
    pub(crate) consumers: usize,
    pub(crate) tasks: usize,
    /// Runs at a time, of each consumer.
    pub(crate) concurrency: usize,
    /// Bytes of the parameters.
    pub(crate) bytes: usize,
}

/// Where the runs are.
pub(crate) enum Place<'s> {
    Memory,
    Redis(&'s Measured),
}

impl Default for Load {
    fn default() -> Self {
        Self {
            runs: crate::RUNS,
            backlog: 0,
            consumers: 1,
            tasks: 1,
            concurrency: 1024,
            bytes: 100,
        }
    }
}

/// The parameters of every task here.
#[derive(Serialize, Deserialize)]
struct Params {
    data: String,
}

/// Counts what has been executed, and tells when it is all.
#[derive(Default)]
struct Done {
    executed: AtomicUsize,
    all: Notify,
}

/// Returns how many runs a second are queued, executed and settled.
pub(crate) async fn rate(place: &Place<'_>, load: &Load) -> anyhow::Result<f64> {
    if let Place::Redis(server) = place {
        server.flush()?;
    }
    let definitions = definitions(load)?;
    let done = Arc::new(Done::default());
    let mut apps = Vec::new();
    let memory = Broker::memory();
    for _ in 0..load.consumers {
        let broker = match place {
            Place::Memory => memory.clone(),
            Place::Redis(server) => server.broker().await?,
        };
        apps.push(start(broker, &definitions, load, &done).await?);
    }
    let Some(first) = apps.first() else {
        anyhow::bail!("nobody consumes");
    };
    let manager = first.task_manager().clone();
    queue(&manager, &definitions, load, load.backlog, "other").await?;
    let began = now();
    queue(&manager, &definitions, load, load.runs, "default").await?;
    done.all.notified().await;
    while settled(&apps) < load.runs as u64 {
        tokio::task::yield_now().await;
    }
    let rate = per_second(load.runs, began.elapsed());
    for app in apps {
        app.stop().await?;
    }
    Ok(rate)
}

/// The whole life of the runs of a load, with an application of their own.
pub(crate) async fn life(broker: Broker, load: Load) -> anyhow::Result<()> {
    let definitions = definitions(&load)?;
    let done = Arc::new(Done::default());
    let app = start(broker, &definitions, &load, &done).await?;
    queue(
        app.task_manager(),
        &definitions,
        &load,
        load.runs,
        "default",
    )
    .await?;
    done.all.notified().await;
    // Settles what has ended.
    app.stop().await?;
    Ok(())
}

fn definitions(load: &Load) -> anyhow::Result<Vec<TaskDefinition>> {
    let named = |number| {
        let name = TaskName::try_from(format!("t{number}"))?;
        Ok(TaskDefinition::new(name))
    };
    (0..load.tasks).map(named).collect()
}

async fn start(
    broker: Broker,
    definitions: &[TaskDefinition],
    load: &Load,
    done: &Arc<Done>,
) -> anyhow::Result<RunningApp> {
    let (concurrency, runs) = (load.concurrency, load.runs);
    let tasks: TaskList = definitions
        .iter()
        .map(|definition| {
            let done = Arc::clone(done);
            let body = move |_, params: Params| {
                let done = Arc::clone(&done);
                async move {
                    drop(params.data);
                    if done.executed.fetch_add(1, Ordering::Relaxed) + 1 == runs {
                        done.all.notify_one();
                    }
                    Ok::<(), TaskError>(())
                }
            };
            Arc::new(FunctionTask::new(definition.clone(), body)) as _
        })
        .collect();
    let app = App::new(broker).tasks(tasks).without_scheduler();
    Ok(app
        .consumer(move |consumer| consumer.concurrency(concurrency))
        .start()
        .await?)
}

/// Queues so many runs, of each task in turn.
async fn queue(
    manager: &TaskManager,
    definitions: &[TaskDefinition],
    load: &Load,
    runs: usize,
    queue: &'static str,
) -> anyhow::Result<()> {
    let payload = Payload::encode(&Params {
        data: "x".repeat(load.bytes.saturating_sub(ENVELOPE)),
    })?;
    let tasks = definitions.iter().cycle().take(runs);
    let calls = tasks
        .zip(std::iter::repeat((payload, QueueName::from_static(queue))))
        .map(call);
    manager.queue_many(calls).await?;
    Ok(())
}

fn call((task, (payload, queue)): (&TaskDefinition, (Payload, QueueName))) -> TaskCall<()> {
    TaskCall::<()>::new(task, Ok(payload)).queue_name(queue)
}

/// The name of the parameter and the lengths, in a map of one text.
const ENVELOPE: usize = 8;

fn settled(apps: &[RunningApp]) -> u64 {
    let of = |app: &RunningApp| app.metrics().map_or(0, |it| it.snapshot().succeeded);
    apps.iter().map(of).sum()
}
