//! Waiting until a full queue has room.

use std::time::Duration;

use super::TaskManager;
use super::error::{QueueError, QueueErrorKind};
use crate::queue::{Enqueued, QueuedTask};

/// Pauses before a full queue is tried again; each is as long as the one before and half of it again, at random.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl TaskManager {
    /// Returns a manager that waits for room in a full queue, so long at most for each call; then it says
    /// [`QueueFull`](QueueErrorKind::QueueFull), as one without patience does at once.
    ///
    /// It tries again after growing pauses, up to a second: a queue that is full for long costs little. Give a queue
    /// room for what its consumers do in a second, else they idle in these pauses. It waits in the same way for a broker that
    /// has no room left. Several that wait take no turns.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # use aqueduct_core::TaskManager;
    /// # fn patient(manager: &TaskManager) -> TaskManager {
    /// manager.waiting_for_room(Duration::from_secs(30)) // import::queue(&this, row).await?
    /// # }
    /// ```
    #[must_use]
    pub fn waiting_for_room(&self, at_most: Duration) -> Self {
        Self {
            patience: Some(at_most),
            ..self.clone()
        }
    }

    /// Sends tasks, those that were refused again and again, until there was room for all or the time is over.
    pub(super) async fn send_until_room(
        &self,
        tasks: Vec<QueuedTask>,
        patience: Duration,
    ) -> Result<Vec<Enqueued>, QueueError> {
        let until = self.clock().monotonic().saturating_add(patience);
        let mut answers = vec![Enqueued::QueueFull { limit: None }; tasks.len()];
        let mut pause = FIRST_PAUSE;
        loop {
            let open = tasks.iter().zip(&answers);
            let open = open.filter(|(_, answer)| is_refused(answer));
            let open: Vec<QueuedTask> = open.map(|(task, _)| task.clone()).collect();
            let left = until.saturating_since(self.clock().monotonic());
            match self.send_once(open).await {
                Ok(new) => {
                    let refused = answers.iter_mut().filter(|answer| is_refused(answer));
                    for (answer, new) in refused.zip(new) {
                        *answer = new;
                    }
                    let is_full = answers.iter().any(is_refused);
                    if !is_full || left.is_zero() {
                        return Ok(answers);
                    }
                }
                Err(error) if error.kind() != QueueErrorKind::QueueFull || left.is_zero() => {
                    return Err(error);
                }
                Err(_no_room) => {}
            }
            let pause_now = pause.mul_f64(0.5 + fastrand::f64() / 2.0);
            self.shared.port.pause(pause_now.min(left)).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn is_refused(answer: &Enqueued) -> bool {
    matches!(answer, Enqueued::QueueFull { .. })
}
