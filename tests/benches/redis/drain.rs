//! One consumer process, no-op tasks, a payload of 100 bytes: from queued to settled.

use std::time::Instant;

use aqueduct::{App, Broker, RunningApp, task, tasks};

use crate::server::{Measured, now};
use crate::table::{Limit, Table, figure, median};
use crate::{REPETITIONS, RUNS};

#[task]
async fn no_op(data: String) {
    let _ = data;
}

/// With its name and length it makes a payload of 100 bytes.
pub(crate) fn data() -> String {
    "x".repeat(92)
}

/// Queues runs in batches.
pub(crate) async fn queue(app: &RunningApp, runs: usize) -> anyhow::Result<()> {
    app.task_manager()
        .queue_many((0..runs).map(|_| no_op::with(data())))
        .await?;
    Ok(())
}

/// Starts an app that only queues.
pub(crate) async fn producer(broker: Broker) -> anyhow::Result<RunningApp> {
    let app = App::new(broker).tasks(tasks![no_op]);
    Ok(app.without_consumer().without_scheduler().start().await?)
}

/// Starts an app that consumes.
pub(crate) async fn consumer(broker: Broker) -> anyhow::Result<RunningApp> {
    let app = App::new(broker).tasks(tasks![no_op]).without_scheduler();
    Ok(app
        .consumer(|consumer| consumer.concurrency(1024))
        .start()
        .await?)
}

/// Waits until every run was settled as succeeded.
pub(crate) async fn settled(app: &RunningApp, runs: usize) {
    let succeeded = || {
        app.metrics()
            .map_or(0, |metrics| metrics.snapshot().succeeded)
    };
    while succeeded() < runs as u64 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let server = Measured::start()?;
    let (mut rates, mut queued, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    let (mut reads, mut left) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        server.flush()?;
        let broker = server.broker().await?;
        let producer = producer(broker).await?;
        let before = server.usage()?;
        queue(&producer, RUNS).await?;
        queued.push((server.usage()? - before).cpu / figure(RUNS));
        let began: Instant = now();
        let consumer = consumer(server.broker().await?).await?;
        settled(&consumer, RUNS).await;
        rates.push(figure(RUNS) / began.elapsed().as_secs_f64());
        let used = server.usage()? - before;
        cpu.push(used.cpu / figure(RUNS));
        reads.push(used.reads / figure(RUNS));
        left.push(used.memory / figure(RUNS));
        consumer.stop().await?;
        producer.stop().await?;
    }
    table.add(
        "drain: one consumer, no-op tasks",
        median(rates),
        "runs/s",
        Limit::AtLeast(200_000.0),
    );
    table.add("of it to queue them", median(queued), "µs/run", Limit::None);
    table.add(
        "whole life: processor time of Redis",
        median(cpu),
        "µs/run",
        Limit::AtMost(3.0),
    );
    table.add(
        "whole life: reads of sockets",
        median(reads),
        "a run",
        Limit::AtMost(0.1),
    );
    table.add(
        "left behind by finished runs",
        median(left),
        "bytes/run",
        Limit::AtMost(10.0),
    );
    Ok(())
}
