use aqueduct::task;

#[task(timout = "5s")]
async fn slow() {}

#[task(retry(maximum = 3))]
async fn again() {}

#[task(priority = urgent)]
async fn soon() {}

fn main() {}
