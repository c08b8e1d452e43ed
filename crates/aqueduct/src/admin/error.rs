//! The error of steering a broker.

use std::error::Error;
use std::fmt;

use aqueduct_broker_api::{BrokerError, BrokerErrorKind};

/// Why a broker was not steered, or not looked into.
#[derive(Debug)]
pub struct AdminError {
    kind: AdminErrorKind,
    message: String,
    source: Option<BrokerError>,
}

/// The ways in which steering can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdminErrorKind {
    /// The broker has no administrative seam.
    NotSupported,
    /// No run that passes the filter can be changed in that way.
    Contradiction,
    /// The broker did not answer: it is done or not. Repeat it; nothing is done twice.
    Unavailable,
    /// The broker answered with an error that a repetition would not help.
    Refused,
}

impl AdminError {
    pub(super) fn contradiction(message: String) -> Self {
        Self {
            kind: AdminErrorKind::Contradiction,
            message,
            source: None,
        }
    }

    /// Returns what went wrong.
    #[must_use]
    pub fn kind(&self) -> AdminErrorKind {
        self.kind
    }

    /// Returns whether the same call, repeated, may succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.kind == AdminErrorKind::Unavailable
    }
}

impl From<BrokerError> for AdminError {
    fn from(error: BrokerError) -> Self {
        let kind = match error.kind() {
            BrokerErrorKind::NotSupported => AdminErrorKind::NotSupported,
            _ if error.is_retryable() => AdminErrorKind::Unavailable,
            _ => AdminErrorKind::Refused,
        };
        let message = match kind {
            AdminErrorKind::NotSupported => {
                "this broker cannot be steered; open it with `Broker::new`, which takes all seams"
            }
            AdminErrorKind::Unavailable => "the broker did not answer; repeat the call",
            _ => "the broker refused",
        };
        Self {
            kind,
            message: message.to_owned(),
            source: Some(error),
        }
    }
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for AdminError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
