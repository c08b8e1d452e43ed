//! The error of a broker.

use std::error::Error;
use std::fmt;

/// Why a broker could not do what it was asked to.
#[derive(Debug)]
pub struct BrokerError {
    kind: BrokerErrorKind,
    operation: &'static str,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The ways in which a broker can fail; adding a broker never adds one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokerErrorKind {
    /// The store cannot be reached, or did not answer: the outcome is unknown.
    Unavailable,
    /// The answer took too long: the outcome is unknown.
    Timeout,
    /// The store is full or a bound is reached: nothing was done.
    LimitExceeded,
    /// The sequence is older than the replay window: nothing was done now.
    Stale,
    /// What is stored, or was sent, cannot be understood.
    InvalidData,
    /// This broker cannot do that.
    NotSupported,
    /// The configuration is wrong, or access is denied.
    Config,
    /// A defect in the broker or the store.
    Unexpected,
}

impl BrokerError {
    /// Creates an error of `kind` in `operation`.
    #[must_use]
    pub fn new(kind: BrokerErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            operation,
            message: message.into(),
            source: None,
        }
    }

    /// Refuses a batch over the limit of an operation, for the first line of an implementation.
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`BrokerErrorKind::LimitExceeded`] if there are too many items.
    pub fn check_batch(operation: &'static str, items: usize, limit: usize) -> Result<(), Self> {
        if items <= limit {
            return Ok(());
        }
        let message =
            format!("{items} items are over the limit of {limit} a request; send several");
        Err(Self::new(
            BrokerErrorKind::LimitExceeded,
            operation,
            message,
        ))
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns what went wrong.
    #[must_use]
    pub fn kind(&self) -> BrokerErrorKind {
        self.kind
    }

    /// Returns what the broker was asked to do.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// Returns whether the same request, repeated, may succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            BrokerErrorKind::Unavailable
                | BrokerErrorKind::Timeout
                | BrokerErrorKind::LimitExceeded
        )
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broker cannot {}: {}", self.operation, self.message)
    }
}

impl Error for BrokerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
