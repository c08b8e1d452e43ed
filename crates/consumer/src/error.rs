//! The error of a consumer.

use std::error::Error;
use std::fmt;

use aqueduct_broker_api::BrokerError;
use aqueduct_core::registry::MissingStates;

/// Why a consumer cannot be built, or had to stop.
#[derive(Debug)]
pub struct ConsumerError {
    kind: ConsumerErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The ways in which a consumer can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsumerErrorKind {
    /// A bound of the configuration is violated.
    Config,
    /// Tasks ask for application state that was not given.
    MissingState,
    /// The pool of CPU workers cannot be built.
    Cpu,
    /// The broker refuses this consumer for good.
    Broker,
    /// The thread that claims and beats could not start, or died: the consumer lost its runs.
    Engine,
}

impl ConsumerError {
    fn new(kind: ConsumerErrorKind, message: String) -> Self {
        Self {
            kind,
            message,
            source: None,
        }
    }

    pub(crate) fn config(problems: &[String]) -> Self {
        let message = format!("the consumer cannot be built: {}", problems.join("; "));
        Self::new(ConsumerErrorKind::Config, message)
    }

    pub(crate) fn missing_state(missing: &MissingStates) -> Self {
        Self::new(ConsumerErrorKind::MissingState, missing.to_string())
    }

    pub(crate) fn cpu(problem: &str) -> Self {
        Self::new(ConsumerErrorKind::Cpu, problem.to_owned())
    }

    /// Adds what else is wrong; the kind stays.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.message = format!("{}; {}", self.message, other.message);
        self
    }

    pub(crate) fn broker(source: BrokerError) -> Self {
        let message = "the broker refuses this consumer".to_owned();
        Self {
            source: Some(Box::new(source)),
            ..Self::new(ConsumerErrorKind::Broker, message)
        }
    }

    pub(crate) fn engine(problem: &str) -> Self {
        Self::new(
            ConsumerErrorKind::Engine,
            format!("the engine of the consumer stopped: {problem}"),
        )
    }

    /// Returns what went wrong.
    #[must_use]
    pub fn kind(&self) -> ConsumerErrorKind {
        self.kind
    }
}

impl fmt::Display for ConsumerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ConsumerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
