use aqueduct::task;

#[task(schedule = cron("0 25 * * *"))]
async fn hour() {}

#[task(schedule = cron("0 0 30 2 *"))]
async fn never() {}

#[task(schedule = cron("0 2 * * *", tz = "Europe/Atlantis"))]
async fn nowhere() {}

#[task(schedule = every("0s"))]
async fn zero() {}

fn main() {}
