//! What `#[aqueduct::main]` expands to: a runtime around the body of `main`.

use std::future::Future;

/// Runs the body of `main` on a multi-threaded runtime.
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
        Ok(runtime) => runtime.block_on(body),
        Err(error) => panic!("the runtime cannot start: {error}"),
    }
}
