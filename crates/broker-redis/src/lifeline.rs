//! A thread of its own for what must go on when the tasks of the application block every other: claims and
//! settlements, heartbeats, and waiting for work.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use crate::config::RedisConfig;
use crate::keys::Keys;
use crate::link::{Link, LinkError, Use};

/// A thread with a runtime, and the connections that it serves.
pub(crate) struct Lifeline {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    /// What consumers claim and settle on.
    work: OnceCell<Link>,
    /// What only heartbeats use, so that no batch holds them up.
    beats: OnceCell<Link>,
    config: Arc<RedisConfig>,
    keys: Arc<Keys>,
}

impl Lifeline {
    /// Starts the thread.
    pub(crate) fn start(config: Arc<RedisConfig>, keys: Arc<Keys>) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("aqueduct-redis")
            .enable_all()
            .build()?;
        Ok(Self {
            runtime: Some(runtime),
            work: OnceCell::new(),
            beats: OnceCell::new(),
            config,
            keys,
        })
    }

    /// Runs work on the thread; dropping the handle does not stop it.
    pub(crate) fn spawn<F>(&self, work: F) -> Option<JoinHandle<F::Output>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.runtime.as_ref().map(|runtime| runtime.spawn(work))
    }

    /// Returns the connections for claims and settlements, opened on first use.
    pub(crate) async fn work(&self) -> Result<&Link, LinkError> {
        let open = || self.open(self.config.connections());
        self.work.get_or_try_init(open).await
    }

    /// Returns the connection for heartbeats, opened on first use.
    pub(crate) async fn beats(&self) -> Result<&Link, LinkError> {
        self.beats.get_or_try_init(|| self.open(1)).await
    }

    /// Opens connections on the thread, which serves them from then on, whoever uses them.
    async fn open(&self, count: usize) -> Result<Link, LinkError> {
        let (config, slot) = (Arc::clone(&self.config), self.keys.slot());
        let opening = async move { Link::open(&config, slot, Use::Scripts, count).await };
        match self.spawn(opening) {
            Some(opening) => opening.await.unwrap_or_else(|_| Err(LinkError::gone())),
            None => Err(LinkError::gone()),
        }
    }

    pub(crate) fn config(&self) -> &RedisConfig {
        &self.config
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        // Waiting for the thread is not possible where a runtime is running.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Lifeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lifeline").finish_non_exhaustive()
    }
}
