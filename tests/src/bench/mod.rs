//! What the benchmarks share: figures beside limits of the same run, and the server that is measured.

mod keyed;
mod report;
mod server;

pub use keyed::Kind;
pub use report::{Figure, Report};
pub use server::{Measured, Usage};

use std::time::{Duration, Instant};

/// Tells a benchmark to be done in a moment: fewer runs, one repetition.
pub const QUICK: &str = "AQUEDUCT_BENCH_QUICK";

/// Tells a benchmark where to write its figures.
pub const OUT: &str = "AQUEDUCT_BENCH_OUT";

/// Returns whether the figures are only to show that everything works.
#[must_use]
pub fn is_quick() -> bool {
    std::env::var_os(QUICK).is_some()
}

/// Returns so much, or a tenth of it in a hurry.
#[must_use]
pub fn size(full: usize) -> usize {
    if is_quick() { full.div_ceil(10) } else { full }
}

/// Returns how often something is measured; figures are medians.
#[must_use]
pub fn repetitions(full: usize) -> usize {
    if is_quick() { 1 } else { full }
}

/// Returns the time now.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Returns a number of things as a figure.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub fn figure(count: usize) -> f64 {
    count as f64
}

/// Returns how many of something there are in a second, if so many take `time`.
#[must_use]
pub fn per_second(count: usize, time: Duration) -> f64 {
    figure(count) / time.as_secs_f64()
}

/// What the command line asks for: the measurements that it names, or all.
#[derive(Debug)]
pub struct Wanted(Vec<String>);

impl Wanted {
    /// Reads the command line; Cargo's own words begin with a dash.
    #[must_use]
    pub fn from_args() -> Self {
        let words = std::env::args().skip(1);
        Self(words.filter(|word| !word.starts_with('-')).collect())
    }

    /// Returns whether a measurement is wanted.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|it| it == name)
    }
}
