//! What keys cost: runs with unique keys, and runs with limits, beside plain runs in turns with them.

use aqueduct::{App, RunningApp, TaskCall, TaskList, task, tasks};
use integration::bench::{Figure, Measured, Report, figure, now, per_second, repetitions, size};

use crate::REPETITIONS;
use crate::drain::{data, settled};

/// Runs of one measurement.
const RUNS: usize = 100_000;

/// How many keys limited runs have.
const KEYS: usize = 100;

/// Runs at once of a key: far fewer than the places of the consumer for each.
const REACHED: u32 = 4;

#[task]
async fn plain(number: usize, data: String) {
    let _ = (number, data);
}

#[task(unique = "number:{number}")]
async fn unique(number: usize, data: String) {
    let _ = (number, data);
}

#[task(max_concurrency(100_000, key = "number:{number}"))]
async fn within(number: usize, data: String) {
    let _ = (number, data);
}

#[task(max_concurrency(REACHED, key = "number:{number}"))]
async fn at_limit(number: usize, data: String) {
    let _ = (number, data);
}

/// Makes the call of a number.
type Make = fn(usize) -> TaskCall<()>;

/// What the repetitions of one kind found.
#[derive(Default)]
struct Found {
    rates: Vec<f64>,
    cpu: Vec<f64>,
}

/// Measures runs that each have a unique key of their own.
pub(crate) async fn unique_runs(report: &mut Report) -> anyhow::Result<()> {
    let kinds: [(&str, Make); 1] = [("unique runs", |number| unique::with(number, data()))];
    measure(report, &kinds).await
}

/// Measures runs with limits: keys that let all start, and keys that do not.
pub(crate) async fn limited_runs(report: &mut Report) -> anyhow::Result<()> {
    let kinds: [(&str, Make); 2] = [
        ("limited runs, 100 keys, none reached", |number| {
            within::with(number % KEYS, data())
        }),
        ("limited runs, 100 keys, all reached", |number| {
            at_limit::with(number % KEYS, data())
        }),
    ];
    measure(report, &kinds).await
}

async fn measure(report: &mut Report, kinds: &[(&str, Make)]) -> anyhow::Result<()> {
    let server = Measured::start()?;
    let mut plain = Found::default();
    let mut found: Vec<Found> = kinds.iter().map(|_| Found::default()).collect();
    for _ in 0..repetitions(REPETITIONS) {
        one(&server, |number| plain::with(number, data()), &mut plain).await?;
        for ((_, make), found) in kinds.iter().zip(&mut found) {
            one(&server, *make, found).await?;
        }
    }
    for ((what, _), Found { rates, cpu }) in kinds.iter().zip(found) {
        let rate = Figure::rate(format!("{what}: queue, run, settle"), "runs/s", rates);
        report.add(rate.beside("plain runs", &plain.rates).ratio_bar(0.5));
        let what = format!("{what}: processor time of Redis");
        report.add(Figure::cost(what, "µs/run", cpu).beside("plain runs", &plain.cpu));
    }
    Ok(())
}

/// Queues runs, then executes them.
async fn one(server: &Measured, make: Make, found: &mut Found) -> anyhow::Result<()> {
    server.flush()?;
    let runs = size(RUNS);
    let producer = App::new(server.broker().await?).tasks(all());
    let producer = producer.without_consumer().without_scheduler();
    let producer = producer.start().await?;
    let (before, began) = (server.usage()?, now());
    producer
        .task_manager()
        .queue_many((0..runs).map(make))
        .await?;
    let consumer = consumer(server).await?;
    settled(&consumer, runs).await;
    found.rates.push(per_second(runs, began.elapsed()));
    found
        .cpu
        .push((server.usage()? - before).cpu / figure(runs));
    consumer.stop().await?;
    producer.stop().await?;
    Ok(())
}

async fn consumer(server: &Measured) -> anyhow::Result<RunningApp> {
    let app = App::new(server.broker().await?).tasks(all());
    let app = app.without_scheduler();
    Ok(app
        .consumer(|consumer| consumer.concurrency(1024))
        .start()
        .await?)
}

fn all() -> TaskList {
    tasks![plain, unique, within, at_limit]
}
