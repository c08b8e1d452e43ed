//! The table of runs that this consumer owes the broker a settlement for.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aqueduct_broker_api::LeaseToken;
use aqueduct_core::cancel::{CancelReason, Cancellation};
use aqueduct_core::id::IdMap;
use aqueduct_core::run::Outcome;
use aqueduct_core::time::Monotonic;
use aqueduct_core::{RunId, TaskContext};

use crate::classify;

/// A run that a settlement is owed for.
///
/// It stays in the table until the broker has answered its settlement, so that the heartbeat keeps
/// listing it. Whoever ends it first, executor or watchdog, makes the settlement.
#[derive(Debug)]
pub(crate) struct Owed {
    pub(crate) context: TaskContext,
    pub(crate) token: LeaseToken,
    pub(crate) claimed_at: Monotonic,
    /// When the run as a whole must have ended, if it has a total time limit.
    pub(crate) run_ends_by: Option<Monotonic>,
    /// When the task began, in nanoseconds on the monotonic clock; 0 before.
    began_at: AtomicU64,
    stage: AtomicU8,
    /// Given when the lease is lost, whatever its task was told before.
    lost: Cancellation,
}

/// All owed runs.
#[derive(Debug, Default)]
pub(crate) struct InFlight(Mutex<IdMap<RunId, Arc<Owed>>>);

/// Stage: nothing of the task has run yet.
const WAITING: u8 = 0;
/// Stage: the task has begun.
const RUNNING: u8 = 1;
/// Stage: ended by its executor, or given back.
const ENDED: u8 = 2;
/// Stage: ended by the watchdog, while its task blocks a thread.
const STUCK: u8 = 3;

impl Owed {
    pub(crate) fn new(context: TaskContext, token: LeaseToken, claimed_at: Monotonic) -> Self {
        Self {
            context,
            token,
            claimed_at,
            run_ends_by: None,
            began_at: AtomicU64::new(0),
            stage: AtomicU8::new(WAITING),
            lost: Cancellation::new(),
        }
    }

    /// Sets when the run as a whole must have ended.
    pub(crate) fn ending_by(mut self, run_ends_by: Option<Monotonic>) -> Self {
        self.run_ends_by = run_ends_by;
        self
    }

    /// Returns what is left of the total time of the run, if that is limited.
    pub(crate) fn total_left(&self, now: Monotonic) -> Option<Duration> {
        Some(self.run_ends_by?.saturating_since(now))
    }

    /// Begins the attempt; false if the run was ended before.
    pub(crate) fn begin(&self, now: Monotonic) -> bool {
        self.began_at.store(nanos(now), Ordering::Release);
        self.step(WAITING, RUNNING)
    }

    /// Returns how long the attempt has been running; zero if it never began.
    pub(crate) fn took(&self, now: Monotonic) -> Duration {
        match self.began_at.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            began_at => Duration::from_nanos(nanos(now).saturating_sub(began_at)),
        }
    }

    /// Returns the time limit of the attempt.
    pub(crate) fn limit(&self) -> Duration {
        self.context.ends_by().saturating_since(self.claimed_at)
    }

    /// Classifies the attempt when its time is over: that of the run as a whole, or its own.
    pub(crate) fn timed_out(&self) -> Outcome {
        if self.run_ends_by == Some(self.context.ends_by()) {
            classify::out_of_total_time()
        } else {
            classify::timed_out(self.limit())
        }
    }

    /// Notes that the lease is lost: nothing of the run may go on here, not even a task that winds down.
    pub(crate) fn lose(&self) {
        self.context.cancellation().cancel(CancelReason::LeaseLost);
        self.lost.cancel(CancelReason::LeaseLost);
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.reason().is_some()
    }

    /// Waits until the lease is lost.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Ends the run for this caller; false if somebody else has.
    pub(crate) fn end(&self) -> bool {
        self.step(RUNNING, ENDED) || self.step(WAITING, ENDED)
    }

    /// Ends the run for the watchdog; false if it has not begun, or has ended.
    pub(crate) fn end_stuck(&self) -> bool {
        self.step(RUNNING, STUCK)
    }

    pub(crate) fn is_stuck(&self) -> bool {
        self.stage.load(Ordering::Acquire) == STUCK
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.stage.load(Ordering::Acquire) >= ENDED
    }

    fn step(&self, from: u8, to: u8) -> bool {
        self.stage
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

impl InFlight {
    /// Adds runs; returns those that were there already, and are replaced.
    pub(crate) fn insert(&self, runs: impl Iterator<Item = Arc<Owed>>) -> Vec<Arc<Owed>> {
        let mut table = self.table();
        runs.filter_map(|owed| table.insert(owed.token.run, owed))
            .collect()
    }

    /// Removes runs, each only if it was not replaced meanwhile.
    pub(crate) fn remove<'a>(&self, runs: impl Iterator<Item = &'a Arc<Owed>>) {
        let mut table = self.table();
        for owed in runs {
            if table
                .get(&owed.token.run)
                .is_some_and(|there| Arc::ptr_eq(there, owed))
            {
                table.remove(&owed.token.run);
            }
        }
    }

    pub(crate) fn get(&self, run: RunId) -> Option<Arc<Owed>> {
        self.table().get(&run).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Owed>> {
        self.table().values().cloned().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table().is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.table().len()
    }

    fn table(&self) -> MutexGuard<'_, IdMap<RunId, Arc<Owed>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nanos(time: Monotonic) -> u64 {
    u64::try_from(time.since_origin().as_nanos()).unwrap_or(u64::MAX)
}
