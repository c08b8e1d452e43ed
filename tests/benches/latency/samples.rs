//! Times of several repetitions, and what is read off them.

use std::time::Duration;

/// The times of each repetition, sorted.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<Vec<Duration>>);

impl Samples {
    /// Adds the times of a repetition.
    pub(crate) fn add(&mut self, mut times: Vec<Duration>) {
        times.sort_unstable();
        self.0.push(times);
    }

    /// Returns of each repetition the time that so many of a hundred are at most, in seconds times `scale`.
    pub(crate) fn percentiles(&self, percent: usize, scale: f64) -> Vec<f64> {
        let at = |times: &Vec<Duration>| {
            let last = times.len().saturating_sub(1);
            let time = times.get(last * percent / 100).copied();
            time.unwrap_or_default().as_secs_f64() * scale
        };
        self.0.iter().map(at).collect()
    }
}

/// Long enough for every thread to fall asleep.
pub(crate) const REST: Duration = Duration::from_millis(2);
