//! A thread of its own for what must go on when the tasks of the application block every other:
//! heartbeats, and waiting for work.

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

/// A thread with a runtime, and a connection that only heartbeats use.
pub(crate) struct Lifeline {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    link: OnceCell<Link>,
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
            link: OnceCell::new(),
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

    /// Returns the connection, opened on first use; to be called on the thread.
    pub(crate) async fn link(&self) -> Result<&Link, LinkError> {
        let open = || Link::open(&self.config, self.keys.slot(), Use::Scripts, 1);
        self.link.get_or_try_init(open).await
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
