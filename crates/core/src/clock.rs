//! The clock, injected everywhere; the only file that reads the system's.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{Instant, SystemTime};

use tokio::sync::watch;

use crate::time::{Monotonic, Timestamp};

/// A source of time.
pub trait TimeSource: fmt::Debug + Send + Sync + 'static {
    /// Returns the wall time.
    fn now(&self) -> Timestamp;

    /// Returns the monotonic time.
    fn monotonic(&self) -> Monotonic;

    /// Returns a channel that changes when the time was moved by hand; `None` if it never is.
    fn moves(&self) -> Option<watch::Receiver<u64>>;
}

/// A clock; cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Arc<dyn TimeSource>);

/// Waits for moves of a clock by hand; take it before looking at the time, so that none is lost.
#[derive(Debug)]
pub struct ClockMoves(Option<watch::Receiver<u64>>);

/// The clock of the system.
#[derive(Debug)]
struct SystemTimeSource {
    origin: Instant,
}

impl Clock {
    /// Returns the clock of the system.
    #[must_use]
    pub fn system() -> Self {
        static SYSTEM: LazyLock<Clock> = LazyLock::new(|| {
            Clock::new(SystemTimeSource {
                origin: monotonic_now(),
            })
        });
        SYSTEM.clone()
    }

    /// Creates a clock from another source of time.
    pub fn new(source: impl TimeSource) -> Self {
        Self(Arc::new(source))
    }

    /// Returns the wall time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Returns the monotonic time.
    #[must_use]
    pub fn monotonic(&self) -> Monotonic {
        self.0.monotonic()
    }

    /// Starts to watch for moves by hand.
    #[must_use]
    pub fn moves(&self) -> ClockMoves {
        ClockMoves(self.0.moves())
    }
}

impl ClockMoves {
    /// Waits until the clock was moved by hand since the last call; for ever on a real clock.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no move.
    pub async fn moved(&mut self) {
        if let Some(moves) = &mut self.0
            && moves.changed().await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

impl TimeSource for SystemTimeSource {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        let elapsed = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::MIN.saturating_add(elapsed)
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::from_origin(monotonic_now().saturating_duration_since(self.origin))
    }

    fn moves(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn monotonic_now() -> Instant {
    Instant::now()
}

/// A clock that tests move by hand; clones are the same clock.
#[cfg(any(test, feature = "test-util"))]
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Manual>);

#[cfg(any(test, feature = "test-util"))]
#[derive(Debug)]
struct Manual {
    times: std::sync::Mutex<(Timestamp, Monotonic)>,
    moves: watch::Sender<u64>,
}

#[cfg(any(test, feature = "test-util"))]
impl ManualClock {
    /// Creates a clock that stands at `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        let times = std::sync::Mutex::new((start, Monotonic::default()));
        Self(Arc::new(Manual {
            times,
            moves: watch::Sender::new(0),
        }))
    }

    /// Moves wall and monotonic time forward.
    pub fn advance(&self, by: std::time::Duration) {
        self.change(|(wall, monotonic)| (wall.saturating_add(by), monotonic.saturating_add(by)));
    }

    /// Sets the wall time, as an operator or a time server would; monotonic time stays.
    pub fn set_wall(&self, wall: Timestamp) {
        self.change(|(_, monotonic)| (wall, monotonic));
    }

    /// Returns the clock to inject.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::new(self.clone())
    }

    /// Returns how many waiters watch for moves, so that a test can await that somebody waits.
    #[must_use]
    pub fn watchers(&self) -> usize {
        self.0.moves.receiver_count()
    }

    fn read(&self) -> (Timestamp, Monotonic) {
        *self
            .0
            .times
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn change(&self, step: impl FnOnce((Timestamp, Monotonic)) -> (Timestamp, Monotonic)) {
        let mut times = self
            .0
            .times
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *times = step(*times);
        drop(times);
        self.0.moves.send_modify(|moves| *moves += 1);
    }
}

#[cfg(any(test, feature = "test-util"))]
impl TimeSource for ManualClock {
    fn now(&self) -> Timestamp {
        self.read().0
    }

    fn monotonic(&self) -> Monotonic {
        self.read().1
    }

    fn moves(&self) -> Option<watch::Receiver<u64>> {
        Some(self.0.moves.subscribe())
    }
}
