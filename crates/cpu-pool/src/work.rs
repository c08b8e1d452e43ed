//! What a pool gives to a worker, and what comes back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::death::Death;

/// A piece of work: a name, parameters, and what only the body understands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Work {
    /// What is to be done, among the names that the body knows.
    pub name: String,
    /// The parameters; the pool does not look into them.
    pub params: Arc<Vec<u8>>,
    /// Whatever else the body needs; at most 60 KiB.
    pub detail: Vec<u8>,
    /// How long it may take, for the body to know; the pool enforces nothing by it.
    pub remaining: Duration,
    /// How much CPU time it may use; the system enforces it, in whole seconds.
    pub cpu_time: Option<Duration>,
}

/// How a piece of work ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Ended {
    /// The body returned this.
    Done {
        /// The result; the pool does not look into it.
        result: Vec<u8>,
        /// What it took.
        usage: Usage,
    },
    /// The body failed, and says so.
    Failed(Failed),
    /// The body panicked.
    Panicked(Panicked),
    /// The worker died with it.
    Died(Death),
    /// It was stopped, by force or by itself after it was asked to.
    Stopped {
        /// Whether the worker had to be killed.
        by_force: bool,
    },
    /// It was never begun, because no worker could be started.
    NotStarted(StartError),
}

/// The failure of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failed {
    /// In words.
    pub message: String,
    /// Whatever the other side of the body needs to know of it; at most the payload limit.
    pub detail: Vec<u8>,
}

/// A panic of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Panicked {
    /// What it panicked with.
    pub message: String,
    /// File, line and column.
    pub location: String,
    /// The thread.
    pub thread: String,
    /// The backtrace, if the configuration or `RUST_BACKTRACE` asks for it; else empty.
    pub backtrace: String,
}

/// What a piece of work took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Time on the clock.
    pub wall: Duration,
    /// CPU time of the whole worker since its last work ended, what it did in between included.
    pub cpu: Duration,
    /// Memory of the worker afterwards, in bytes; 0 if it was not measured.
    pub memory: u64,
}

/// Why no worker could be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError {
    stage: String,
    problem: String,
}

/// A request to end a piece of work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stop {
    /// Why.
    pub why: StopReason,
    /// How hard.
    pub force: Force,
}

/// Why a piece of work should end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum StopReason {
    /// Somebody asked for it, with these words.
    Requested(String),
    /// It took too long.
    TimedOut,
    /// Somebody else may have it.
    LeaseLost,
    /// Everything here stops.
    ShuttingDown,
}

/// How hard a piece of work is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Force {
    /// It is told, and goes on as long as it likes.
    Ask,
    /// It is told; after the grace times its worker is terminated, then killed.
    Ladder,
    /// Its worker is killed at once.
    Kill,
}

/// How far a piece of work is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Progress {
    /// How much is done.
    pub done: u64,
    /// Of how much.
    pub total: u64,
    /// In words; empty if there is nothing to say.
    pub text: String,
}

/// A line for the log of the parent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LogLine {
    /// 1 is an error, 5 is a trace.
    pub level: u8,
    /// Where it comes from.
    pub target: String,
    /// What it says.
    pub message: String,
    /// Fields by name.
    pub fields: Vec<(String, String)>,
    /// The spans that it stands in, the outermost first.
    pub spans: Vec<String>,
}

impl Work {
    /// Creates a piece of work without parameters.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Sets the parameters.
    #[must_use]
    pub fn with_params(mut self, params: Vec<u8>) -> Self {
        self.params = Arc::new(params);
        self
    }

    /// Sets what only the body understands.
    #[must_use]
    pub fn with_detail(mut self, detail: Vec<u8>) -> Self {
        self.detail = detail;
        self
    }

    /// Sets how long it may take, for the body to know.
    #[must_use]
    pub fn with_remaining(mut self, remaining: Duration) -> Self {
        self.remaining = remaining;
        self
    }

    /// Sets how much CPU time it may use.
    #[must_use]
    pub fn with_cpu_time(mut self, cpu_time: Option<Duration>) -> Self {
        self.cpu_time = cpu_time;
        self
    }
}

impl Failed {
    /// Creates a failure from words.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            detail: Vec::new(),
        }
    }

    /// Adds what the other side of the body needs to know.
    #[must_use]
    pub fn with_detail(mut self, detail: Vec<u8>) -> Self {
        self.detail = detail;
        self
    }
}

impl Stop {
    /// Creates a request.
    #[must_use]
    pub fn new(why: StopReason, force: Force) -> Self {
        Self { why, force }
    }
}

impl Progress {
    /// Creates a report.
    #[must_use]
    pub fn new(done: u64, total: u64, text: impl Into<String>) -> Self {
        Self {
            done,
            total,
            text: text.into(),
        }
    }
}

impl LogLine {
    /// Creates a line of a level, 1 for an error to 5 for a trace.
    #[must_use]
    pub fn new(level: u8, target: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            level,
            target: target.into(),
            message: message.into(),
            ..Self::default()
        }
    }

    /// Sets the fields.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<(String, String)>) -> Self {
        self.fields = fields;
        self
    }

    /// Sets the spans.
    #[must_use]
    pub fn with_spans(mut self, spans: Vec<String>) -> Self {
        self.spans = spans;
        self
    }
}

impl StartError {
    pub(crate) fn new(stage: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            stage: stage.into(),
            problem: problem.into(),
        }
    }

    /// Returns how far the start had come: `spawn`, `hook`, `handshake`, `limits`, `state`.
    #[must_use]
    pub fn stage(&self) -> &str {
        &self.stage
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, problem } = self;
        write!(f, "no CPU worker could be started ({stage}): {problem}")
    }
}

impl std::error::Error for StartError {}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.location.is_empty() {
            write!(f, ", at {}", self.location)?;
        }
        if !self.thread.is_empty() {
            write!(f, ", in thread `{}`", self.thread)?;
        }
        Ok(())
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested(reason) => write!(f, "requested: {reason}"),
            Self::TimedOut => f.write_str("the time limit has passed"),
            Self::LeaseLost => f.write_str("the lease is lost"),
            Self::ShuttingDown => f.write_str("everything here stops"),
        }
    }
}
