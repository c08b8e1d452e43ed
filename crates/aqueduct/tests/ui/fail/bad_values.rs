use aqueduct::task;

#[task(timeout = "5 parsecs")]
async fn far() {}

#[task(timeout = "0s")]
async fn never() {}

#[task(name = "with space")]
async fn named() {}

#[task(timeout = "1s", timeout = "2s")]
async fn twice() {}

fn main() {}
