use aqueduct::task;

struct Plain;

#[task]
async fn gives() -> Plain {
    Plain
}

fn main() {}
