//! One consumer process, no-op tasks, a payload of 100 bytes: from queued to settled.

use aqueduct::{App, Broker, RunningApp, task, tasks};
use integration::bench::{Figure, Measured, Report, figure, now, per_second, repetitions, size};

use crate::bare::{self, Bare};
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

/// What the repetitions found.
#[derive(Default)]
struct Found {
    rates: Vec<f64>,
    queued: Vec<f64>,
    cpu: Vec<f64>,
    commands: Vec<f64>,
    reads: Vec<f64>,
    left: Vec<f64>,
    pop: Vec<f64>,
    hold: Vec<f64>,
    bare_cpu: Vec<f64>,
}

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let server = Measured::start()?;
    let mut found = Found::default();
    for _ in 0..repetitions(REPETITIONS) {
        let bytes = ours(&server, &mut found).await?;
        limits(&server, bytes, &mut found).await?;
    }
    show(report, found);
    Ok(())
}

/// Queues and executes; returns how many bytes a queued run has.
async fn ours(server: &Measured, found: &mut Found) -> anyhow::Result<usize> {
    server.flush()?;
    let runs = size(RUNS);
    let producer = producer(server.broker().await?).await?;
    let before = server.usage()?;
    queue(&producer, runs).await?;
    found
        .queued
        .push((server.usage()? - before).cpu / figure(runs));
    let bytes = bare::entry(server)?;
    let began = now();
    let consumer = consumer(server.broker().await?).await?;
    settled(&consumer, runs).await;
    found.rates.push(per_second(runs, began.elapsed()));
    let used = server.usage()? - before;
    found.cpu.push(used.cpu / figure(runs));
    found.commands.push(used.commands / figure(runs));
    found.reads.push(used.reads / figure(runs));
    found.left.push(used.memory / figure(runs));
    consumer.stop().await?;
    producer.stop().await?;
    Ok(bytes)
}

/// The same with bare commands.
async fn limits(server: &Measured, bytes: usize, found: &mut Found) -> anyhow::Result<()> {
    server.flush()?;
    let runs = size(RUNS);
    let bare = Bare::connect(server).await?;
    bare.push(runs, bytes).await?;
    found.pop.push(per_second(runs, bare.pop(runs).await?));
    let before = server.usage()?;
    bare.push(runs, bytes).await?;
    found.hold.push(per_second(runs, bare.hold(runs).await?));
    found
        .bare_cpu
        .push((server.usage()? - before).cpu / figure(runs));
    bare.close().await
}

fn show(report: &mut Report, found: Found) {
    let drain = Figure::rate(
        "drain: one consumer, no-op tasks",
        "runs/s",
        found.rates.clone(),
    );
    let hold = "bare: take 256, keep them until the next call";
    report.add(drain.beside(hold, &found.hold).bar(200_000.0));
    let drain = Figure::rate("drain, beside what keeps nothing", "runs/s", found.rates);
    report.add(drain.beside("bare: take 256 and forget them", &found.pop));
    let cpu = Figure::cost("whole life: processor time of Redis", "µs/run", found.cpu);
    let life = "bare: push, take, keep until the next call";
    report.add(cpu.beside(life, &found.bare_cpu).bar(3.0));
    report.add(Figure::cost("of it to queue them", "µs/run", found.queued));
    report.add(Figure::cost(
        "whole life: commands",
        "a run",
        found.commands,
    ));
    report.add(Figure::cost("whole life: reads of sockets", "a run", found.reads).bar(0.1));
    let left = "left behind by finished runs";
    report.add(Figure::cost(left, "bytes/run", found.left).bar(10.0));
}
