//! Workers: where work runs, whatever keeps it apart.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use tokio::sync::watch;

use crate::metrics::PoolMetrics;
use crate::profile::Profile;
use crate::relay::Relay;
use crate::work::{Ended, StartError, Stop, Work};

/// Runs work apart from the caller: in processes, or on threads.
///
/// # Cancel safety
///
/// Dropping the future of [`Workers::run`] kills the work. The others lose nothing when dropped.
pub trait Workers: fmt::Debug + Send + Sync + 'static {
    /// Returns how many pieces of work may run at a time.
    fn places(&self) -> usize;

    /// Returns how many may run now: fewer while workers cannot be started.
    fn open_places(&self) -> usize;

    /// Waits until a start may be tried again, after some have failed.
    fn reopened(&self) -> Later<'_, ()>;

    /// Starts the workers that are there from the beginning, to see that they can be started.
    fn warm_up(&self) -> Later<'_, Result<(), StartError>>;

    /// Runs one piece of work to its end, or until `stop` says otherwise.
    ///
    /// It waits for free places, as many as the profile asks for. When it returns, the work has ended:
    /// no process of it is left.
    fn run(&self, order: Order) -> Later<'_, Ended>;

    /// Lets every worker finish and leave.
    fn close(&self) -> Later<'_, ()>;

    /// Returns what the pool has done so far.
    fn metrics(&self) -> PoolMetrics;
}

/// A future of [`Workers`].
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One piece of work, and everything around it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Order {
    /// What to do.
    pub work: Work,
    /// In what kind of worker.
    pub profile: Arc<Profile>,
    /// Who answers its requests.
    pub relay: Arc<dyn Relay>,
    /// The request to stop; may become harder, never milder.
    pub stop: watch::Receiver<Option<Stop>>,
}

impl Order {
    /// Creates an order.
    #[must_use]
    pub fn new(
        work: Work,
        profile: Arc<Profile>,
        relay: Arc<dyn Relay>,
        stop: watch::Receiver<Option<Stop>>,
    ) -> Self {
        Self {
            work,
            profile,
            relay,
            stop,
        }
    }

    /// Creates an order in a plain worker, without a relay, that nobody stops.
    #[must_use]
    pub fn plain(work: Work) -> Self {
        static NOBODY: LazyLock<watch::Receiver<Option<Stop>>> =
            LazyLock::new(|| watch::channel(None).1);
        let relay = crate::relay::NoRelay::shared();
        Self::new(work, Arc::default(), relay, NOBODY.clone())
    }
}
