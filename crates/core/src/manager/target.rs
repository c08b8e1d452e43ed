//! What a task can be queued on: a manager, or the context of a running task.

use super::TaskManager;
use crate::context::TaskContext;

/// Something that tasks can be queued on.
///
/// Implemented for [`TaskManager`] and for [`TaskContext`], where it keeps the lineage.
#[diagnostic::on_unimplemented(
    message = "a task cannot be queued on `{Self}`",
    label = "expected `&TaskContext` or `&TaskManager`",
    note = "within a task pass `&ctx`; elsewhere pass the manager: `app.task_manager()`"
)]
pub trait QueueTarget {
    /// Returns the manager to queue with.
    fn manager(&self) -> TaskManager;
}

impl QueueTarget for TaskManager {
    fn manager(&self) -> TaskManager {
        self.clone()
    }
}

impl QueueTarget for TaskContext {
    fn manager(&self) -> TaskManager {
        self.task_manager()
    }
}

impl<T: QueueTarget + ?Sized> QueueTarget for &T {
    fn manager(&self) -> TaskManager {
        (**self).manager()
    }
}
