use aqueduct::task;

#[task(timeout = "5 parsecs")]
async fn far() {}

#[task(timeout = "0s")]
async fn never() {}

#[task(name = "with space")]
async fn named() {}

#[task(timeout = "1s", timeout = "2s")]
async fn twice() {}

#[task(timeout = "-5s")]
async fn negative() {}

#[task(timeout = "9999w")]
async fn huge() {}

#[task(retry(max = -1))]
async fn fewer_than_none() {}

#[task(retry(max = 3, backoff = "0s"))]
async fn at_once() {}

#[task(retry(backoff = "10s", max_wait = "1s"))]
async fn cut() {}

#[task(unique)]
async fn of_what() {}

fn main() {}
