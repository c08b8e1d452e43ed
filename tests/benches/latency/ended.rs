//! From the last line of a task to whoever waits for its value.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use aqueduct::{App, Broker, State, task, tasks};
use integration::bench::now;

use crate::samples::REST;

/// When the task ended last.
#[derive(Default)]
struct Ended(Mutex<Option<Instant>>);

#[task(keep_result = "1m")]
async fn end(ended: State<State<Ended>>) -> u64 {
    if let Ok(mut place) = ended.0.lock() {
        *place = Some(now());
    }
    1
}

pub(crate) async fn measure(broker: Broker, samples: usize) -> anyhow::Result<Vec<Duration>> {
    let ended: State<Ended> = State::new(Ended::default());
    let app = App::new(broker)
        .tasks(tasks![end])
        .state(ended.clone())
        .without_scheduler();
    let app = app.start().await?;
    let mut times = Vec::with_capacity(samples);
    for _ in 0..samples {
        tokio::time::sleep(REST).await;
        end::queue_and_wait(app.task_manager()).await?;
        let told = now();
        let last = ended.0.lock().ok().and_then(|place| *place);
        times.extend(last.map(|last| told.saturating_duration_since(last)));
    }
    app.stop().await?;
    Ok(times)
}
