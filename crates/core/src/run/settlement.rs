//! What to record about a run whose attempt has ended.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::payload::Payload;
use crate::run::failure::Failure;
use crate::run::state::Transition;

/// The longest reason that is kept, in bytes.
pub const MAX_REASON_BYTES: usize = 1024;

/// What a broker records about a run whose attempt has ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Settlement {
    /// The run ended well; the value is kept if the run asks for it.
    Succeed {
        /// The encoded return value, if the run keeps results.
        result: Option<Payload>,
    },
    /// The attempt failed; one failure is counted and the run is due again after `wait`.
    Retry {
        /// How long to wait, from the broker's now.
        wait: Duration,
        /// Why the attempt failed.
        failure: Failure,
    },
    /// The run failed for good and is kept.
    Fail {
        /// Why the last attempt failed.
        failure: Failure,
    },
    /// The run ends by request.
    Cancel {
        /// Who asked, or why.
        reason: Reason,
    },
    /// The run is due again after `wait`; nothing is counted.
    Snooze {
        /// How long to wait, from the broker's now.
        wait: Duration,
    },
    /// The run is due again after `wait`; one park is counted, no failure.
    Park {
        /// How long to wait, from the broker's now.
        wait: Duration,
        /// Why it cannot run here.
        failure: Failure,
    },
    /// The run goes back to the head of its queue at once; nothing is counted.
    Release,
}

/// Why a run was cancelled: a short text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason(String);

impl Settlement {
    /// Returns the transition that the settlement asks for.
    #[must_use]
    pub const fn transition(&self) -> Transition {
        match self {
            Self::Succeed { .. } => Transition::Succeed,
            Self::Retry { .. } => Transition::Retry,
            Self::Fail { .. } => Transition::Fail,
            Self::Cancel { .. } => Transition::Cancel,
            Self::Snooze { .. } => Transition::Snooze,
            Self::Park { .. } => Transition::Park,
            Self::Release => Transition::Release,
        }
    }

    /// Returns whether the run ends with it.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Succeed { .. } | Self::Fail { .. } | Self::Cancel { .. }
        )
    }
}

impl Reason {
    /// Creates a reason; a long text is cut at [`MAX_REASON_BYTES`].
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > MAX_REASON_BYTES {
            text.truncate(text.floor_char_boundary(MAX_REASON_BYTES));
        }
        Self(text)
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
