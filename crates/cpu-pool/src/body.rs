//! What a program puts into its workers, and what it sees of the pool there.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::work::{Failed, LogLine, Progress, Stop, Work};

/// What runs in a worker.
pub trait Body: Send + Sync + 'static {
    /// Returns the names of all work that this body can do, for the handshake.
    fn names(&self) -> Vec<String>;

    /// Prepares the worker, once, before it takes work.
    ///
    /// # Errors
    ///
    /// Returns an error, in words, if the worker cannot be used. No work is lost then.
    fn prepare(&self) -> Result<(), String>;

    /// Does one piece of work, on a thread of its own; the worker does nothing else meanwhile.
    ///
    /// # Errors
    ///
    /// Returns the failure of the work. A panic is caught, and the worker replaced.
    fn run(&self, work: Work, link: &Link) -> Result<Vec<u8>, Failed>;
}

/// What a body sees of the pool while it has work; cheap to clone.
#[derive(Clone)]
pub struct Link(Arc<Inner>);

struct Inner {
    stop: Mutex<Stopping>,
    uplink: Arc<dyn Uplink>,
    about: u32,
}

#[derive(Default)]
struct Stopping {
    given: Option<Stop>,
    listener: Option<Listener>,
}

type Listener = Box<dyn FnOnce(&Stop) + Send>;

/// The way from a body to its pool.
pub(crate) trait Uplink: Send + Sync {
    fn request(&self, about: u32, body: Vec<u8>) -> io::Result<oneshot::Receiver<Answer>>;
    fn progress(&self, about: u32, progress: &Progress);
    fn log(&self, about: u32, line: &LogLine);
}

/// The answer to a request.
pub(crate) type Answer = Result<Vec<u8>, String>;

/// The error of a request that was not answered, or that was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The parent has refused it.
    #[error("{0}")]
    Refused(String),
    /// The parent is gone, or the work has ended.
    #[error("the parent process does not answer")]
    Gone,
}

impl Link {
    pub(crate) fn new(about: u32, uplink: Arc<dyn Uplink>) -> Self {
        Self(Arc::new(Inner {
            stop: Mutex::default(),
            uplink,
            about,
        }))
    }

    /// Passes a request to stop on; the first one counts.
    pub(crate) fn stop(&self, stop: &Stop) {
        let listener = {
            let mut stopping = self.stopping();
            if stopping.given.is_some() {
                return;
            }
            stopping.given = Some(stop.clone());
            stopping.listener.take()
        };
        if let Some(listener) = listener {
            listener(stop);
        }
    }

    /// Calls `listener` once the work should end: at once, if that is so already.
    ///
    /// It is called on another thread, and must not block. A later listener replaces an earlier one.
    pub fn on_stop(&self, listener: impl FnOnce(&Stop) + Send + 'static) {
        let given = {
            let mut stopping = self.stopping();
            match stopping.given.clone() {
                Some(given) => given,
                None => {
                    stopping.listener = Some(Box::new(listener));
                    return;
                }
            }
        };
        listener(&given);
    }

    /// Returns why the work should end, if it should.
    #[must_use]
    pub fn stopped(&self) -> Option<Stop> {
        self.stopping().given.clone()
    }

    /// Asks the parent for something; what it means is between the body and the relay.
    ///
    /// # Errors
    ///
    /// Returns an error if the parent refuses, or does not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the answer; what was asked for may be done all the same.
    pub async fn request(&self, body: Vec<u8>) -> Result<Vec<u8>, LinkError> {
        let answer = self.0.uplink.request(self.0.about, body);
        let answer = answer.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => LinkError::Refused(error.to_string()),
            _ => LinkError::Gone,
        })?;
        match answer.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(refused)) => Err(LinkError::Refused(refused)),
            Err(_closed) => Err(LinkError::Gone),
        }
    }

    /// Reports how far the work is; of many reports the parent sees some.
    pub fn progress(&self, progress: &Progress) {
        self.0.uplink.progress(self.0.about, progress);
    }

    /// Sends a line to the log of the parent; beyond a rate lines are dropped and counted.
    pub fn log(&self, line: &LogLine) {
        self.0.uplink.log(self.0.about, line);
    }

    fn stopping(&self) -> std::sync::MutexGuard<'_, Stopping> {
        self.0.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("about", &self.0.about)
            .finish_non_exhaustive()
    }
}
