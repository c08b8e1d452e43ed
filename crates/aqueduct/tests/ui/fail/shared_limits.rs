use aqueduct::task;

#[task(max_concurrency = 0)]
async fn never() {}

#[task(max_concurrency(3, key = "tenant:{tenent}"))]
async fn misspelt(tenant: u64) {
    let _ = tenant;
}

#[task(max_concurrency(3, per = "1m"))]
async fn has_no_time() {}

#[task(rate_limit(100))]
async fn needs_its_time() {}

#[task(rate_limit(100, per = "0s"))]
async fn in_no_time() {}

#[task(rate_limit(0, per = "1s"))]
async fn none_in_time() {}

#[task(rate_limit = 5)]
async fn wrong_form() {}

#[task(max_concurrency = 5, max_concurrency = 6)]
async fn twice() {}

#[task(max_concurrency(3, kee = "a"))]
async fn unknown_word() {}

fn main() {}
