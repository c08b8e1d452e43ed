//! What every queue is asked for, and what is counted.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use integration::bench::{Measured, figure, now, per_second, size};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// Jobs that are queued one by one.
const SINGLE: usize = 5_000;

/// Jobs that are queued at once, and drained, where the queue can hold them.
const BACKLOG: usize = 20_000;

/// How long a drain may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What every job carries.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) data: String,
}

/// Counts what was executed, and tells when it is all.
#[derive(Clone, Debug)]
pub(crate) struct Done(Arc<(AtomicUsize, usize, Notify)>);

/// What was measured of one queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) single: f64,
    pub(crate) many: f64,
    pub(crate) drain: f64,
    pub(crate) cpu: f64,
    pub(crate) bytes: f64,
    pub(crate) is_stopped: bool,
}

/// What a queue answers with.
pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + 'a>>;

/// A queue with its settings.
pub(crate) trait Peer: Send + Sync {
    /// Its name, a comma, its settings.
    fn name(&self) -> &str;

    /// How many jobs are queued before the drain: less for a queue that fails with so many.
    fn backlog(&self) -> usize {
        BACKLOG
    }

    /// Queues jobs with one awaited call each.
    fn one_by_one<'a>(&'a self, server: &'a Measured, jobs: Vec<Job>) -> Answer<'a>;

    /// Queues jobs in the fastest way that it has.
    fn many<'a>(&'a self, server: &'a Measured, jobs: Vec<Job>) -> Answer<'a>;

    /// Executes what is queued, until it is dropped.
    fn consume<'a>(&'a self, server: &'a Measured, done: Done) -> Answer<'a>;
}

impl Done {
    pub(crate) fn after(jobs: usize) -> Self {
        Self(Arc::new((AtomicUsize::new(0), jobs, Notify::new())))
    }

    /// Counts one.
    pub(crate) fn count(&self) {
        if self.0.0.fetch_add(1, Ordering::Relaxed) + 1 == self.0.1 {
            self.0.2.notify_one();
        }
    }

    fn executed(&self) -> usize {
        self.0.0.load(Ordering::Relaxed)
    }
}

pub(crate) fn jobs(count: usize) -> Vec<Job> {
    let data = "x".repeat(64);
    let job = |id| Job {
        id,
        data: data.clone(),
    };
    (0..count as u64).map(job).collect()
}

/// Measures one queue once.
pub(crate) async fn measure(peer: &dyn Peer, server: &Measured) -> anyhow::Result<Found> {
    server.flush()?;
    let singles = jobs(size(SINGLE));
    let began = now();
    peer.one_by_one(server, singles).await?;
    let single = per_second(size(SINGLE), began.elapsed());
    server.flush()?;
    let before = server.usage()?;
    let count = size(peer.backlog());
    let all = jobs(count);
    let began = now();
    peer.many(server, all).await?;
    let many = per_second(count, began.elapsed());
    let queued = server.usage()?;
    let done = Done::after(count);
    let began = now();
    let is_all = tokio::select! {
        ended = peer.consume(server, done.clone()) => {
            ended?;
            anyhow::bail!("{} ends before the jobs do", peer.name());
        }
        () = done.0.2.notified() => true,
        () = tokio::time::sleep(PATIENCE) => false,
    };
    let took = began.elapsed();
    let executed = done.executed().max(1);
    Ok(Found {
        single,
        many,
        drain: per_second(executed, took),
        cpu: (server.usage()? - queued).cpu / figure(executed),
        bytes: (queued - before).memory / figure(count),
        is_stopped: !is_all,
    })
}
