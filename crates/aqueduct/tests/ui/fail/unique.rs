use aqueduct::task;

#[task(unique = "a", throttle("1m"))]
async fn two_ways() {}

#[task(debounce("5s"), schedule = every("1m"))]
async fn a_tick_has_its_time() {}

#[task(unique(scope = queued))]
async fn no_key() {}

#[task(unique(key = "a", scope = for_ever))]
async fn no_scope() {}

#[task(unique(key = "a", on_conflict = panic))]
async fn no_rule() {}

#[task(unique(key = "a", key = "b"))]
async fn twice() {}

#[task(unique(key = "a", on_conflct = refuse))]
async fn misspelt() {}

#[task(debounce("5s", at_most = "1s"))]
async fn over_before_it_begins() {}

#[task(debounce = "5s")]
async fn wrong_form() {}

#[task(throttle("0s"))]
async fn no_time() {}

#[task(throttle("1m", key = "{nobody}"))]
async fn no_parameter(somebody: u32) {
    let _ = somebody;
}

#[task(debounce("5s"), expires_in = "5s")]
async fn expires_before_it_is_due() {}

#[task(unique = "{price}")]
async fn no_text(price: f64) {
    let _ = price;
}

#[task(unique(key = "a", scope = window("10m"), on_conflict = refuse))]
async fn fine() {}

fn main() {}
