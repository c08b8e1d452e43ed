//! What generated code may touch; not part of the public interface, and may change at any time.

use std::sync::Arc;

pub use std::{module_path, stringify, vec};

pub use aqueduct_core::__private::*;

pub use crate::runtime::{run_main, worker_hook};

/// Erases the type of a task.
pub fn erase<T: Task>(task: T) -> Arc<dyn Task> {
    Arc::new(task)
}
