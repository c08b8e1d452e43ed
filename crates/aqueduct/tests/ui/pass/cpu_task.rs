//! CPU tasks, their state, and the list in the body of `main` that becomes the worker hook.
#![forbid(unsafe_code)]
#![deny(warnings)]

use aqueduct::{App, Broker, State, TaskContext, TaskError, cpu_task, tasks};

pub struct Model(u32);

pub struct Cache(String);

fn load() -> Result<Model, std::io::Error> {
    Ok(Model(7))
}

mod caches {
    pub fn open() -> super::Cache {
        super::Cache("empty".to_owned())
    }
}

#[cpu_task(
    cpus = 2,
    memory_limit = "512MiB",
    cpu_timeout = "10s",
    progress_timeout = "5s",
    nice = 5,
    stack_size = "16 MiB",
    env(MODE = "fast", LEVEL = "3"),
    init(load, caches::open),
    timeout = "5m",
    retry(max = 3),
    priority = "low"
)]
fn blocking(model: State<Model>, ctx: &TaskContext, cache: State<Cache>) -> Result<u32, TaskError> {
    ctx.check_cancelled()?;
    Ok(model.0 + u32::try_from(cache.0.len())?)
}

#[cpu_task(init = load)]
async fn asynchronous(model: State<Model>, add: u32) -> u32 {
    model.0 + add
}

#[aqueduct::main(worker_threads = 1)]
async fn main() {
    let list = aqueduct::tasks![asynchronous];
    let app = App::new(Broker::memory()).tasks(list).tasks(tasks![blocking]);
    let manager = app.into_task_manager().unwrap();
    assert_eq!(manager.run(blocking::with()).await.unwrap(), 12);
    assert_eq!(manager.run(asynchronous::with(1)).await.unwrap(), 8);
}
