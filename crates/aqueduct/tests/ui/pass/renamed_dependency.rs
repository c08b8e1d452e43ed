//! The facade under another name.

extern crate aqueduct as pipes;

use pipes::{TaskContext, task, tasks};

#[task(crate = ::pipes)]
async fn add(_ctx: TaskContext, left: i64, right: i64) -> i64 {
    left + right
}

fn main() {
    let _ = tasks![add];
}
