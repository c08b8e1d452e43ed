use aqueduct::task;

#[task(schedule = cron("0 25 * * *"))]
async fn hour() {}

#[task(schedule = cron("0 0 30 2 *"))]
async fn never() {}

#[task(schedule = cron("0 2 * * *", tz = "Europe/Atlantis"))]
async fn nowhere() {}

#[task(schedule = cron("30 2 * * *", tz = "Europe/Rome", skipped = later))]
async fn no_such_rule() {}

#[task(schedule = cron("*/5 * * * *", repeated = both))]
async fn has_a_rhythm() {}

#[task(schedule = every("5m", skipped = skip))]
async fn is_no_time_of_day() {}

#[task(schedule = every("0s"))]
async fn zero() {}

#[task(schedule = every("1m", overlap = sometimes))]
async fn unsure() {}

#[task(schedule = every("1m", overlap = cancel_previous), unique = "one")]
async fn cannot_be_both() {}

#[task(schedule = every("1m", overlap = skip), unique = "one")]
async fn fine() {}

#[task(schedule = cron("*/0 * * * *"))]
async fn no_step() {}

#[task(schedule = cron("0 22-5 * * *"))]
async fn backwards() {}

#[task(schedule = cron(",15 * * * *"))]
async fn has_a_gap() {}

fn main() {}
