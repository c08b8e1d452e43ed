//! A crate that forbids unsafe code, and denies missing documentation.
#![forbid(unsafe_code)]
#![deny(missing_docs, warnings)]

use aqueduct::{task, tasks};

/// Adds.
#[task]
pub async fn add(left: i64, right: i64) -> i64 {
    left + right
}

fn main() {
    let _ = tasks![add];
}
