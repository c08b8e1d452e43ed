//! The pool: places, and workers that come and go.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit, oneshot, watch};
use tokio::task::JoinSet;
use tracing::{Span, error};

use super::actor::Actor;
use super::shared::{Assignment, Idle, Reply, Shared};
use super::spawner::Spawner;
use crate::child::is_worker_process;
use crate::config::PoolConfig;
use crate::metrics::{PoolMetrics, add};
use crate::profile::Profile;
use crate::work::{Ended, Failed, StartError, Stop};
use crate::workers::{Later, Order, Workers};

/// Workers that are processes: each can be killed, limited and replaced.
#[derive(Debug)]
pub struct ProcessPool {
    shared: Arc<Shared>,
    places: Semaphore,
    actors: Mutex<JoinSet<()>>,
}

impl ProcessPool {
    /// Creates a pool; workers must know all of `names`.
    ///
    /// # Errors
    ///
    /// Returns an error if the configuration is out of bounds, this process is itself a worker, or the
    /// thread that starts workers cannot be started.
    pub fn new(config: PoolConfig, names: Vec<String>) -> Result<Self, StartError> {
        if is_worker_process() {
            let problem = "a CPU worker starts no workers of its own; put `#[aqueduct::main]` on `main`, \
                           or call the worker hook first in it";
            return Err(StartError::new("pool", problem));
        }
        let checked = config.check();
        checked.map_err(|invalid| StartError::new("pool", invalid.to_string()))?;
        let spawner = Spawner::start();
        let spawner = spawner.map_err(|error| StartError::new("pool", error.to_string()))?;
        let places = Semaphore::new(config.workers);
        Ok(Self {
            shared: Arc::new(Shared::new(config, names, spawner)),
            places,
            actors: Mutex::default(),
        })
    }

    async fn run_order(&self, mut order: Order) -> Ended {
        if let Some(failed) = self.too_large(&order) {
            return Ended::Failed(failed);
        }
        let Some(_places) = self.take_places(&mut order).await else {
            return Ended::Stopped { by_force: false };
        };
        loop {
            let idle = match self.worker(&order.profile).await {
                Ok(idle) => idle,
                Err(error) => return Ended::NotStarted(error),
            };
            match assign(idle, order).await {
                Some(Reply::Ended(ended)) => {
                    add(&self.shared.counters.runs, 1);
                    return ended;
                }
                Some(Reply::Unsent(back)) => order = *back,
                None => return Ended::NotStarted(StartError::new("pool", "the pool is gone")),
            }
        }
    }

    /// Refuses what does not fit into a frame.
    fn too_large(&self, order: &Order) -> Option<Failed> {
        let over = |what: &str, bytes: usize, limit: usize| {
            let message = || format!("{what} have {bytes} bytes; at most {limit} are allowed");
            (bytes > limit).then(|| Failed::new(message()))
        };
        let (params, detail) = (order.work.params.len(), order.work.detail.len());
        over("the parameters", params, self.shared.config.max_payload).or_else(|| {
            over(
                "the details",
                detail + order.work.name.len(),
                MAX_DETAIL_BYTES,
            )
        })
    }

    /// Waits for the places that the work needs; `None` if it is stopped meanwhile.
    async fn take_places(&self, order: &mut Order) -> Option<SemaphorePermit<'_>> {
        let most = u32::try_from(self.shared.config.workers).unwrap_or(u32::MAX);
        let needed = order.profile.cpus.clamp(1, most);
        if let Ok(places) = self.places.try_acquire_many(needed) {
            return Some(places);
        }
        tokio::select! {
            places = self.places.acquire_many(needed) => places.ok(),
            () = told_to_stop(&mut order.stop) => None,
        }
    }

    /// Returns an idle worker, or a new one.
    async fn worker(&self, profile: &Arc<Profile>) -> Result<Idle, StartError> {
        match self.shared.take_idle(profile) {
            Some(idle) => Ok(idle),
            None => self.start(profile).await,
        }
    }

    /// Starts a worker, and waits until it is ready.
    async fn start(&self, profile: &Arc<Profile>) -> Result<Idle, StartError> {
        if let Some(wait) = self.shared.start_wait() {
            let problem = format!("the last starts failed; none is tried for {wait:?}");
            return Err(StartError::new("pool", problem));
        }
        let (ready, waiting) = oneshot::channel();
        let actor = Actor::new(Arc::clone(&self.shared), Arc::clone(profile), ready);
        {
            let mut actors = self.actors.lock().unwrap_or_else(PoisonError::into_inner);
            while actors.try_join_next().is_some() {}
            actors.spawn(actor.live());
        }
        let started = waiting.await;
        let started =
            started.unwrap_or_else(|_gone| Err(StartError::new("pool", "the pool is gone")));
        match &started {
            Ok(_) => {
                self.shared.start_worked();
                add(&self.shared.counters.started, 1);
            }
            Err(problem) => {
                add(&self.shared.counters.start_failures, 1);
                let wait = self.shared.start_failed();
                error!(error = %problem, next_try_in = ?wait, "a CPU worker did not start");
            }
        }
        started
    }

    async fn start_first(&self) -> Result<(), StartError> {
        let profile = Arc::default();
        for _ in 0..self.shared.config.min_workers {
            // A pool that is busy to the last place has started its workers already.
            let Ok(_place) = self.places.try_acquire() else {
                break;
            };
            let idle = self.start(&profile).await?;
            self.shared.put_idle(idle);
        }
        Ok(())
    }

    async fn end_all(&self) {
        self.shared.close();
        let mut actors = {
            let mut actors = self.actors.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *actors)
        };
        while actors.join_next().await.is_some() {}
    }
}

impl Workers for ProcessPool {
    fn places(&self) -> usize {
        self.shared.config.workers
    }

    fn open_places(&self) -> usize {
        self.shared.open_places()
    }

    fn reopened(&self) -> Later<'_, ()> {
        Box::pin(async {
            if let Some(wait) = self.shared.start_wait() {
                tokio::time::sleep(wait).await;
            }
        })
    }

    fn warm_up(&self) -> Later<'_, Result<(), StartError>> {
        Box::pin(self.start_first())
    }

    fn run(&self, order: Order) -> Later<'_, Ended> {
        Box::pin(self.run_order(order))
    }

    fn close(&self) -> Later<'_, ()> {
        Box::pin(self.end_all())
    }

    fn metrics(&self) -> PoolMetrics {
        self.shared.counters.snapshot(self.shared.is_degraded())
    }
}

/// The most details and name of a piece of work, so that they fit into the map of a frame.
const MAX_DETAIL_BYTES: usize = 60 * 1024;

/// Gives work to a worker, and waits for what becomes of it.
async fn assign(idle: Idle, order: Order) -> Option<Reply> {
    let inbox = idle.inbox.clone();
    let (reply, ended) = oneshot::channel();
    let assignment = Assignment {
        order,
        span: Span::current(),
        reply,
        idle,
    };
    match inbox.send(assignment).await {
        Ok(()) => {
            drop(inbox);
            ended.await.ok()
        }
        Err(back) => Some(Reply::Unsent(Box::new(back.0.order))),
    }
}

/// Waits until work that has not begun is told to end.
async fn told_to_stop(stop: &mut watch::Receiver<Option<Stop>>) {
    if stop.wait_for(Option::is_some).await.is_err() {
        // Nobody can say it any more.
        std::future::pending::<()>().await;
    }
}
