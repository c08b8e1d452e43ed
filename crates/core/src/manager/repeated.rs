//! A call that a schedule queues at each of its ticks.

use super::call::TaskCall;
use super::error::{QueueError, QueueErrorKind};
use super::keyed::check_keys;
use super::options::settle_options;
use crate::id::RunId;
use crate::queue::{Due, QueuedTask};
use crate::run::Lineage;
use crate::time::Timestamp;

impl<Out> TaskCall<Out> {
    /// Returns what each tick of a schedule queues; its id is nobody's.
    ///
    /// # Errors
    ///
    /// Returns the error that the call was built with, or one that names the option which makes no sense at a tick.
    pub fn into_repeated(self) -> Result<QueuedTask, QueueError> {
        let id = RunId::generate(Timestamp::default());
        let mut task = self.into_queued(id, Lineage::root_of(id))?;
        let has_its_own = |option: &str| {
            let message = format!(
                "a schedule queues `{}` at its ticks: leave {option} out",
                task.task
            );
            QueueError::new(QueueErrorKind::Contradiction, message)
        };
        if task.due != Due::Now {
            return Err(has_its_own("`delay`, `at` and `debounce`"));
        }
        let options = task.options.as_ref();
        if options.is_some_and(|options| options.idempotency.is_some()) {
            return Err(has_its_own("`idempotency_key`, which lets one tick in"));
        }
        check_keys(&task)?;
        settle_options(&mut task, Timestamp::default())?;
        Ok(task)
    }
}
