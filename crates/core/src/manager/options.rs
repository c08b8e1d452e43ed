//! What the options of a call mean together: refused if they contradict each other. Pure.

use std::time::Duration;

use super::error::{QueueError, QueueErrorKind};
use crate::queue::{Due, QueuedTask};
use crate::run::MAX_WAIT;
use crate::time::Timestamp;

/// Checks the options of a task that is queued at `now`, and counts its total limit from when it is due.
pub(super) fn settle_options(task: &mut QueuedTask, now: Timestamp) -> Result<(), QueueError> {
    let delay = match task.due {
        Due::Now => Duration::ZERO,
        Due::After(wait) => wait,
        Due::At(time) => time.saturating_since(now),
    };
    let expires_in = task.expires_in;
    if let Some(expires_in) = expires_in.filter(|it| *it <= delay && !delay.is_zero()) {
        let problem = format!(
            "it would expire after {expires_in:?}, before it is due after {delay:?}: `expires_in` counts \
             from now"
        );
        return Err(contradiction(task, &problem));
    }
    let Some(total) = task.options.as_ref().and_then(|it| it.total_timeout) else {
        return Ok(());
    };
    let total = delay.saturating_add(total).min(MAX_WAIT.saturating_mul(2));
    if let Some(expires_in) = expires_in.filter(|it| *it >= total) {
        let problem = format!(
            "its total time limit is over before it expires after {expires_in:?}: leave `expires_in` out"
        );
        return Err(contradiction(task, &problem));
    }
    task.options_mut().total_timeout = Some(total);
    Ok(())
}

fn contradiction(task: &QueuedTask, problem: &str) -> QueueError {
    let message = format!(
        "the options of `{}` contradict each other: {problem}",
        task.task
    );
    QueueError::new(QueueErrorKind::Contradiction, message)
}
