//! `tasks!`, `params!` and `cpu_worker!`.

use std::sync::Arc;

use aqueduct_core::task::Task;

/// What `tasks![…]` returns: tasks of whatever types.
pub type TaskList = Vec<Arc<dyn Task>>;

/// Lists tasks for an application: `tasks![fetch, reports::monthly]`.
///
/// Each name is a function with `#[task]`.
///
/// ```
/// use aqueduct::{task, tasks};
///
/// #[task]
/// async fn hello(name: String) -> String {
///     format!("hello, {name}")
/// }
///
/// let list = tasks![hello];
/// assert_eq!(list.len(), 1);
/// ```
#[macro_export]
macro_rules! tasks {
    ($($($task:ident)::+),* $(,)?) => {
        $crate::__private::vec![$($crate::__private::erase($($task)::+ {})),*]
    };
}

/// Names parameters for a task that is queued by name: `params! { url: "…", depth: 3 }`.
///
/// ```
/// let url = "https://example.org";
/// let params = aqueduct::params! { url, depth: 3 };
/// assert_eq!(params.into_payload()?.keys(), Some(vec!["url".into(), "depth".into()]));
/// # Ok::<(), aqueduct::payload::PayloadError>(())
/// ```
#[macro_export]
macro_rules! params {
    (@add $params:expr;) => { $params };
    (@add $params:expr; $name:ident: $value:expr $(, $($rest:tt)*)?) => {
        $crate::params!(@add $params.with($crate::__private::stringify!($name), &$value); $($($rest)*)?)
    };
    (@add $params:expr; $name:ident $(, $($rest:tt)*)?) => {
        $crate::params!(@add $params.with($crate::__private::stringify!($name), &$name); $($($rest)*)?)
    };
    ($($entries:tt)*) => {
        $crate::params!(@add $crate::__private::Params::new(); $($entries)*)
    };
}

/// Lets CPU tasks run in real worker processes under `cargo test`.
///
/// A test program has no `main` of yours; so this makes a test that is the worker, and a function
/// `cpu_worker()` that returns the program for the pool. Write it once, at the top level of a file of
/// tests or of a module:
///
/// ```
/// use aqueduct::cpu::{CpuSettings, PoolConfig};
/// use aqueduct::{cpu_task, tasks};
///
/// #[cpu_task]
/// fn crunch(number: u64) -> u64 {
///     (1..=number).product()
/// }
///
/// aqueduct::cpu_worker!(tasks![crunch]);
///
/// fn settings() -> CpuSettings {
///     let mut pool = PoolConfig::default();
///     pool.program = cpu_worker();
///     CpuSettings::processes(pool) // for `.consumer(|consumer| consumer.cpu(settings()))`
/// }
/// # let _ = settings();
/// ```
#[cfg(feature = "consumer")]
#[macro_export]
macro_rules! cpu_worker {
    ($tasks:expr) => {
        /// Becomes the worker, in a process that a pool has started; else it is an empty test.
        #[test]
        fn aqueduct_cpu_worker() {
            $crate::cpu::init(|| $tasks);
        }

        /// Returns the program that a pool of these tests starts.
        #[allow(dead_code)]
        fn cpu_worker() -> $crate::cpu::Program {
            $crate::cpu::test_program($crate::__private::module_path!(), "aqueduct_cpu_worker")
        }
    };
}
