//! What a consumer may do and how long it waits: collected, validated once, then lowered.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::DEFAULT_CRASH_BUDGET;
use aqueduct_core::QueueName;

use crate::error::ConsumerError;
use crate::introduction::LIBRARY;
use crate::order::QueueOrder;

/// The most runs that a consumer executes at a time.
pub const MAX_CONCURRENCY: usize = 65_536;

/// The most runs that a consumer holds without executing them yet.
pub const MAX_PREFETCH: usize = 65_536;

/// The shortest lease.
pub const MIN_LEASE: Duration = Duration::from_secs(2);

/// The longest lease.
pub const MAX_LEASE: Duration = Duration::from_hours(1);

/// How much a consumer does at a time, and how long it waits for what.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConsumerConfig {
    /// The most IO runs at a time: 1 to [`MAX_CONCURRENCY`]. Default: 256.
    pub concurrency: usize,
    /// Runs claimed ahead, beyond the free places: up to [`MAX_PREFETCH`]. Default: 0.
    pub prefetch: usize,
    /// The queues to claim from. Default: the default queue.
    pub queues: Vec<QueueName>,
    /// A weight from 1 for each queue, to share claims; empty for strict order. Default: empty.
    pub weights: Vec<u32>,
    /// How long runs stay with a consumer that went silent: [`MIN_LEASE`] to [`MAX_LEASE`].
    /// Default: 5 s.
    pub lease: Duration,
    /// How long running tasks may go on after the stop; then they are given back. Default: 25 s.
    pub shutdown_grace: Duration,
    /// How long a task may go on after somebody asked for its end. Default: 5 s.
    pub cancel_grace: Duration,
    /// How often a run may crash its consumer before it fails for good: from 1. Default: 3.
    pub crash_budget: u32,
    /// Which release of the program this is, told to whoever looks into the broker; cut at 128 bytes.
    /// Default: the release of the library.
    pub release: String,
}

/// The lowered form: what the parts of a consumer look at.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) concurrency: usize,
    pub(crate) prefetch: usize,
    pub(crate) queues: Arc<[QueueName]>,
    pub(crate) lease: Duration,
    pub(crate) margin: Duration,
    pub(crate) beat: Duration,
    pub(crate) shutdown_grace: Duration,
    pub(crate) cancel_grace: Duration,
    pub(crate) crash_budget: u32,
    pub(crate) release: String,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            concurrency: 256,
            prefetch: 0,
            queues: vec![QueueName::DEFAULT],
            weights: Vec::new(),
            lease: Duration::from_secs(5),
            shutdown_grace: Duration::from_secs(25),
            cancel_grace: Duration::from_secs(5),
            crash_budget: DEFAULT_CRASH_BUDGET,
            release: LIBRARY.to_owned(),
        }
    }
}

impl ConsumerConfig {
    /// Names what is wrong with the queues and their weights.
    fn check_queues(&self, problems: &mut Vec<String>) {
        let (queues, weights) = (&self.queues, &self.weights);
        if queues.is_empty() {
            problems.push("`queues` must name at least one queue".to_owned());
        }
        if !weights.is_empty() && weights.len() != queues.len() {
            problems.push(format!(
                "`weights` must be empty or one for each of the {} `queues`, not {}",
                queues.len(),
                weights.len()
            ));
        }
        for (at, queue) in queues.iter().enumerate() {
            if weights.get(at) == Some(&0) {
                problems.push(format!(
                    "the weight of the queue `{queue}` must be 1 or more: with 0 nothing would be taken from it"
                ));
            }
            if queues.iter().take(at).any(|it| it == queue) {
                problems.push(format!("the queue `{queue}` must be named once"));
            }
        }
    }

    /// Checks every bound, and names each one that is violated.
    pub(crate) fn lower(self) -> Result<(Limits, QueueOrder), ConsumerError> {
        let mut problems = Vec::new();
        let mut check = |holds: bool, problem: String| {
            if !holds {
                problems.push(problem);
            }
        };
        let Self {
            concurrency,
            prefetch,
            lease,
            ..
        } = self;
        check(
            (1..=MAX_CONCURRENCY).contains(&concurrency),
            format!("`concurrency` must be from 1 to {MAX_CONCURRENCY}, not {concurrency}"),
        );
        check(
            prefetch <= MAX_PREFETCH,
            format!("`prefetch` must be at most {MAX_PREFETCH}, not {prefetch}"),
        );
        check(
            (MIN_LEASE..=MAX_LEASE).contains(&lease),
            format!("`lease` must be from {MIN_LEASE:?} to {MAX_LEASE:?}, not {lease:?}"),
        );
        check(
            self.crash_budget >= 1,
            "`crash_budget` must be 1 or more: with 1 the first crash fails a run".to_owned(),
        );
        self.check_queues(&mut problems);
        if !problems.is_empty() {
            return Err(ConsumerError::config(&problems));
        }
        let queues: Arc<[QueueName]> = self.queues.into();
        let order = QueueOrder::new(Arc::clone(&queues), self.weights);
        let limits = Limits {
            concurrency,
            prefetch,
            queues,
            lease,
            margin: MIN_MARGIN.max(lease / 10),
            beat: MAX_BEAT.min(lease / 3),
            shutdown_grace: self.shutdown_grace,
            cancel_grace: self.cancel_grace,
            crash_budget: self.crash_budget,
            release: self.release,
        };
        Ok((limits, order))
    }
}

/// A lease is trusted for this much less than it lasts, at least.
const MIN_MARGIN: Duration = Duration::from_millis(500);

/// The longest time between two heartbeats, so that dead consumers are found soon.
const MAX_BEAT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(change: impl FnOnce(&mut ConsumerConfig)) -> String {
        let mut config = ConsumerConfig::default();
        change(&mut config);
        config.lower().map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mail = QueueName::from_static("mail");
        let text = problems(|config| {
            config.queues = vec![mail.clone(), QueueName::DEFAULT, mail.clone()];
            config.weights = vec![1, 0, 2];
            config.crash_budget = 0;
        });
        for problem in [
            "the weight of the queue `default` must be 1 or more",
            "the queue `mail` must be named once",
            "`crash_budget` must be 1 or more",
        ] {
            assert!(text.contains(problem), "{text}");
        }
        let text = problems(|config| config.weights = vec![1, 2]);
        assert!(
            text.contains("one for each of the 1 `queues`, not 2"),
            "{text}"
        );
    }
}
