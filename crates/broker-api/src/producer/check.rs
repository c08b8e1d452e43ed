//! Checks what tasks ask for against what the broker can do, before anything is sent. Pure.

use aqueduct_core::Priority;
use aqueduct_core::manager::{QueueError, QueueErrorKind};
use aqueduct_core::queue::{Due, QueuedTask};

use crate::capabilities::Capabilities;

/// Returns an error for the first task that asks for what the broker lacks.
///
/// A broker that ignored an option would serve less than was asked for, and nobody would know.
pub(super) fn check(tasks: &[QueuedTask], can: &Capabilities) -> Result<(), QueueError> {
    tasks.iter().try_for_each(|task| check_one(task, can))
}

fn check_one(task: &QueuedTask, can: &Capabilities) -> Result<(), QueueError> {
    if task.payload.len() > can.max_payload {
        return Err(too_large(task, can.max_payload));
    }
    if task.due != Due::Now && !can.delayed {
        return Err(lacks(task, "a delay"));
    }
    if task.priority != Priority::default() && !can.priorities {
        return Err(lacks(task, "a priority"));
    }
    if task.expires_in.is_some() && !can.expiry {
        return Err(lacks(task, "an expiry"));
    }
    if task.with_previous && !can.workflows {
        return Err(lacks(task, "others of a workflow"));
    }
    let Some(options) = &task.options else {
        return Ok(());
    };
    let is_step = options.follows.is_some() || options.followed_by.is_some();
    if is_step && !can.workflows {
        return Err(lacks(task, "others of a workflow"));
    }
    if options.unique.is_some() && !can.unique {
        return Err(lacks(task, "a unique key"));
    }
    if !options.limits.is_empty() && !can.limits {
        return Err(lacks(task, "a limit"));
    }
    if options.fair.is_some() && !can.fair {
        return Err(lacks(task, "a fair key"));
    }
    if options.idempotency.is_some() && !can.idempotency {
        return Err(lacks(task, "an idempotency key"));
    }
    if options.keep_result.is_some() && !can.results {
        return Err(lacks(task, "a kept result"));
    }
    Ok(())
}

fn too_large(task: &QueuedTask, max: usize) -> QueueError {
    let message = format!(
        "the parameters of `{}` take {} bytes, this broker allows {max}; store them elsewhere and \
         pass a reference",
        task.task,
        task.payload.len(),
    );
    QueueError::new(QueueErrorKind::LimitExceeded, message)
}

fn lacks(task: &QueuedTask, what: &str) -> QueueError {
    let message = format!(
        "`{}` was queued with {what}, which this broker cannot do; leave it out or use another broker",
        task.task
    );
    QueueError::new(QueueErrorKind::NotSupported, message)
}
