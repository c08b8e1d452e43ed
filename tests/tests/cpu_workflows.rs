//! Workflows of CPU tasks, in real worker processes.
#![cfg(target_os = "linux")]

use std::time::Duration;

use aqueduct::cpu::{CpuSettings, PoolConfig};
use aqueduct::{
    App, Broker, TaskContext, TaskError, TaskList, chain, cpu_task, group, task, tasks,
};
use integration::soon;

#[cpu_task(retry = none)]
fn square(number: u64) -> u64 {
    number * number
}

#[cpu_task(retry = none)]
fn sum(#[input] squares: Vec<u64>, more: u64) -> (u32, u64) {
    (std::process::id(), squares.iter().sum::<u64>() + more)
}

/// Queues a workflow from within its worker, and waits for its value.
#[cpu_task(retry = none)]
fn starts(ctx: TaskContext) -> Result<u64, TaskError> {
    let squares = group((1..=3).map(square::with)).then(sum::after(100));
    let squares = squares.keep_result(Duration::from_mins(1));
    let handle = squares.queue(&ctx).blocking()?;
    assert_eq!(handle.root(), ctx.id(), "it is of the family of its run");
    Ok(handle.wait().blocking()?.1)
}

#[task]
async fn ends(#[input] answer: u64) -> u64 {
    answer
}

fn all() -> TaskList {
    tasks![square, sum, starts, ends]
}

aqueduct::cpu_worker!(all());

fn settings() -> CpuSettings {
    let mut pool = PoolConfig::default();
    pool.program = cpu_worker();
    pool.workers = 2;
    CpuSettings::processes(pool)
}

#[tokio::test]
async fn a_workflow_goes_through_workers_and_is_queued_from_one() {
    let app = App::new(Broker::memory()).tasks(all());
    let app = app.consumer(|consumer| consumer.cpu(settings()));
    let app = app.start().await.unwrap();
    let manager = app.task_manager();
    let squares = group((1..=4).map(square::with)).then(sum::after(1));
    let ended = soon(
        "it does not end",
        squares.queue_and_wait(manager).into_future(),
    )
    .await;
    let (process, value) = ended.unwrap();
    assert_eq!(value, 31);
    assert_ne!(process, std::process::id(), "it was no worker");
    let nested = chain(starts::with()).then(ends::after());
    let ended = soon(
        "it does not end",
        nested.queue_and_wait(manager).into_future(),
    )
    .await;
    assert_eq!(ended.unwrap(), 114);
    app.stop().await.unwrap();
}
