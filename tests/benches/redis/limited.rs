//! Limits that runs share: what they cost where they are not reached, and what waits because of them.

use std::time::{Duration, Instant};

use aqueduct::{App, Broker, RunningApp, task, tasks};

use crate::drain::{self, data, settled};
use crate::server::{Measured, now};
use crate::table::{Limit, Table, figure, median};
use crate::{REPETITIONS, RUNS};

/// Runs that wait because of a limit.
const WAITING: usize = 100_000;

/// How long they are watched.
const WATCHED: Duration = Duration::from_secs(10);

#[task(max_concurrency = 1_000_000)]
async fn limited(data: String) {
    let _ = data;
}

#[task(max_concurrency = 1, timeout = "1h")]
async fn one_at_a_time() {
    std::future::pending::<()>().await;
}

async fn app(broker: Broker) -> anyhow::Result<RunningApp> {
    let app = App::new(broker).tasks(tasks![limited, one_at_a_time]);
    let app = app
        .without_scheduler()
        .consumer(|consumer| consumer.concurrency(1024).shutdown_grace(Duration::ZERO));
    Ok(app.start().await?)
}

/// Returns plain runs a second, limited ones, and the processor time of Redis for one of these.
async fn both(server: &Measured) -> anyhow::Result<[f64; 3]> {
    server.flush()?;
    let producer = drain::producer(server.broker().await?).await?;
    drain::queue(&producer, RUNS).await?;
    let began: Instant = now();
    let consumer = drain::consumer(server.broker().await?).await?;
    settled(&consumer, RUNS).await;
    let plain = figure(RUNS) / began.elapsed().as_secs_f64();
    consumer.stop().await?;
    producer.stop().await?;
    server.flush()?;
    let before = server.usage()?;
    let producer = App::new(server.broker().await?).tasks(tasks![limited]);
    let producer = producer.without_consumer().without_scheduler();
    let producer = producer.start().await?;
    let calls = (0..RUNS).map(|_| limited::with(data()));
    producer.task_manager().queue_many(calls).await?;
    let began = now();
    let consumer = app(server.broker().await?).await?;
    settled(&consumer, RUNS).await;
    let rate = figure(RUNS) / began.elapsed().as_secs_f64();
    let used = server.usage()? - before;
    consumer.stop().await?;
    producer.stop().await?;
    Ok([plain, rate, used.cpu / figure(RUNS)])
}

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let server = Measured::start()?;
    let (mut rates, mut shares, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let [plain, rate, used] = both(&server).await?;
        rates.push(rate);
        shares.push(rate / plain);
        cpu.push(used);
    }
    table.add(
        "drain: runs below their limit",
        median(rates),
        "runs/s",
        Limit::None,
    );
    table.add(
        "of the rate of plain runs",
        median(shares),
        "",
        Limit::AtLeast(0.5),
    );
    table.add(
        "their whole life: processor time of Redis",
        median(cpu),
        "µs/run",
        Limit::None,
    );
    server.flush()?;
    let app = app(server.broker().await?).await?;
    let idle = commands(&server).await?;
    let calls = (0..WAITING).map(|_| one_at_a_time::with());
    app.task_manager().queue_many(calls).await?;
    // Until each of them stands in line.
    while server.ask("HLEN {aqueduct}:standing")?.trim() != (WAITING - 1).to_string() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let waiting = commands(&server).await?;
    table.add(
        "100,000 runs over their limit",
        waiting - idle,
        "commands/s more",
        Limit::AtMost(0.5),
    );
    app.stop().await?;
    Ok(())
}

async fn commands(server: &Measured) -> anyhow::Result<f64> {
    let before = server.usage()?;
    tokio::time::sleep(WATCHED).await;
    let used = server.usage()? - before;
    Ok(used.commands / WATCHED.as_secs_f64())
}
