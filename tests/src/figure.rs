//! Figures of a scenario, for whoever runs it: printed, never asserted.

use std::time::{Duration, Instant};

/// Says a figure, which `cargo xtask chaos` shows beside the scenario.
#[expect(
    clippy::print_stderr,
    reason = "figures are for whoever runs the scenario"
)]
pub fn figure(text: &str) {
    eprintln!("figure {text}");
}

/// Measures from now on.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins to measure.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "figures are of real time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns how long it has been.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Returns how many milliseconds it has been.
    #[must_use]
    pub fn millis(&self) -> f64 {
        self.elapsed().as_secs_f64() * 1000.0
    }
}

/// Returns the value that so many of a hundred are at most, or zero if there is none.
#[must_use]
pub fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values
        .get(last * percent.min(100) / 100)
        .copied()
        .unwrap_or(0.0)
}
