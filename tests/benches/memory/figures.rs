//! Medians, ratios and the table.

use std::time::Duration;

/// A line of the table.
pub(crate) struct Row {
    name: &'static str,
    per_second: f64,
    nanos_per_run: f64,
    spread: f64,
    ratio: f64,
}

impl Row {
    /// Makes a line of repeated measurements of `runs` runs, beside the limit.
    pub(crate) fn rate(
        name: &'static str,
        runs: usize,
        times: &[Duration],
        limit: Duration,
    ) -> Self {
        let time = median(times).as_secs_f64();
        let (least, most) = (times.iter().min(), times.iter().max());
        let spread = match (least, most) {
            (Some(least), Some(most)) => (most.as_secs_f64() - least.as_secs_f64()) / time,
            _ => 0.0,
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "a number of runs is far below 2^52"
        )]
        let runs = runs as f64;
        Self {
            name,
            per_second: runs / time,
            nanos_per_run: time / runs * 1e9,
            spread,
            ratio: limit.as_secs_f64() / time,
        }
    }
}

/// Returns the middle one.
pub(crate) fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Prints the table.
pub(crate) fn print_table(rows: &[Row]) {
    println!(
        "{:<54} {:>12} {:>10} {:>8} {:>14}",
        "", "runs/s", "ns/run", "spread", "of bare tokio"
    );
    for Row {
        name,
        per_second,
        nanos_per_run,
        spread,
        ratio,
    } in rows
    {
        println!(
            "{name:<54} {per_second:>12.0} {nanos_per_run:>10.0} {:>7.0}% {ratio:>14.2}",
            spread * 100.0
        );
    }
}
