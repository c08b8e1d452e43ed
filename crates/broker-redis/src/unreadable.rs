//! Entries that cannot be read as runs: scripts set them aside, and each beat tells how many there are.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing::warn;

/// The list that they are in.
pub(crate) const UNREADABLE: &str = "unreadable";

/// How many this process has told of.
#[derive(Debug, Default)]
pub(crate) struct SetAside(AtomicU64);

impl SetAside {
    /// Writes to the log that there are more than before: one line a beat at most, however many they are.
    pub(crate) fn learn(&self, all: u64, list: &str) {
        let before = self.0.swap(all, Ordering::Relaxed);
        if all > before {
            warn!(
                all,
                new = all - before,
                list,
                "entries that cannot be read as runs are set aside; look at them in Redis, and delete them there"
            );
        }
    }
}
