//! What `#[aqueduct::main]` expands to: a runtime around the body of `main`.

use std::future::Future;
use std::time::Duration;

use crate::TaskList;

/// Runs the body of `main` on a multi-threaded runtime.
///
/// What still runs when the body has ended, such as a task that blocks its thread, is given a second;
/// then the process ends without it.
///
/// # Panics
///
/// Panics if the operating system cannot give the runtime its threads.
pub fn run_main<F: Future>(worker_threads: Option<usize>, body: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all();
    if let Some(threads) = worker_threads {
        builder.worker_threads(threads);
    }
    match builder.build() {
        Ok(runtime) => {
            let output = runtime.block_on(body);
            runtime.shutdown_timeout(LEFTOVERS_AT_MOST);
            output
        }
        Err(error) => panic!("the runtime cannot start: {error}"),
    }
}

/// Makes a CPU worker of a process that was started as one; in any other it does nothing.
///
/// # Panics
///
/// Panics in a worker, if two tasks have one name.
pub fn worker_hook(tasks: impl FnOnce() -> TaskList) {
    #[cfg(feature = "consumer")]
    crate::cpu::init(tasks);
    #[cfg(not(feature = "consumer"))]
    drop(tasks);
}

/// How long what still runs may take after the body of `main`.
const LEFTOVERS_AT_MOST: Duration = Duration::from_secs(1);
