//! What keys cost: runs with unique keys, and runs with limits, beside plain runs in turns with them.

use aqueduct::{App, RunningApp};
use integration::bench::{
    Figure, Kind, Measured, Report, figure, now, per_second, repetitions, size,
};

use crate::REPETITIONS;
use crate::drain::settled;

/// Runs of one measurement.
const RUNS: usize = 100_000;

/// What the repetitions of one kind found.
#[derive(Default)]
struct Found {
    rates: Vec<f64>,
    cpu: Vec<f64>,
    queued: Vec<f64>,
}

/// Measures kinds of runs.
pub(crate) async fn measure(report: &mut Report, kinds: &[Kind]) -> anyhow::Result<()> {
    let server = Measured::start()?;
    let mut plain = Found::default();
    let mut found: Vec<Found> = kinds.iter().map(|_| Found::default()).collect();
    for _ in 0..repetitions(REPETITIONS) {
        one(&server, Kind::Plain, &mut plain).await?;
        for (kind, found) in kinds.iter().zip(&mut found) {
            one(&server, *kind, found).await?;
        }
    }
    for (kind, found) in kinds.iter().zip(found) {
        show(report, kind.name(), found, &plain);
    }
    Ok(())
}

fn show(report: &mut Report, what: &str, found: Found, plain: &Found) {
    let beside = Kind::Plain.name();
    let rate = Figure::rate(format!("{what}: queue, run, settle"), "runs/s", found.rates);
    report.add(rate.beside(beside, &plain.rates).ratio_bar(0.5));
    let life = Figure::cost(
        format!("{what}: processor time of Redis"),
        "µs/run",
        found.cpu,
    );
    report.add(life.beside(beside, &plain.cpu));
    let queued = Figure::cost(format!("{what}: of it to queue"), "µs/run", found.queued);
    report.add(queued.beside(beside, &plain.queued));
}

/// Queues runs, then executes them.
async fn one(server: &Measured, kind: Kind, found: &mut Found) -> anyhow::Result<()> {
    server.flush()?;
    let runs = size(RUNS);
    let producer = App::new(server.broker().await?).tasks(Kind::tasks());
    let producer = producer.without_consumer().without_scheduler();
    let producer = producer.start().await?;
    let (before, began) = (server.usage()?, now());
    kind.queue(&producer, runs).await?;
    let queued = server.usage()? - before;
    let consumer = consumer(server).await?;
    settled(&consumer, runs).await;
    found.rates.push(per_second(runs, began.elapsed()));
    let life = server.usage()? - before;
    found.cpu.push(life.cpu / figure(runs));
    found.queued.push(queued.cpu / figure(runs));
    consumer.stop().await?;
    producer.stop().await?;
    Ok(())
}

async fn consumer(server: &Measured) -> anyhow::Result<RunningApp> {
    let app = App::new(server.broker().await?).tasks(Kind::tasks());
    let app = app.without_scheduler();
    Ok(app
        .consumer(|consumer| consumer.concurrency(1024))
        .start()
        .await?)
}
