//! The way of runs between the state machine and the store.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use aqueduct_broker_api::{
    BrokerError, BrokerErrorKind, ClaimRequest, EnqueueRequest, Enqueued, LaneWant, Settle,
    Settled, Settlement, SimpleBroker,
};
use aqueduct_core::run::TaskRun;
use aqueduct_core::time::Monotonic;
use aqueduct_core::{RunId, RunState};
use tracing::warn;

use super::SimpleFront;
use crate::MemoryBroker;
use crate::state::State;

/// What a claim got out of the store.
#[derive(Default)]
pub(super) struct Fetched {
    pub(super) runs: Vec<RunId>,
    /// Whether there is something to claim, from the store or from earlier.
    pub(super) something_is_here: bool,
}

/// The ids of runs that the store took in requests that ended in an error.
///
/// A producer takes such an error to mean that nothing was done, and sends the tasks that it was not
/// about again, in a request of their own.
#[derive(Debug, Default)]
pub(super) struct StoredIds(VecDeque<RunId>);

/// The most ids that are remembered.
const MAX_STORED_IDS: usize = 4096;

/// A run on its way to the store: unless it arrives, it goes back to the state machine.
struct Passing<'a> {
    front: &'a MemoryBroker,
    run: Option<TaskRun>,
}

/// A run that the store did not take, and why.
struct NotTaken<'a>(Passing<'a>, BrokerError);

impl<S: SimpleBroker> SimpleFront<S> {
    /// Hands the accepted runs that may start at once to the store.
    ///
    /// A refused run is dropped, and the rest of the request still goes to the store. An unknown
    /// outcome ends it: what is not stored stays in front, and a repetition goes on from there.
    pub(super) async fn pass_on_accepted(
        &self,
        request: &EnqueueRequest,
        answers: &mut [Enqueued],
    ) -> Result<(), BrokerError> {
        let mut stored = Vec::new();
        let mut refusal = None;
        for (position, task) in request.tasks.iter().enumerate() {
            let Some(answer @ Enqueued::Accepted(_)) = answers.get_mut(position) else {
                continue;
            };
            if self.stored_ids(|ids| ids.take(task.id)) {
                self.front.step(|state, _| state.take_out(task.id));
                stored.push(task.id);
                continue;
            }
            match self.pass_on(task.id).await {
                Ok(()) => stored.push(task.id),
                Err(NotTaken(_, error)) if is_unknown_outcome(&error) => return Err(error),
                Err(NotTaken(passing, error)) => {
                    passing.arrived();
                    *answer = Enqueued::QueueFull { limit: None };
                    self.front
                        .step(|state, now| state.refuse(request, position, now));
                    if error.kind() != BrokerErrorKind::LimitExceeded {
                        refusal.get_or_insert(error);
                    }
                }
            }
        }
        match refusal {
            Some(error) => {
                self.stored_ids(|ids| ids.add(stored));
                Err(error)
            }
            None => Ok(()),
        }
    }

    /// Hands the runs that were given back to the store, the oldest last: the store puts each in front.
    ///
    /// # Errors
    ///
    /// Returns an error if the store may take a run later; the caller repeats the request.
    pub(super) async fn give_back(
        &self,
        items: &[Settle],
        settled: &[Settled],
    ) -> Result<(), BrokerError> {
        let mut given_back: Vec<RunId> = items
            .iter()
            .zip(settled)
            .filter(|(item, settled)| {
                item.settlement == Settlement::Release
                    && **settled == Settled::Applied(RunState::Queued)
            })
            .map(|(item, _)| item.token.run)
            .collect();
        given_back.sort_unstable_by(|one, other| other.cmp(one));
        for run in given_back {
            if let Err(NotTaken(passing, error)) = self.pass_on(run).await {
                if error.is_retryable() {
                    return Err(error);
                }
                passing.stays(&error);
            }
        }
        Ok(())
    }

    /// Hands a run to the store, or keeps it in front if the store does not take it.
    pub(super) async fn pass_on_or_keep(&self, run: RunId) {
        if let Err(NotTaken(passing, error)) = self.pass_on(run).await {
            passing.stays(&error);
        }
    }

