//! Runs per second: no-op tasks with a payload of 100 bytes, from queue to settled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aqueduct::broker_api::ScheduleDefinition;
use aqueduct::scheduler::TaskSchedulerBuilder;
use aqueduct::{
    App, Broker, QueueName, RunningApp, Schedule, ScheduleName, State, TaskName, task, tasks,
};
use integration::bench::Kind;
use tokio::sync::{Notify, mpsc};

/// Counts down, and tells when all have run.
#[derive(Clone)]
struct Countdown(Arc<(AtomicUsize, Notify)>);

impl Countdown {
    fn new(runs: usize) -> Self {
        Self(Arc::new((AtomicUsize::new(runs), Notify::new())))
    }

    fn count(&self) {
        if self.0.0.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.1.notify_one();
        }
    }

    async fn done(&self) {
        self.0.1.notified().await;
    }
}

#[task]
async fn no_op(countdown: State<Countdown>, data: String) {
    let _ = data;
    countdown.count();
}

/// With its name and length it makes a payload of 100 bytes.
fn data() -> String {
    "x".repeat(92)
}

#[expect(clippy::disallowed_methods, reason = "this measures real time")]
fn now() -> Instant {
    Instant::now()
}

/// The limit: the same number of tasks spawned, each sending through a channel.
#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
pub(crate) async fn bare_tokio(runs: usize) -> anyhow::Result<Duration> {
    let began = now();
    let (sender, mut receiver) = mpsc::channel::<String>(1024);
    tokio::spawn(async move {
        for _ in 0..runs {
            let (sender, data) = (sender.clone(), data());
            tokio::spawn(async move { sender.send(data).await });
        }
    });
    for _ in 0..runs {
        anyhow::ensure!(receiver.recv().await.is_some(), "the channel closed early");
    }
    Ok(began.elapsed())
}

async fn start(
    countdown: Countdown,
    schedules: impl FnOnce(TaskSchedulerBuilder) -> TaskSchedulerBuilder + Send + 'static,
) -> anyhow::Result<RunningApp> {
    let app = App::new(Broker::memory())
        .tasks(tasks![no_op])
        .state(countdown);
    Ok(app
        .consumer(|consumer| consumer.concurrency(1024))
        .scheduler(schedules)
        .start()
        .await?)
}

/// Waits until every run was settled as succeeded.
async fn settled(app: &RunningApp, runs: usize) {
    let succeeded = || {
        app.metrics()
            .map_or(0, |metrics| metrics.snapshot().succeeded)
    };
    while succeeded() < runs as u64 {
        tokio::task::yield_now().await;
    }
}

/// One producer, in batches.
pub(crate) async fn queue_many(runs: usize) -> anyhow::Result<Duration> {
    let countdown = Countdown::new(runs);
    let app = start(countdown.clone(), |scheduler| scheduler).await?;
    let began = now();
    app.task_manager()
        .queue_many((0..runs).map(|_| no_op::with(data())))
        .await?;
    countdown.done().await;
    settled(&app, runs).await;
    let took = began.elapsed();
    app.stop().await?;
    Ok(took)
}

/// One producer, one awaited call a run.
pub(crate) async fn queue_each(runs: usize) -> anyhow::Result<Duration> {
    let countdown = Countdown::new(runs);
    let app = start(countdown.clone(), |scheduler| scheduler).await?;
    let took = each(&app, &countdown, runs).await?;
    app.stop().await?;
    Ok(took)
}

#[expect(clippy::disallowed_methods, reason = "awaited at once")]
async fn each(app: &RunningApp, countdown: &Countdown, runs: usize) -> anyhow::Result<Duration> {
    let began = now();
    let manager = app.task_manager().clone();
    tokio::spawn(async move {
        for _ in 0..runs {
            no_op::queue(&manager, data()).await?;
        }
        Ok::<(), aqueduct::QueueError>(())
    })
    .await??;
    countdown.done().await;
    settled(app, runs).await;
    Ok(began.elapsed())
}

/// As [`queue_many`], with runs of a kind.
pub(crate) async fn queue_kind(kind: Kind, runs: usize) -> anyhow::Result<Duration> {
    let app = App::new(Broker::memory()).tasks(Kind::tasks());
    let app = app.consumer(|consumer| consumer.concurrency(1024));
    let app = app.start().await?;
    let began = now();
    kind.queue(&app, runs).await?;
    settled(&app, runs).await;
    let took = began.elapsed();
    app.stop().await?;
    Ok(took)
}

/// As [`queue_each`], while a million other runs are queued, and a thousand schedules.
pub(crate) async fn behind_backlog(
    runs: usize,
    backlog: usize,
    schedules: usize,
) -> anyhow::Result<Duration> {
    let countdown = Countdown::new(runs);
    let app = start(countdown.clone(), move |scheduler| {
        (0..schedules).fold(scheduler, |scheduler, number| {
            scheduler.schedule(far_off(number))
        })
    })
    .await?;
    let waiting =
        (0..backlog).map(|_| no_op::with(data()).queue_name(QueueName::from_static("other")));
    app.task_manager().queue_many(waiting).await?;
    let took = each(&app, &countdown, runs).await?;
    app.stop().await?;
    Ok(took)
}

/// A schedule that does not fire while this measures.
fn far_off(number: usize) -> ScheduleDefinition {
    let name = ScheduleName::try_from(format!("schedule-{number}"));
    let schedule = Schedule::cron("0 0 1 1 *");
    match (name, schedule) {
        (Ok(name), Ok(schedule)) => {
            ScheduleDefinition::new(name, schedule, TaskName::from_static("no_op"))
        }
        (name, schedule) => panic!("{name:?} {schedule:?}"),
    }
}
