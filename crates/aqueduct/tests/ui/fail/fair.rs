use aqueduct::task;

#[task(fair)]
async fn needs_a_key() {}

#[task(fair(weight = 3))]
async fn has_a_weight_only() {}

#[task(fair = "tenant:{tenent}")]
async fn misspelt(tenant: u64) {
    let _ = tenant;
}

#[task(fair(key = "a", weight = 0))]
async fn never() {}

#[task(fair(key = "a", weight = 1001))]
async fn too_heavy() {}

#[task(fair(key = "a", weight = "3"))]
async fn no_number() {}

#[task(fair(key = "a", wait = 3))]
async fn unknown_word() {}

#[task(fair = "a", fair = "b")]
async fn twice() {}

#[task(fair_weight = 3)]
async fn option_of_a_call() {}

fn main() {}
