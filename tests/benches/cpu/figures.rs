//! Times, and what is read off them.

use std::time::{Duration, Instant};

/// Measured times, sorted.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    pub(crate) fn median(&self) -> Duration {
        self.at(50)
    }

    pub(crate) fn p99(&self) -> Duration {
        self.at(99)
    }

    fn at(&self, percent: usize) -> Duration {
        let at = self.0.len() * percent / 100;
        self.0.get(at).copied().unwrap_or_default()
    }
}

/// Returns the time now.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Returns how many of something there are in a second, if so many take `time`.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
