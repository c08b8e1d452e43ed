//! The tasks of children: each says what it does.

use std::io::Write;
use std::time::Duration;

use aqueduct::clock::Clock;
use aqueduct::{TaskContext, TaskError, task};

/// Says that it begins, takes its time, and says that it ends.
#[task(timeout = "1h")]
pub async fn take_time(ctx: TaskContext, number: u64, millis: u64) {
    say("begin", &ctx, number);
    tokio::time::sleep(Duration::from_millis(millis)).await;
    say("end", &ctx, number);
}

/// Fails until a failure of it is recorded, then does as `take_time` that takes no time.
///
/// # Errors
///
/// Returns an error until one is recorded.
#[task(retry(max = 3, backoff = "100ms"))]
pub(super) async fn fail_once(ctx: TaskContext, number: u64) -> Result<(), TaskError> {
    if ctx.run().tally.failures == 0 {
        return Err(TaskError::msg("the first time"));
    }
    say("begin", &ctx, number);
    say("end", &ctx, number);
    Ok(())
}

/// As `take_time`; returns its number and what came before.
#[task(timeout = "1h")]
pub async fn add(ctx: TaskContext, #[input] before: u64, number: u64, millis: u64) -> u64 {
    say("begin", &ctx, number);
    tokio::time::sleep(Duration::from_millis(millis)).await;
    say("end", &ctx, number);
    before + number
}

/// As `take_time`; returns the sum of what came before.
#[task(timeout = "1h")]
pub async fn sum(ctx: TaskContext, #[input] values: Vec<u64>, number: u64, millis: u64) -> u64 {
    say("begin", &ctx, number);
    tokio::time::sleep(Duration::from_millis(millis)).await;
    say("end", &ctx, number);
    values.iter().sum()
}

/// Takes steps, says each, and keeps how many it has taken; the first attempt reports them as well.
///
/// # Errors
///
/// Returns an error if a checkpoint is not kept.
#[task(timeout = "1h")]
pub async fn take_steps(ctx: TaskContext, number: u64, steps: u64) -> Result<(), TaskError> {
    say("begin", &ctx, number);
    for step in ctx.last_checkpoint::<u64>()?.unwrap_or(0)..steps {
        say("step", &ctx, step);
        ctx.checkpoint(&(step + 1)).await?;
        say("kept", &ctx, step);
        if ctx.run().tally.crashes == 0 {
            ctx.progress(step + 1, steps);
        }
        tokio::time::sleep(STEP).await;
    }
    say("end", &ctx, number);
    Ok(())
}

/// How long a step takes.
const STEP: Duration = Duration::from_millis(10);

/// Says the time of its tick.
#[task]
pub async fn say_tick(ctx: TaskContext) {
    let tick = ctx.run().id.timestamp().as_millis();
    say("tick", &ctx, tick);
}

fn say(word: &str, ctx: &TaskContext, number: u64) {
    let tally = ctx.run().tally;
    write_line(word, number, tally.crashes, tally.failures);
}

/// Says what is of no attempt.
pub(super) fn say_line(word: &str, number: u64) {
    write_line(word, number, 0, 0);
}

fn write_line(word: &str, number: u64, crashes: u32, failures: u32) {
    let at = Clock::system().now().as_millis();
    let line = format!("said {word} {number} {crashes} {failures} {at}\n");
    // Whoever does not listen any more does not want to know.
    let _ = std::io::stdout().write_all(line.as_bytes());
}
