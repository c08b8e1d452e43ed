//! The tasks that are waited for.

use std::sync::Arc;

use aqueduct::{State, TaskContext, TaskError, TaskList, WaitError, task, tasks};
use tokio::sync::Semaphore;

/// Lets tasks go on.
#[derive(Clone, Debug)]
pub(crate) struct Signals(Arc<Semaphore>);

impl Signals {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets one task go on.
    pub(crate) fn go(&self) {
        self.0.add_permits(1);
    }

    async fn gone(&self) -> Result<(), TaskError> {
        self.0.acquire().await?.forget();
        Ok(())
    }
}

pub(crate) fn all() -> TaskList {
    tasks![
        add,
        add_later,
        fails,
        gives_up,
        fails_for_long,
        fails_twice,
        nothing,
        sums,
        plain,
        listens
    ]
}

#[task(keep_result = "1m")]
pub(crate) async fn add(a: u64, b: u64) -> u64 {
    a + b
}

/// Adds once it is let go on.
#[task(keep_result = "1m")]
pub(crate) async fn add_later(signals: State<Signals>, a: u64, b: u64) -> Result<u64, TaskError> {
    signals.gone().await?;
    Ok(a + b)
}

#[task(keep_result = "1m", retry(max = 2, backoff = "5ms"))]
pub(crate) async fn fails() -> Result<u64, TaskError> {
    Err(TaskError::msg("it never works"))
}

#[task(
    keep_result = "1m",
    total_timeout = "500ms",
    retry(max = 4294967295, backoff = "1ms", kind = "fixed")
)]
pub(crate) async fn fails_for_long() -> Result<u64, TaskError> {
    Err(TaskError::msg("it never works"))
}

#[task(keep_result = "1m")]
pub(crate) async fn gives_up() -> Result<u64, TaskError> {
    Err(TaskError::cancel("nothing to do"))
}

#[task(keep_result = "1m", retry(max = 2, backoff = "5ms"))]
pub(crate) async fn fails_twice(ctx: TaskContext) -> Result<u32, TaskError> {
    match ctx.run().tally.failures {
        failures @ 0..2 => Err(TaskError::msg(format!("failure {failures}"))),
        failures => Ok(failures),
    }
}

#[task(keep_result = "1m")]
pub(crate) async fn nothing() {}

#[task(keep_result = "1m")]
pub(crate) async fn sums(ctx: TaskContext, numbers: Vec<u64>) -> Result<u64, WaitError> {
    let mut sum = 0;
    for number in numbers {
        sum = add::queue_and_wait(&ctx, sum, number).await?;
    }
    Ok(sum)
}

#[task]
pub(crate) async fn plain(number: u64) -> u64 {
    number
}

#[task(keep_result = "1m")]
pub(crate) async fn listens(ctx: TaskContext) -> Result<(), TaskError> {
    ctx.cancelled().await;
    ctx.check_cancelled()
}
