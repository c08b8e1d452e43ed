//! What a backlog costs: memory a queued run, and time a run behind it; many runs due at once.

use std::time::Duration;

use aqueduct::QueueName;
use aqueduct::{App, RunningApp, task, tasks};
use integration::bench::{Figure, Measured, Report, figure, now, per_second, size};

use crate::BACKLOG;
use crate::drain::{consumer, data, producer, queue, settled};

/// Runs that are executed while the backlog lies in the way.
const RUNS: usize = 200_000;

/// Runs that are due in the same millisecond.
const DUE: usize = 100_000;

/// The payload of a run: a map of one text.
const PAYLOAD: f64 = 100.0;

#[task]
async fn later(data: String) {
    let _ = data;
}

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let server = Measured::start()?;
    let backlog = size(BACKLOG);
    let alone = rate(&server).await?;
    let before = server.usage()?;
    fill(&server, backlog).await?;
    let memory = (server.usage()? - before).memory / figure(backlog) - PAYLOAD;
    let what = "memory of a queued run beyond its payload";
    report.add(Figure::cost(what, "bytes/run", vec![memory]).bar(60.0));
    let behind = rate(&server).await?;
    let what = "cost of a run behind 1,000,000 queued, to one without";
    report.add(Figure::cost(what, "x", vec![alone / behind]).bar(1.2));
    server.flush()?;
    due_at_once(&server, report).await
}

/// Returns how many runs a second are queued and executed.
async fn rate(server: &Measured) -> anyhow::Result<f64> {
    let app = consumer(server.broker().await?).await?;
    let began = now();
    queue(&app, size(RUNS)).await?;
    settled(&app, size(RUNS)).await;
    let rate = per_second(size(RUNS), began.elapsed());
    app.stop().await?;
    Ok(rate)
}

async fn fill(server: &Measured, runs: usize) -> anyhow::Result<()> {
    let app: RunningApp = producer(server.broker().await?).await?;
    let manager = app.task_manager();
    for _ in 0..runs / 10_000 {
        let runs =
            (0..10_000).map(|_| waiting::with(data()).queue_name(QueueName::from_static("other")));
        manager.queue_many(runs).await?;
    }
    app.stop().await?;
    Ok(())
}

/// The same name and parameters as those that are measured.
#[task(name = "no_op")]
async fn waiting(data: String) {
    let _ = data;
}

async fn due_at_once(server: &Measured, report: &mut Report) -> anyhow::Result<()> {
    let app = App::new(server.broker().await?)
        .tasks(tasks![later])
        .without_scheduler();
    let app = app
        .consumer(|consumer| consumer.concurrency(1024))
        .start()
        .await?;
    let due = aqueduct::clock::Clock::system()
        .now()
        .saturating_add(Duration::from_secs(4));
    app.task_manager()
        .queue_many((0..size(DUE)).map(|_| later::with(data()).at(due)))
        .await?;
    server.ask("CONFIG SET slowlog-log-slower-than 1000")?;
    server.ask("SLOWLOG RESET")?;
    settled(&app, size(DUE)).await;
    let slowest = slowest(server)? / 1000.0;
    let what = "longest script with 100,000 runs due at once";
    report.add(Figure::cost(what, "ms", vec![slowest]).bar(5.0));
    app.stop().await?;
    Ok(())
}

/// Returns the longest time of a command since the reset, in microseconds; those under 1 ms count as 1 ms.
fn slowest(server: &Measured) -> anyhow::Result<f64> {
    let script = "local m = 1000 for _, e in ipairs(redis.call('SLOWLOG', 'GET', 128)) do \
                  m = math.max(m, e[3]) end return tostring(m)";
    Ok(server.ask_words(&["EVAL", script, "0"])?.trim().parse()?)
}
