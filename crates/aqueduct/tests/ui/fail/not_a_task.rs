use aqueduct::tasks;

async fn plain() {}

struct Other;

fn main() {
    let _ = tasks![plain];
    let _ = tasks![Other];
}
