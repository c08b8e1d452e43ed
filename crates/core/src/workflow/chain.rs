//! A chain: runs that follow each other; the last one is what is waited for.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::handle::ChainHandle;
use super::plan::{Place, Plan};
use super::queue::QueueWorkflow;
use super::queue_and_wait::QueueAndWaitWorkflow;
use crate::manager::{FollowUp, KEPT_FOR_A_WAIT, NextStep, QueueTarget, RunHandle, TaskCall};
use crate::run::{Takes, Unsuccessful};

/// Runs that follow each other, not yet queued; the last one returns `Out`.
///
/// ```
/// # use aqueduct_core::task::TaskDefinition;
/// # use aqueduct_core::manager::TaskCall;
/// # use aqueduct_core::{Payload, TaskName};
/// # let [fetch, clean] = ["fetch", "clean"].map(|name| {
/// #     let definition = TaskDefinition::new(TaskName::from_static(name));
/// #     TaskCall::<()>::new(&definition, Ok(Payload::empty()))
/// # });
/// use aqueduct_core::workflow::chain;
///
/// let chain = chain(fetch).then(clean);
/// # let _ = chain;
/// ```
#[must_use = "a workflow does nothing until it is queued"]
pub struct Chain<Out> {
    plan: Plan,
    /// The place of its last run.
    last: usize,
    output: PhantomData<fn() -> Out>,
}

/// Begins a chain with a call: `chain(fetch::with(url)).then(store::after())`.
pub fn chain<Out>(first: TaskCall<Out>) -> Chain<Out> {
    Chain::from(first)
}

impl<Out> Chain<Out> {
    /// Adds what runs once the last run has succeeded, with its value as the input.
    ///
    /// If that ends otherwise, what follows is cancelled.
    pub fn then<N: NextStep<Out>>(self, next: N) -> Chain<N::Out> {
        self.push(next.into_follow_up(), false)
    }

    /// Adds what runs once the last run has ended, however it ended: its input is a `Result`.
    pub fn then_anyway<N>(self, next: N) -> Chain<N::Out>
    where
        N: NextStep<Result<Out, Unsuccessful>>,
    {
        self.push(next.into_follow_up(), true)
    }

    fn push<In, Next>(self, next: FollowUp<fn(In) -> Next>, runs_anyway: bool) -> Chain<Next> {
        let place = Place {
            after: vec![self.last],
            takes: Takes::Value,
            runs_anyway,
        };
        Chain::ending_with(next, place, self.plan)
    }

    /// Adds a follow-up to a plan, whose last run it becomes.
    pub(super) fn ending_with<In>(
        next: FollowUp<fn(In) -> Out>,
        mut place: Place,
        mut plan: Plan,
    ) -> Self {
        let (call, takes_input) = next.into_parts();
        if !takes_input {
            place.takes = Takes::Nothing;
        }
        let last = plan.push(call, place);
        Self {
            plan,
            last,
            output: PhantomData,
        }
    }

    /// Keeps the last run and its result for so long, so that they can be waited for; at most a year.
    pub fn keep_result(mut self, retention: Duration) -> Self {
        self.plan
            .keep(&[self.last], |call| call.keep_result(retention));
        self
    }

    /// Queues all runs of the chain, in one step: `.await` what this returns.
    ///
    /// Refused are a call that is not in order or asks for what a workflow cannot do, and more than
    /// [`MAX_RUNS`](super::MAX_RUNS) of them. Unless the broker did not answer, nothing is queued then.
    pub fn queue<'m>(
        self,
        target: &'m (impl QueueTarget + ?Sized),
    ) -> QueueWorkflow<'m, ChainHandle<Out>>
    where
        Out: 'm,
    {
        let (manager, last) = (target.manager(), self.last);
        QueueWorkflow::new(async move {
            let runs = manager.queue_plan(self.plan).await?;
            Ok(ChainHandle::new(
                RunHandle::new(&manager, runs.id(last)),
                runs,
            ))
        })
    }

    /// Queues the chain, and waits for the value of its last run: `.await` what this returns.
    ///
    /// The result is kept for [`KEPT_FOR_A_WAIT`], unless its call or its task says otherwise. The last run is
    /// cancelled if one before it did not succeed.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # use aqueduct_core::manager::{TaskCall, TaskManager, WaitError};
    /// # use aqueduct_core::workflow::chain;
    /// # async fn ask(fetch: TaskCall<()>, clean: TaskCall<()>, manager: &TaskManager) -> Result<(), WaitError> {
    /// chain(fetch).then(clean).queue_and_wait(manager).at_most(Duration::from_secs(30)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn queue_and_wait<'m>(
        mut self,
        target: &'m (impl QueueTarget + ?Sized),
    ) -> QueueAndWaitWorkflow<'m, Out>
    where
        Out: DeserializeOwned + 'm,
    {
        self.plan
            .keep(&[self.last], |call| call.keeping_for(KEPT_FOR_A_WAIT));
        let queue = self.queue(target);
        QueueAndWaitWorkflow::new(
            |at_most| async move { queue.await?.wait().at_most(at_most).await },
        )
    }

    pub(super) fn into_parts(self) -> (Plan, usize) {
        (self.plan, self.last)
    }
}

impl<Out> From<TaskCall<Out>> for Chain<Out> {
    fn from(call: TaskCall<Out>) -> Self {
        let mut plan = Plan::default();
        let last = plan.push(call.untyped(), Place::first());
        Self {
            plan,
            last,
            output: PhantomData,
        }
    }
}

impl<Out> fmt::Debug for Chain<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("runs", &self.plan.len())
            .finish_non_exhaustive()
    }
}
