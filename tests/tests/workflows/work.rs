//! What workflows of these tests are made of.

use std::sync::{Arc, Mutex};

use aqueduct::workflow::Unsuccessful;
use aqueduct::{State, TaskContext, TaskError, TaskList, chain, cpu_task, task, tasks};
use tokio::sync::Notify;

/// What tasks note, and what they wait for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
    pub(crate) begun: Arc<Notify>,
}

pub(crate) fn all() -> TaskList {
    tasks![
        number, double, sum, label, fails, count, tell, outcome, outcomes, waits, starts, square,
        mended
    ]
}

#[task]
pub(crate) async fn number(value: u64) -> u64 {
    value
}

#[task]
pub(crate) async fn double(#[input] value: u64) -> u64 {
    value * 2
}

#[cpu_task]
pub(crate) fn square(#[input] value: u64) -> u64 {
    value * value
}

#[task]
pub(crate) async fn sum(_ctx: TaskContext, #[input] values: Vec<u64>, more: u64) -> u64 {
    values.iter().sum::<u64>() + more
}

#[task]
pub(crate) async fn label(before: String, #[input] value: u64) -> String {
    format!("{before}{value}")
}

#[task(retry = none)]
pub(crate) async fn fails(#[input] _value: u64) -> Result<u64, TaskError> {
    Err(TaskError::msg("it never works"))
}

/// Fails until somebody has mended it.
#[task(retry = none)]
pub(crate) async fn mended(notes: State<Notes>, #[input] value: u64) -> Result<u64, TaskError> {
    if notes.seen.lock().unwrap().is_empty() {
        return Err(TaskError::msg("it is broken"));
    }
    Ok(value + 1)
}

#[task]
pub(crate) async fn count(#[input] values: Vec<()>) -> usize {
    values.len()
}

#[task]
pub(crate) async fn tell(notes: State<Notes>, text: String) {
    notes.seen.lock().unwrap().push(text);
}

#[task]
pub(crate) async fn outcome(#[input] outcome: Result<u64, Unsuccessful>) -> String {
    told(outcome)
}

#[task]
pub(crate) async fn outcomes(#[input] outcomes: Vec<Result<u64, Unsuccessful>>) -> Vec<String> {
    outcomes.into_iter().map(told).collect()
}

fn told(outcome: Result<u64, Unsuccessful>) -> String {
    match outcome {
        Ok(value) => format!("ok {value}"),
        Err(error) => format!("{} {error}", error.state),
    }
}

#[task]
pub(crate) async fn waits(ctx: TaskContext, notes: State<Notes>) -> Result<u64, TaskError> {
    notes.begun.notify_one();
    ctx.cancelled().await;
    ctx.check_cancelled()?;
    Ok(0)
}

#[task]
pub(crate) async fn starts(ctx: TaskContext) -> Result<(), TaskError> {
    let text = "from within".to_owned();
    chain(number::with(1))
        .then(tell::with(text))
        .queue(&ctx)
        .await?;
    Ok(())
}
