//! The hooks that make a worker of a process.

use std::sync::Arc;

use aqueduct_core::TaskRegistry;

/// Becomes a worker that knows these tasks, if a pool has started this process as one; else returns.
///
/// Call it first in `main`: what runs before it runs in every worker.
///
/// # Panics
///
/// Panics in a worker whose standard streams cannot be moved.
#[cfg(target_os = "linux")]
pub fn become_worker(registry: impl FnOnce() -> TaskRegistry) {
    match aqueduct_cpu_pool::entry() {
        Ok(None) => {}
        Ok(Some(entry)) => {
            let body = super::body::TaskBody::new(Arc::new(registry()));
            super::logs::send();
            aqueduct_cpu_pool::serve(entry, body);
        }
        Err(error) => panic!("a CPU worker cannot take its pipes: {error}"),
    }
}

/// Becomes a worker; there are none on this system yet.
#[cfg(not(target_os = "linux"))]
pub fn become_worker(_registry: impl FnOnce() -> TaskRegistry) {}

/// Becomes a worker in the middle of a program, if a pool has started this process as one.
///
/// It is the net below [`become_worker`]: whatever the program has done up to here, each worker does too.
/// It never returns in a worker.
///
/// # Cancel safety
///
/// Dropping the future in a worker leaves the worker to another thread.
#[cfg(target_os = "linux")]
pub async fn serve_late(registry: &Arc<TaskRegistry>) {
    if !is_worker() {
        return;
    }
    tracing::warn!(
        "this process is a CPU worker and was one only late: begin `main` with the worker hook, as \
         `#[aqueduct::main(tasks = …)]` does"
    );
    let registry = Arc::clone(registry);
    // The process ends with that thread.
    std::thread::spawn(move || become_worker(|| TaskRegistry::clone(&registry)));
    std::future::pending::<()>().await;
}

/// Becomes a worker; there are none on this system yet.
///
/// # Cancel safety
///
/// Dropping the future changes nothing.
#[cfg(not(target_os = "linux"))]
pub async fn serve_late(_registry: &Arc<TaskRegistry>) {}

/// Returns whether a pool has started this process as a worker, and it does not serve yet.
///
/// An app that a CPU task starts is none of that: it is refused like any pool in a worker.
#[cfg(target_os = "linux")]
pub(super) fn is_worker() -> bool {
    aqueduct_cpu_pool::is_entry_open()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_worker() -> bool {
    false
}
