//! Virtual time: the paused clock of the runtime, and a wall clock on top of it that can be set.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aqueduct_core::clock::TimeSource;
use aqueduct_core::time::Monotonic;
use aqueduct_core::{Clock, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

/// When every test begins: 5 January 2026, a Monday, at 09:00 UTC.
pub const START: Timestamp = Timestamp::from_millis(1_767_603_600_000);

/// The time of a test kit; clones are the same.
#[derive(Clone, Debug)]
pub(super) struct VirtualTime(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    began: Instant,
    /// What the wall clock showed, how long after the beginning.
    wall: Mutex<(Timestamp, Duration)>,
    moves: watch::Sender<u64>,
}

impl VirtualTime {
    pub(super) fn start() -> Self {
        Self(Arc::new(Inner {
            began: Instant::now(),
            wall: Mutex::new((START, Duration::ZERO)),
            moves: watch::Sender::new(0),
        }))
    }

    pub(super) fn clock(&self) -> Clock {
        Clock::new(self.clone())
    }

    /// Sets the wall clock; monotonic time goes on as before.
    pub(super) fn set(&self, wall: Timestamp) {
        let set = (wall, self.elapsed());
        *self.0.wall.lock().unwrap_or_else(PoisonError::into_inner) = set;
        self.0.moves.send_modify(|moves| *moves += 1);
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.0.began.elapsed()
    }
}

impl TimeSource for VirtualTime {
    fn now(&self) -> Timestamp {
        let wall = self.0.wall.lock().unwrap_or_else(PoisonError::into_inner);
        let (shown, at) = *wall;
        shown.saturating_add(self.elapsed().saturating_sub(at))
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::from_origin(self.elapsed())
    }

    fn moves(&self) -> Option<watch::Receiver<u64>> {
        Some(self.0.moves.subscribe())
    }
}
