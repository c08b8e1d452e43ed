use aqueduct::task;

#[task(timeout = 30)]
async fn number_as_duration() {}

#[task(priority = 3)]
async fn number_as_priority() {}

#[task(retry = "never")]
async fn text_as_retry() {}

#[task(name = reports)]
async fn word_as_name() {}

#[task(schedule = "every 5s")]
async fn text_as_schedule() {}

#[task(schedule = every)]
async fn nothing_as_period() {}

fn main() {}
