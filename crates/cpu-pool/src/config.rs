//! What a pool may do and how long it waits: collected, then checked once.

use std::time::Duration;

use crate::budget::MemoryBudget;
use crate::ladder::Graces;
use crate::program::Program;
use crate::recycle::Lifetime;

/// The most workers of one pool.
pub const MAX_WORKERS: usize = 4096;

/// The most bytes that parameters or a result may have, whatever the configuration says.
pub const MAX_BLOB_BYTES: usize = 1024 * 1024 * 1024;

/// What a pool may do, and how long it waits for what.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PoolConfig {
    /// The most workers at a time: 1 to [`MAX_WORKERS`]. Default: one a core that this process may use.
    pub workers: usize,
    /// Workers that are started at once and stay when idle. Default: 1.
    pub min_workers: usize,
    /// What a worker executes. Default: this program.
    pub program: Program,
    /// How long a worker may take to be ready. Default: 10 s.
    pub ready_timeout: Duration,
    /// How long a worker stays idle, above `min_workers`. Default: 60 s.
    pub idle_timeout: Duration,
    /// Added to the priority of workers, unless their profile says otherwise: 1 to 19 are more polite, so that
    /// the parent is not kept waiting when every core computes. Default: 10.
    pub nice: i32,
    /// How much a worker does before another takes its place. Default: no limit.
    pub max_runs: Option<u64>,
    /// How old a worker gets. Default: no limit.
    pub max_age: Option<Duration>,
    /// The most memory that a worker may have between two pieces of work. Default: no limit.
    pub max_memory: Option<u64>,
    /// How much memory all workers may use together. Default: what the container leaves.
    pub memory_budget: MemoryBudget,
    /// Whether a panic ends the worker, whose state is unknown then. Default: yes.
    pub recycle_on_panic: bool,
    /// From the request to stop to SIGTERM. Default: 5 s.
    pub cancel_grace: Duration,
    /// From SIGTERM to SIGKILL. Default: 2 s.
    pub term_grace: Duration,
    /// How often a busy worker gives a sign of life. Default: 5 s.
    pub heartbeat: Duration,
    /// How long it may give none. Default: 30 s.
    pub hang_timeout: Duration,
    /// The most bytes of parameters and of a result. Default: 64 MiB.
    pub max_payload: usize,
    /// The buffer of each pipe, as far as the system allows. Default: 1 MiB.
    pub pipe_buffer: usize,
    /// So many failed starts within [`PoolConfig::restart_window`] open the breaker. Default: 5.
    pub restart_limit: usize,
    /// See above. Default: 60 s.
    pub restart_window: Duration,
    /// The most lines a second that a worker prints or logs; the rest is counted. Default: 1000.
    pub log_rate: u32,
    /// Whether panics have a backtrace although `RUST_BACKTRACE` does not ask for it. Default: no.
    pub panic_backtrace: bool,
}

/// The error of a configuration out of bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the CPU pool cannot be built: {}", .problems.join("; "))]
pub struct InvalidConfig {
    problems: Vec<String>,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            min_workers: 1,
            program: Program::own(),
            ready_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            nice: 10,
            max_runs: None,
            max_age: None,
            max_memory: None,
            memory_budget: MemoryBudget::default(),
            recycle_on_panic: true,
            cancel_grace: Duration::from_secs(5),
            term_grace: Duration::from_secs(2),
            heartbeat: Duration::from_secs(5),
            hang_timeout: Duration::from_secs(30),
            max_payload: 64 * 1024 * 1024,
            pipe_buffer: 1024 * 1024,
            restart_limit: 5,
            restart_window: Duration::from_mins(1),
            log_rate: 1000,
            panic_backtrace: false,
        }
    }
}

impl PoolConfig {
    /// Checks every bound.
    ///
    /// # Errors
    ///
    /// Returns an error that names each bound that is violated.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        let mut problems = Vec::new();
        let mut check = |holds: bool, problem: String| {
            if !holds {
                problems.push(problem);
            }
        };
        check(
            (1..=MAX_WORKERS).contains(&self.workers),
            format!(
                "`workers` must be from 1 to {MAX_WORKERS}, not {}",
                self.workers
            ),
        );
        check(
            self.min_workers <= self.workers,
            format!(
                "`min_workers` must be at most `workers`, {}, not {}",
                self.workers, self.min_workers
            ),
        );
        check(
            (1..=MAX_BLOB_BYTES).contains(&self.max_payload),
            format!(
                "`max_payload` must be from 1 to {MAX_BLOB_BYTES}, not {}",
                self.max_payload
            ),
        );
        check(
            !self.heartbeat.is_zero(),
            "`heartbeat` must be longer than 0".to_owned(),
        );
        check(
            self.heartbeat.saturating_mul(2) <= self.hang_timeout,
            format!(
                "`hang_timeout` must be at least twice `heartbeat`, which is {:?}, not {:?}",
                self.heartbeat, self.hang_timeout
            ),
        );
        check(
            self.restart_limit >= 1,
            "`restart_limit` must be 1 or more, not 0".to_owned(),
        );
        check(
            self.log_rate >= 1,
            "`log_rate` must be 1 or more, not 0".to_owned(),
        );
        check(
            (0..=19).contains(&self.nice),
            format!("`nice` must be from 0 to 19, not {}", self.nice),
        );
        check(
            self.max_runs != Some(0),
            "`max_runs` must be 1 or more, or none for no bound".to_owned(),
        );
        if problems.is_empty() {
            Ok(())
        } else {
            Err(InvalidConfig { problems })
        }
    }

    pub(crate) fn graces(&self) -> Graces {
        Graces {
            cancel: self.cancel_grace,
            term: self.term_grace,
        }
    }

    pub(crate) fn lifetime(&self) -> Lifetime {
        Lifetime {
            runs: self.max_runs,
            age: self.max_age,
            memory: self.max_memory,
            ends_on_panic: self.recycle_on_panic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let config = PoolConfig {
            workers: 2,
            min_workers: 3,
            heartbeat: Duration::MAX,
            restart_limit: 0,
            max_runs: Some(0),
            ..PoolConfig::default()
        };
        let text = config.check().map_err(|error| error.to_string());
        let text = text.expect_err("all of it is wrong");
        for problem in [
            "`min_workers` must be at most `workers`, 2, not 3",
            "`hang_timeout` must be at least twice `heartbeat`",
            "`restart_limit` must be 1 or more",
            "`max_runs` must be 1 or more",
        ] {
            assert!(text.contains(problem), "{text}");
        }
        assert_eq!(PoolConfig::default().check(), Ok(()));
    }
}
