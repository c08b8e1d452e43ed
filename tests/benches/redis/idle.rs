//! What an idle consumer does: how soon it starts a run, and what it asks of the server for nothing.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use aqueduct::{App, State, task, tasks};
use tokio::sync::oneshot;

use crate::server::{Measured, now};
use crate::table::{Limit, Table};

/// Runs of which the start is measured.
const STARTS: usize = 2_000;

/// How long the idle consumer is watched.
const WATCHED: Duration = Duration::from_secs(10);

/// Where the running task says when it began.
#[derive(Default)]
struct Began(Mutex<Option<oneshot::Sender<Instant>>>);

#[task]
async fn begin(began: State<State<Began>>) {
    let now = now();
    let sender = began.0.lock().ok().and_then(|mut sender| sender.take());
    if let Some(sender) = sender {
        let _ = sender.send(now);
    }
}

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let server = Measured::start()?;
    let began: State<Began> = State::new(Began::default());
    let app = App::new(server.broker().await?)
        .tasks(tasks![begin])
        .state(began.clone())
        .without_scheduler();
    let app = app.start().await?;
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let (sender, receiver) = oneshot::channel();
        if let Ok(mut place) = began.0.lock() {
            *place = Some(sender);
        }
        // Long enough for every thread to fall asleep.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let queued = now();
        begin::queue(app.task_manager()).await?;
        times.push(
            receiver
                .await?
                .saturating_duration_since(queued)
                .as_secs_f64()
                * 1e3,
        );
    }
    times.sort_by(f64::total_cmp);
    let at = |share: usize| {
        times
            .get(times.len() * share / 100)
            .copied()
            .unwrap_or_default()
    };
    table.add("idle to start: p50", at(50), "ms", Limit::None);
    table.add("idle to start: p99", at(99), "ms", Limit::AtMost(1.0));
    let before = server.usage()?;
    tokio::time::sleep(WATCHED).await;
    let used = server.usage()? - before;
    let rate = used.commands / WATCHED.as_secs_f64();
    table.add("an idle consumer", rate, "commands/s", Limit::AtMost(3.0));
    app.stop().await?;
    Ok(())
}
