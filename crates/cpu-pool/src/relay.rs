//! What a pool asks its owner to do for a worker.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::work::{LogLine, Progress};

/// Does for a piece of work what only the parent can do.
pub trait Relay: fmt::Debug + Send + Sync + 'static {
    /// Answers a request of the body; an error is a refusal, in words.
    fn request(&self, body: Vec<u8>) -> Answering;

    /// Takes a report on how far the work is.
    fn progress(&self, progress: Progress);

    /// Takes a line that the body logged.
    fn log(&self, line: LogLine);

    /// Takes a line that the worker printed.
    fn printed(&self, line: &str);
}

/// The future of an answer.
pub type Answering = Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send>>;

/// A relay that refuses all requests and drops all reports.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoRelay;

impl NoRelay {
    /// Creates the relay.
    #[must_use]
    pub fn shared() -> Arc<dyn Relay> {
        Arc::new(Self)
    }
}

impl Relay for NoRelay {
    fn request(&self, _body: Vec<u8>) -> Answering {
        Box::pin(async { Err("requests are not answered here".to_owned()) })
    }

    fn progress(&self, _progress: Progress) {}

    fn log(&self, _line: LogLine) {}

    fn printed(&self, _line: &str) {}
}
