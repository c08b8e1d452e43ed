//! What the benchmarks share: figures beside limits of the same run, and the server that is measured.

mod keyed;
mod report;
mod server;

pub use keyed::Kind;
pub use report::{Figure, Report};
pub use server::{Measured, Usage};

use std::cell::RefCell;
use std::time::{Duration, Instant};

/// Tells a benchmark to be done in a moment: fewer runs, one repetition.
pub const QUICK: &str = "AQUEDUCT_BENCH_QUICK";

/// Tells a benchmark where to write its figures.
pub const OUT: &str = "AQUEDUCT_BENCH_OUT";

/// Measures on two threads what the command line asks for, and shows the figures.
///
/// # Errors
///
/// Returns what went wrong with the runtime, the measurement or the file of figures.
pub fn run(
    measure: impl AsyncFnOnce(&Wanted, &mut Report) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut report = Report::default();
    let wanted = Wanted::from_args();
    runtime.block_on(measure(&wanted, &mut report))?;
    wanted.had_all()?;
    report.finish()
}

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
pub struct Wanted {
    names: Vec<String>,
    /// What the program has asked for, and so has.
    known: RefCell<Vec<String>>,
}

impl Wanted {
    /// Reads the command line; Cargo's own words begin with a dash.
    #[must_use]
    pub fn from_args() -> Self {
        let words = std::env::args().skip(1);
        Self::named(words.filter(|word| !word.starts_with('-')))
    }

    fn named(names: impl Iterator<Item = String>) -> Self {
        Self {
            names: names.collect(),
            known: RefCell::default(),
        }
    }

    /// Returns whether a measurement is wanted.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.known.borrow_mut().push(name.to_owned());
        self.names.is_empty() || self.names.iter().any(|it| it == name)
    }

    /// Looks whether there was everything that is wanted, once the program has asked for all that it has.
    ///
    /// # Errors
    ///
    /// Returns an error that names what there is, if something else is wanted.
    pub fn had_all(&self) -> anyhow::Result<()> {
        let known = self.known.borrow();
        for name in &self.names {
            let all = known.join(", ");
            anyhow::ensure!(
                known.contains(name),
                "no measurement is called {name}: {all}"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Wanted;

    #[test]
    fn what_nobody_has_is_named_with_what_there_is() {
        let wanted = |names: &[&str]| {
            let wanted = Wanted::named(names.iter().map(|&name| name.to_owned()));
            let has = ["drain", "idle"].map(|name| wanted.has(name));
            (has, wanted.had_all().map_err(|error| error.to_string()))
        };
        assert_eq!(wanted(&[]), ([true, true], Ok(())));
        assert_eq!(wanted(&["idle"]), ([false, true], Ok(())));
        let problem = "no measurement is called idel: drain, idle".to_owned();
        assert_eq!(wanted(&["drain", "idel"]), ([true, false], Err(problem)));
    }
}
