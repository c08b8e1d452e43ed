//! CPU tasks: the hook that makes a worker of a process, and the settings of the pool.
//!
//! `#[cpu_task]` and `#[aqueduct::main]` are all that most programs need; [`manual::cpu`](crate::manual::cpu)
//! is the guide.

use aqueduct_core::TaskRegistry;

pub use aqueduct_consumer::cpu::{CpuSettings, Isolation};
pub use aqueduct_cpu_pool::{MemoryBudget, PoolConfig, PoolMetrics, Program};

use crate::TaskList;

/// Becomes a CPU worker that knows these tasks, if this process was started as one; else returns at once.
///
/// For a `main` without `#[aqueduct::main]`: call it first, before a runtime exists. What stands before it
/// runs in every worker.
///
/// ```no_run
/// use aqueduct::{cpu_task, tasks};
///
/// #[cpu_task]
/// fn crunch(number: u64) -> u64 {
///     (1..=number).product()
/// }
///
/// fn main() {
///     aqueduct::cpu::init(|| tasks![crunch]);
///     // … the program itself.
/// }
/// ```
///
/// # Panics
///
/// Panics in a worker, if two tasks have one name; the pool reports it.
pub fn init(tasks: impl FnOnce() -> TaskList) {
    aqueduct_consumer::cpu::become_worker(|| {
        let mut registry = TaskRegistry::new();
        for task in tasks() {
            if let Err(error) = registry.register(&task) {
                panic!("{error}");
            }
        }
        registry
    });
}

/// Returns the program that a pool starts under `cargo test`: see [`cpu_worker!`](crate::cpu_worker).
#[doc(hidden)]
#[must_use]
pub fn test_program(module: &str, name: &str) -> Program {
    // The name of a test begins behind the name of its crate.
    let path = module.split_once("::").map_or("", |(_crate, path)| path);
    let separator = if path.is_empty() { "" } else { "::" };
    Program::own_test(&format!("{path}{separator}{name}"))
}
