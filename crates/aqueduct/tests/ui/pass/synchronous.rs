//! A short body may be synchronous.
#![allow(dead_code)]

use aqueduct::task;

#[task]
fn blocking(number: u8) -> u8 {
    number
}

fn main() {}
