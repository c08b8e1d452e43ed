//! Settlements on their way to the pump: pushed by whoever ends a run, taken in batches.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aqueduct_core::run::Settlement;
use tokio::sync::Notify;

use crate::in_flight::Owed;

/// A run that has ended, and what to record of it.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) owed: Arc<Owed>,
    pub(crate) settlement: Settlement,
    /// How long nothing is to start that shares the limits of the run.
    pub(crate) hold_back: Duration,
    /// How long the attempt ran.
    pub(crate) took: Duration,
}

/// Ended runs that the pump has not taken yet; as many as there are runs at most.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    ended: Mutex<Vec<Ended>>,
    filled: Notify,
}

impl Outbox {
    /// Adds a run, and wakes the pump if the box was empty.
    pub(crate) fn push(&self, ended: Ended) {
        let mut all = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(ended);
        let was_empty = all.len() == 1;
        drop(all);
        if was_empty {
            self.filled.notify_one();
        }
    }

    /// Takes up to `max` runs, the first that ended first.
    pub(crate) fn take(&self, max: usize) -> Vec<Ended> {
        let mut all = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.len().min(max);
        let rest = all.split_off(count);
        std::mem::replace(&mut *all, rest)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    /// Wakes the pump although nothing was added.
    pub(crate) fn wake(&self) {
        self.filled.notify_one();
    }

    /// Waits until something was added, or the pump was woken.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }
}
