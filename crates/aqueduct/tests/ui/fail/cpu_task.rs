//! State that nobody makes, options of the other kind, values out of bounds.

use aqueduct::{State, cpu_task, task};

struct Model;

fn load() -> u32 {
    7
}

#[cpu_task]
fn without_init(_model: State<Model>) {}

#[cpu_task(init = load)]
fn other_type(_model: State<Model>) {}

#[cpu_task(init = load)]
fn without_state() {}

#[task(memory_limit = "1GiB")]
async fn io() {}

#[cpu_task(memory_limit = "lots")]
fn lots() {}

#[cpu_task(nice = 20)]
fn rude() {}

#[cpu_task(cpu_timeout = "10ms")]
fn short() {}

fn main() {}
