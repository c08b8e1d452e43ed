//! Workers that are threads: the same interface without isolation, for tests and for other systems.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet, spawn_blocking};
use tracing::Span;

use crate::body::{Answer, Body, Link, Uplink};
use crate::metrics::{Counters, Gauge, PoolMetrics, add};
use crate::relay::Relay;
use crate::work::{Ended, Failed, LogLine, Panicked, Progress, StartError, Stop, Usage};
use crate::workers::{Later, Order, Workers};

/// Workers that are threads of this process.
///
/// Work that does not look at its link cannot be stopped, a crash of it is a crash of this process, and
/// no profile applies. In return nothing is started and nothing is copied.
pub struct ThreadPool {
    body: Arc<dyn Body>,
    prepared: OnceLock<Result<(), String>>,
    size: usize,
    places: Semaphore,
    counters: Counters,
}

/// The way from a body to the relay, within one process.
struct LocalUplink {
    relay: Arc<dyn Relay>,
    requests: mpsc::Sender<(Vec<u8>, oneshot::Sender<Answer>)>,
    span: Span,
}

/// What a body returned, or panicked with.
type Caught = Result<Result<Vec<u8>, Failed>, Box<dyn Any + Send>>;

/// So many requests of one piece of work wait at most.
const MAX_REQUESTS: usize = 256;

impl ThreadPool {
    /// Creates a pool of `size` places.
    #[must_use]
    pub fn new(size: usize, body: impl Body) -> Self {
        Self {
            body: Arc::new(body),
            prepared: OnceLock::new(),
            size,
            places: Semaphore::new(size),
            counters: Counters::default(),
        }
    }

    fn prepare(&self) -> Result<(), StartError> {
        let prepared = self.prepared.get_or_init(|| {
            let prepare = AssertUnwindSafe(|| self.body.prepare());
            catch_unwind(prepare).unwrap_or_else(|panic| Err(text_of(panic)))
        });
        let failed = |problem| StartError::new("state", problem);
        prepared.clone().map_err(failed)
    }

    async fn run_order(&self, order: Order) -> Ended {
        let Ok(_place) = self.places.acquire().await else {
            return Ended::Stopped { by_force: false };
        };
        if let Err(error) = self.prepare() {
            return Ended::NotStarted(error);
        }
        let _busy = Gauge::up(&self.counters.busy);
        let ended = self.run_here(order).await;
        add(&self.counters.runs, 1);
        ended
    }

    async fn run_here(&self, order: Order) -> Ended {
        let Order {
            work,
            relay,
            mut stop,
            ..
        } = order;
        let (requests, mut asked) = mpsc::channel(MAX_REQUESTS);
        let span = Span::current();
        let uplink = LocalUplink {
            relay: Arc::clone(&relay),
            requests,
            span: span.clone(),
        };
        let link = Link::new(0, Arc::new(uplink));
        let (body, inner) = (Arc::clone(&self.body), link.clone());
        let run =
            move || span.in_scope(|| catch_unwind(AssertUnwindSafe(|| body.run(work, &inner))));
        let mut running = spawn_blocking(run);
        let mut answers = JoinSet::new();
        loop {
            tokio::select! {
                done = &mut running => return ended(done),
                told = told(&mut stop), if link.stopped().is_none() => link.stop(&told),
                Some((request, answer)) = asked.recv() => {
                    add(&self.counters.relayed, 1);
                    let answering = relay.request(request);
                    answers.spawn(async move { answer.send(answering.await) });
                }
                Some(_) = answers.join_next() => {}
            }
        }
    }
}

/// Waits until the work is told to stop; for ever if nobody can any more.
async fn told(stop: &mut watch::Receiver<Option<Stop>>) -> Stop {
    let given = stop.wait_for(Option::is_some).await;
    match given.ok().and_then(|stop| stop.clone()) {
        Some(stop) => stop,
        None => std::future::pending().await,
    }
}

fn ended(done: Result<Caught, JoinError>) -> Ended {
    let panicked = |message: String| {
        Ended::Panicked(Panicked {
            message,
            ..Panicked::default()
        })
    };
    match done {
        Ok(Ok(Ok(result))) => Ended::Done {
            result,
            usage: Usage::default(),
        },
        Ok(Ok(Err(failed))) => Ended::Failed(failed),
        Ok(Err(panic)) => panicked(text_of(panic)),
        Err(error) => panicked(error.to_string()),
    }
}

/// Returns the text of a panic; the value may panic itself when it is dropped.
fn text_of(panic: Box<dyn Any + Send>) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
    text.unwrap_or_else(|| "the task panicked with a value that is not text".to_owned())
}

impl Uplink for LocalUplink {
    fn request(&self, _about: u32, body: Vec<u8>) -> io::Result<oneshot::Receiver<Answer>> {
        let (answer, waiting) = oneshot::channel();
        let sent = self.requests.try_send((body, answer));
        sent.map_err(|_full| io::Error::other("too many requests at a time"))?;
        Ok(waiting)
    }

    fn progress(&self, _about: u32, progress: &Progress) {
        self.span.in_scope(|| self.relay.progress(progress.clone()));
    }

    fn log(&self, _about: u32, line: &LogLine) {
        self.span.in_scope(|| self.relay.log(line.clone()));
    }
}

impl Workers for ThreadPool {
    fn places(&self) -> usize {
        self.size
    }

    fn open_places(&self) -> usize {
        self.size
    }

    fn reopened(&self) -> Later<'_, ()> {
        Box::pin(async {})
    }

    fn warm_up(&self) -> Later<'_, Result<(), StartError>> {
        Box::pin(async { self.prepare() })
    }

    fn run(&self, order: Order) -> Later<'_, Ended> {
        Box::pin(self.run_order(order))
    }

    fn close(&self) -> Later<'_, ()> {
        Box::pin(async {})
    }

    fn metrics(&self) -> PoolMetrics {
        self.counters.snapshot(false)
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}
