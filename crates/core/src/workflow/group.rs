//! A group: runs at the same time.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::chain::Chain;
use super::handle::GroupHandle;
use super::plan::{Place, Plan};
use super::queue::QueueWorkflow;
use super::queue_and_wait::QueueAndWaitWorkflow;
use crate::manager::{FollowUp, KEPT_FOR_A_WAIT, NextStep, QueueTarget, RunHandle};
use crate::run::{Takes, Unsuccessful};

/// Runs at the same time, not yet queued; each returns an `Out`.
#[must_use = "a workflow does nothing until it is queued"]
pub struct Group<Out> {
    plan: Plan,
    /// The places of the members, or of their last runs.
    members: Vec<usize>,
    output: PhantomData<fn() -> Out>,
}

/// Puts calls, or chains, side by side: `group(urls.map(fetch::with)).then(report::after(title))`.
pub fn group<Out, M: Into<Chain<Out>>>(members: impl IntoIterator<Item = M>) -> Group<Out> {
    let (mut plan, mut places) = (Plan::default(), Vec::new());
    for member in members {
        let (member, last) = member.into().into_parts();
        let moved = plan.append(member);
        places.push(moved + last);
    }
    Group {
        plan,
        members: places,
        output: PhantomData,
    }
}

impl<Out> Group<Out> {
    /// Adds what runs once all members have succeeded, with their values, in their order, as the input.
    ///
    /// The first member that ends otherwise cancels it; the others go on. It runs at once behind a group
    /// without members.
    pub fn then<N: NextStep<Vec<Out>>>(self, next: N) -> Chain<N::Out> {
        self.push(next.into_follow_up(), false)
    }

    /// Adds what runs once all members have ended, however they ended: its input has a `Result` of each.
    pub fn then_anyway<N>(self, next: N) -> Chain<N::Out>
    where
        N: NextStep<Vec<Result<Out, Unsuccessful>>>,
    {
        self.push(next.into_follow_up(), true)
    }

    fn push<In, Next>(self, next: FollowUp<fn(In) -> Next>, runs_anyway: bool) -> Chain<Next> {
        let place = Place {
            after: self.members,
            takes: Takes::Values,
            runs_anyway,
        };
        Chain::ending_with(next, place, self.plan)
    }

    /// Keeps the members and their results for so long, so that they can be waited for; at most a year.
    pub fn keep_results(mut self, retention: Duration) -> Self {
        self.plan
            .keep(&self.members, |call| call.keep_result(retention));
        self
    }

    /// Queues all runs of the group, in one step: `.await` what this returns.
    ///
    /// What is refused is that of [`Chain::queue`].
    pub fn queue<'m>(
        self,
        target: &'m (impl QueueTarget + ?Sized),
    ) -> QueueWorkflow<'m, GroupHandle<Out>>
    where
        Out: 'm,
    {
        let manager = target.manager();
        QueueWorkflow::new(async move {
            let runs = manager.queue_plan(self.plan).await?;
            let members = self.members.iter().map(|place| runs.id(*place));
            let members = members.map(|id| RunHandle::new(&manager, id)).collect();
            Ok(GroupHandle::new(&manager, members, runs))
        })
    }

    /// Queues the group, and waits for the values of all members, in their order: `.await` what this returns.
    ///
    /// The results are kept for [`KEPT_FOR_A_WAIT`], unless a call or its task says otherwise. The error is that of
    /// the first member without a value.
    pub fn queue_and_wait<'m>(
        mut self,
        target: &'m (impl QueueTarget + ?Sized),
    ) -> QueueAndWaitWorkflow<'m, Vec<Out>>
    where
        Out: DeserializeOwned + Send + 'm,
    {
        self.plan
            .keep(&self.members, |call| call.keeping_for(KEPT_FOR_A_WAIT));
        let queue = self.queue(target);
        QueueAndWaitWorkflow::new(|at_most| async move {
            queue.await?.wait_all().at_most(at_most).await
        })
    }
}

impl<Out> fmt::Debug for Group<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("members", &self.members.len())
            .field("runs", &self.plan.len())
            .finish_non_exhaustive()
    }
}
