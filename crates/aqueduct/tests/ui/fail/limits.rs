use aqueduct::task;

#[task(timeout = "2m", total_timeout = "1m")]
async fn longer_than_the_run() {}

#[task(total_timeout = "5s", retry(max = 3, backoff = "5s"))]
async fn never_again() {}

#[task(total_timeout = "1m", expires_in = "1m")]
async fn expires_too_late() {}

#[task(total_timeout = "0s")]
async fn no_time() {}

#[task(total_timeout = "1m", expires_in = "59s", timeout = "1m", retry(backoff = "59s"))]
async fn fine() {}

fn main() {}