    /// Hands a run to the store, if it is ready in front.
    async fn pass_on(&self, run: RunId) -> Result<(), NotTaken<'_>> {
        match self.front.step(|state, _| state.take_out(run)) {
            Some(run) => self.put(run).await,
            None => Ok(()),
        }
    }

    async fn put(&self, run: TaskRun) -> Result<(), NotTaken<'_>> {
        let passing = Passing {
            front: &self.front,
            run: Some(run.clone()),
        };
        match self.store.queue_task(run).await {
            Ok(()) => {
                passing.arrived();
                self.came_empty.store(false, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => Err(NotTaken(passing, error)),
        }
    }

    /// Fetches as many runs as are wanted and not here, and says what ended it before that.
    ///
    /// A slow store does not use up the lease, after which the caller gives the claim up: a quarter of it
    /// is enough when there is something to claim.
    pub(super) async fn fetch(&self, request: &ClaimRequest) -> (Fetched, Option<BrokerError>) {
        let clock = &self.front.0.clock;
        let enough = clock.monotonic().saturating_add(request.lease / 4);
        let mut fetched = Fetched::default();
        self.front.step(State::promote);
        let mut problem = None;
        for want in &request.wants {
            let mut missing = self.front.step(|state, _| state.missing(want));
            fetched.something_is_here |= missing.max < want.max;
            if problem.is_none() && !missing.queues.is_empty() {
                problem = self
                    .fetch_missing(&mut missing, &mut fetched, enough)
                    .await
                    .err();
            }
        }
        (fetched, problem)
    }

    async fn fetch_missing(
        &self,
        missing: &mut LaneWant,
        fetched: &mut Fetched,
        enough: Monotonic,
    ) -> Result<(), BrokerError> {
        while missing.max > 0 {
            let answer = self.store.get_task_run(missing).await;
            let is_wanted = matches!(&answer, Ok(Some(run)) if missing.accepts(run));
            self.came_empty.store(!is_wanted, Ordering::Relaxed);
            let Some(run) = answer? else {
                break;
            };
            missing.max -= 1;
            if is_wanted {
                fetched.runs.push(run.id);
                fetched.something_is_here = true;
                self.front.step(|state, now| state.adopt(run, now));
            } else {
                self.put_back(run).await?;
            }
            if fetched.something_is_here && self.front.0.clock.monotonic() > enough {
                break;
            }
        }
        Ok(())
    }

    /// Puts a run back that was not wanted: some other consumer serves it.
    async fn put_back(&self, run: TaskRun) -> Result<(), BrokerError> {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            warn!(
                run = %run.id,
                queue = %run.queue,
                lane = %run.lane,
                "the store handed out a run that was not wanted; it is put back, as all such runs are"
            );
        }
        let put = self.put(run).await;
        self.came_empty.store(true, Ordering::Relaxed);
        put.map_err(|NotTaken(_, error)| error)
    }

    fn stored_ids<T>(&self, step: impl FnOnce(&mut StoredIds) -> T) -> T {
        step(&mut self.stored.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl StoredIds {
    fn add(&mut self, ids: Vec<RunId>) {
        self.0.extend(ids);
        let surplus = self.0.len().saturating_sub(MAX_STORED_IDS);
        self.0.drain(..surplus);
    }

    /// Forgets an id; returns whether it was known.
    fn take(&mut self, id: RunId) -> bool {
        let position = self.0.iter().position(|known| *known == id);
        position.and_then(|it| self.0.remove(it)).is_some()
    }
}

impl Passing<'_> {
    /// Ends the way of the run: the store has it, or has refused it.
    fn arrived(mut self) {
        self.run = None;
    }

    /// Lets the run go back to the state machine, and says so.
    fn stays(self, error: &BrokerError) {
        if let Some(run) = &self.run {
            warn!(
                run = %run.id,
                error = error as &dyn std::error::Error,
                "the store did not take the run; it stays in the memory of this process"
            );
        }
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        if let Some(run) = self.run.take() {
            self.front.step(|state, now| state.adopt(run, now));
        }
    }
}

fn is_unknown_outcome(error: &BrokerError) -> bool {
    matches!(
        error.kind(),
        BrokerErrorKind::Unavailable | BrokerErrorKind::Timeout
    )
}
