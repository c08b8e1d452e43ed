//! A user's own `Result`, `Option`, `String`, `Ok` and `Some` are left alone.
#![allow(dead_code)]

use aqueduct::{TaskContext, TaskError, task, tasks};

type Result<T> = ::std::result::Result<T, TaskError>;
struct Option;
struct String;
struct Ok;
struct Some;
struct Vec;
struct Box;

mod std {}
mod core {}
mod aqueduct_core {}

#[task]
async fn length(_ctx: TaskContext, text: ::std::string::String) -> Result<usize> {
    ::std::result::Result::Ok(text.len())
}

fn main() {
    let _ = tasks![length];
}
