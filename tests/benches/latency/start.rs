//! From `queue` to the first line of the task, in an application that had nothing to do.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use aqueduct::{App, Broker, State, task, tasks};
use integration::bench::now;
use tokio::sync::oneshot;

use crate::samples::REST;

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

pub(crate) async fn measure(broker: Broker, samples: usize) -> anyhow::Result<Vec<Duration>> {
    let began: State<Began> = State::new(Began::default());
    let app = App::new(broker)
        .tasks(tasks![begin])
        .state(began.clone())
        .without_scheduler();
    let app = app.start().await?;
    let mut times = Vec::with_capacity(samples);
    for _ in 0..samples {
        let (sender, receiver) = oneshot::channel();
        if let Ok(mut place) = began.0.lock() {
            *place = Some(sender);
        }
        tokio::time::sleep(REST).await;
        let queued = now();
        begin::queue(app.task_manager()).await?;
        times.push(receiver.await?.saturating_duration_since(queued));
    }
    app.stop().await?;
    Ok(times)
}
