//! Keeping a value for the attempts that follow.

use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::cancel::CancelReason;
use crate::context::TaskContext;
use crate::manager::wait_for;
use crate::payload::{Payload, PayloadErrorKind};
use crate::run::MAX_CHECKPOINT_BYTES;

/// A checkpoint on its way: `.await` it, to know that it is kept.
#[must_use = "nothing is kept until this is awaited"]
pub struct Checkpointing<'c> {
    context: &'c TaskContext,
    value: Result<Payload, CheckpointError>,
}

/// Why a checkpoint was not kept; the one before it still is.
#[derive(Debug)]
pub struct CheckpointError {
    kind: CheckpointErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The ways in which keeping a checkpoint can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckpointErrorKind {
    /// The value cannot be encoded, or is over [`MAX_CHECKPOINT_BYTES`].
    InvalidValue,
    /// The attempt no longer has the run: end it, what it does is not recorded.
    LeaseLost,
    /// The broker keeps no checkpoints.
    NotSupported,
    /// The broker has no room left: later there may be room.
    Full,
    /// The broker did not answer: the checkpoint is kept or not.
    Unavailable,
    /// The broker refused, and a repetition would not help.
    Refused,
}

/// What an attempt has kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    numbers: AtomicU32,
    newest: Mutex<Option<(u32, Payload)>>,
}

impl Kept {
    pub(crate) fn newest(&self) -> Option<Payload> {
        self.lock().as_ref().map(|(_, value)| value.clone())
    }

    fn note(&self, number: u32, value: Payload) {
        let mut newest = self.lock();
        if newest.as_ref().is_none_or(|(before, _)| *before < number) {
            *newest = Some((number, value));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<(u32, Payload)>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Encodes a value that is to be kept.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Payload, CheckpointError> {
    let invalid = |message| CheckpointError::new(CheckpointErrorKind::InvalidValue, message);
    let value = Payload::encode(value).map_err(|error| match error.kind() {
        PayloadErrorKind::TooLarge => invalid(too_large("more than a payload may have")),
        _ => invalid("the checkpoint cannot be encoded".to_owned()).with_source(error),
    })?;
    if value.len() > MAX_CHECKPOINT_BYTES {
        return Err(invalid(too_large(&format!("{} bytes", value.len()))));
    }
    Ok(value)
}

fn too_large(length: &str) -> String {
    format!(
        "the checkpoint takes {length}, at most {MAX_CHECKPOINT_BYTES} are allowed; store it elsewhere and keep a reference"
    )
}

impl<'c> Checkpointing<'c> {
    pub(crate) fn new(context: &'c TaskContext, value: Result<Payload, CheckpointError>) -> Self {
        Self { context, value }
    }

    /// Keeps the checkpoint, and waits on this thread until the broker has answered.
    ///
    /// For synchronous bodies of CPU tasks, which have a thread of their own. In an asynchronous task
    /// it holds up all others of the same thread: `.await` it there.
    ///
    /// # Errors
    ///
    /// Returns an error if the value is invalid, the lease of the attempt is lost, or the broker refused it or
    /// did not answer.
    pub fn blocking(self) -> Result<(), CheckpointError> {
        wait_for(self.keep())
    }

    async fn keep(self) -> Result<(), CheckpointError> {
        let Self { context, value } = self;
        let value = value?;
        if context.cancellation().reason() == Some(&CancelReason::LeaseLost) {
            return Err(CheckpointError::lease_lost());
        }
        let kept = context.keeping();
        let number = kept
            .numbers
            .fetch_add(1, Ordering::AcqRel)
            .saturating_add(1);
        if let Some(port) = context.port() {
            port.checkpoint(context.run(), number, value.clone())
                .await?;
        }
        kept.note(number, value);
        Ok(())
    }
}

impl<'c> IntoFuture for Checkpointing<'c> {
    type Output = Result<(), CheckpointError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'c>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.keep())
    }
}

impl CheckpointError {
    /// Creates an error of `kind` with a message.
    #[must_use]
    pub fn new(kind: CheckpointErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// Creates the error of an attempt that no longer has its run.
    #[must_use]
    pub fn lease_lost() -> Self {
        let message =
            "the lease of the run is lost: its next attempt goes on from the checkpoint before";
        Self::new(CheckpointErrorKind::LeaseLost, message)
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns what went wrong.
    #[must_use]
    pub fn kind(&self) -> CheckpointErrorKind {
        self.kind
    }

    /// Returns whether the same checkpoint may be kept later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            CheckpointErrorKind::Unavailable | CheckpointErrorKind::Full
        )
    }
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for CheckpointError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

impl fmt::Debug for Checkpointing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpointing")
            .field("context", &self.context)
            .field("value", &self.value)
            .finish()
    }
}
