//! The error of a scheduler.

use std::error::Error;
use std::fmt;

use aqueduct_broker_api::BrokerError;

/// Why a scheduler cannot be built, or could not do what it was asked to.
#[derive(Debug)]
pub struct SchedulerError {
    kind: SchedulerErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The ways in which a scheduler can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchedulerErrorKind {
    /// Schedules or their parameters are not in order.
    Config,
    /// The broker cannot store schedules, or refuses this scheduler for good.
    Broker,
    /// There is no such schedule.
    NotFound,
}

impl SchedulerError {
    pub(crate) fn config(problems: &[String]) -> Self {
        let message = format!("the scheduler cannot be built: {}", problems.join("; "));
        Self {
            kind: SchedulerErrorKind::Config,
            message,
            source: None,
        }
    }

    pub(crate) fn broker(doing: &str, source: BrokerError) -> Self {
        let message = format!("cannot {doing}");
        Self {
            kind: SchedulerErrorKind::Broker,
            message,
            source: Some(Box::new(source)),
        }
    }

    pub(crate) fn queue(source: Box<dyn Error + Send + Sync>) -> Self {
        Self {
            kind: SchedulerErrorKind::Broker,
            message: "cannot queue the run".to_owned(),
            source: Some(source),
        }
    }

    pub(crate) fn not_found(name: &str) -> Self {
        let message = format!("there is no schedule `{name}`");
        Self {
            kind: SchedulerErrorKind::NotFound,
            message,
            source: None,
        }
    }

    /// Returns what went wrong.
    #[must_use]
    pub fn kind(&self) -> SchedulerErrorKind {
        self.kind
    }
}

impl fmt::Display for SchedulerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for SchedulerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
