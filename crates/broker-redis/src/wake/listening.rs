//! A loop on a connection of its own that blocks at the server as long as somebody listens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tracing::{debug, warn};

use crate::lifeline::Lifeline;
use crate::link::{Link, LinkError, Use};

/// How many listen, so that the loop rests while nobody does.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    count: AtomicUsize,
    came: Notify,
}

/// Somebody who listens, until it is dropped.
#[derive(Debug)]
pub(super) struct Listening(Arc<Listeners>);

/// A running loop, which ends when it is dropped.
#[derive(Debug)]
pub(super) struct Loop(Option<AbortHandle>);

/// What one round of a loop does.
pub(super) trait Round: Send + Sync + 'static {
    /// Blocks at the server for a while, and tells the listeners what came.
    fn block(&self, link: &Link) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Takes note of a new connection: what came while there was none may not have been heard.
    fn connected(&self);

    /// Tells the listeners that the connection was lost: they look for themselves.
    fn lost(&self);
}

/// Pauses after a lost connection.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

impl Listeners {
    pub(super) fn add(listeners: &Arc<Self>) -> Listening {
        listeners.count.fetch_add(1, Ordering::AcqRel);
        listeners.came.notify_one();
        Listening(Arc::clone(listeners))
    }

    pub(super) fn any(&self) -> bool {
        self.count() > 0
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    async fn wait(&self) {
        while !self.any() {
            self.came.notified().await;
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Loop {
    /// Starts a loop on the thread of the lifeline.
    pub(super) fn start(
        lifeline: &Arc<Lifeline>,
        listeners: Arc<Listeners>,
        round: Arc<impl Round>,
    ) -> Self {
        // The loop must not keep the thread alive that it runs on.
        let weak = Arc::downgrade(lifeline);
        let task = lifeline.spawn(async move {
            let mut pause = FIRST_PAUSE;
            loop {
                listeners.wait().await;
                let opened = match weak.upgrade() {
                    Some(lifeline) => open(&lifeline).await,
                    None => return,
                };
                let problem = match opened {
                    Ok(link) => {
                        pause = FIRST_PAUSE;
                        round.connected();
                        serve(&link, &listeners, &*round).await
                    }
                    Err(problem) => problem,
                };
                warn!(
                    error = &problem as &dyn std::error::Error,
                    "waiting at the server was interrupted; connecting anew"
                );
                round.lost();
                tokio::time::sleep(pause.mul_f64(jitter())).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
        Self(task.map(|task| task.abort_handle()))
    }
}

async fn open(lifeline: &Lifeline) -> Result<Link, LinkError> {
    Link::open(lifeline.config(), lifeline.keys().slot(), Use::Blocking, 1).await
}

/// Blocks again and again on one connection, until it fails.
async fn serve(link: &Link, listeners: &Listeners, round: &impl Round) -> LinkError {
    loop {
        listeners.wait().await;
        if let Err(problem) = round.block(link).await {
            debug!("a blocking command failed");
            return problem;
        }
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Returns a number from a half to one, so that many processes do not come back together.
fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let byte = RandomState::new().hash_one(0_u8).to_le_bytes()[0];
    0.5 + f64::from(byte) / 512.0
}
