//! Why an attempt failed: a closed kind and a bounded message.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest message that is kept with a failure, in bytes.
pub const MAX_FAILURE_MESSAGE_BYTES: usize = 4096;

/// Why an attempt failed, in a form that a broker can keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    kind: FailureKind,
    message: String,
}

/// The kinds of failure that a policy can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The task returned an error.
    Error,
    /// The task returned an error that no retry can help.
    Fatal,
    /// The task panicked.
    Panic,
    /// The task ran longer than its time limit.
    Timeout,
    /// The process that ran the task died.
    Crash,
    /// The parameters do not fit the task.
    InvalidParams,
    /// No consumer knows a task of that name.
    UnknownTask,
    /// The return value could not be encoded or is too large.
    InvalidResult,
}

impl Failure {
    /// Creates a failure; a long message is cut at [`MAX_FAILURE_MESSAGE_BYTES`].
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MAX_FAILURE_MESSAGE_BYTES {
            message.truncate(message.floor_char_boundary(MAX_FAILURE_MESSAGE_BYTES));
        }
        Self { kind, message }
    }

    /// Returns the failure with its message cut at so many bytes, between characters.
    #[must_use]
    pub fn cut(&self, bytes: usize) -> Self {
        let end = self.message.floor_char_boundary(bytes);
        Self {
            kind: self.kind,
            message: self.message.get(..end).unwrap_or_default().to_owned(),
        }
    }

    /// Returns the kind of the failure.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Returns what happened, in words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl FailureKind {
    /// Every kind that exists today.
    pub const ALL: [Self; 8] = [
        Self::Error,
        Self::Fatal,
        Self::Panic,
        Self::Timeout,
        Self::Crash,
        Self::InvalidParams,
        Self::UnknownTask,
        Self::InvalidResult,
    ];

    /// Returns the number that stands for the kind on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Error => 0,
            Self::Fatal => 1,
            Self::Panic => 2,
            Self::Timeout => 3,
            Self::Crash => 4,
            Self::InvalidParams => 5,
            Self::UnknownTask => 6,
            Self::InvalidResult => 7,
        }
    }

    /// Returns the kind that a wire number stands for.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Fatal => "fatal error",
            Self::Panic => "panic",
            Self::Timeout => "time-out",
            Self::Crash => "crash",
            Self::InvalidParams => "invalid parameters",
            Self::UnknownTask => "unknown task",
            Self::InvalidResult => "invalid result",
        })
    }
}
