//! The function stays callable, beside the handle of its name; raw names, all options.

use aqueduct::{State, TaskError, task, tasks};

/// Adds; documentation and attributes stay.
#[task(
    name = "math.add",
    alias = "add",
    queue = "numbers",
    priority = high,
    timeout = "10s",
    expires_in = "1d",
    keep_result = "1h",
    retry(max = 2, backoff = "1s", kind = exponential, max_wait = "1m", jitter = full)
)]
#[must_use]
async fn add(left: i64, right: i64) -> i64 {
    left + right
}

#[task(schedule = cron("0 2 * * *", tz = "Europe/Rome", overlap = cancel_previous))]
async fn nightly() {}

#[task]
async fn r#type(r#match: u8) -> u8 {
    r#match
}

#[task]
async fn any_error(base: State<i64>, text: String) -> Result<i64, TaskError> {
    Ok(*base + text.parse::<i64>()?)
}

#[cfg(any())]
#[task]
async fn not_compiled(what: DoesNotExist) {}

fn main() {
    let _ = async { add(1, 2).await + i64::from(r#type(3).await) };
    let _ = tasks![add, nightly, r#type, any_error];
    let add = 1; // the handle takes no place among values
    let _ = add;
}
