//! Makes a full broker of a simple one: the in-memory state machine in front of its three methods.
//!
//! `pass` has the way of runs between the state machine and the store, `seams` the administrative and
//! the schedule seam.

mod pass;
mod seams;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerError, BrokerHandle, Capabilities, CheckpointRequest, Checkpointed, ClaimRequest,
    Claimed, EnqueueRequest, Enqueued, ExtendRequest, Extended, QueueLengths, ReclaimRequest,
    Reclaimed, SettleRequest, Settled, SimpleBroker, WaitAnswer, WaitEndedRequest, WaitRequest,
};
use aqueduct_core::{Clock, QueueName};
use tracing::warn;

use crate::MemoryBroker;
use pass::{Fetched, StoredIds};

/// Turns a [`SimpleBroker`] into a full broker; implemented for every one.
pub trait SimpleBrokerExt: SimpleBroker + Sized {
    /// Puts the in-memory state machine in front of this store.
    ///
    /// Runs that may start at once go to the store, those that a stopping consumer gives back too.
    /// The docs of [`SimpleBroker`] list what stays in the memory of this process and is lost with it.
    fn into_broker(self) -> BrokerHandle {
        self.into_broker_on(Clock::system())
    }

    /// Does the same on another clock, so that tests can move it.
    fn into_broker_on(self, clock: Clock) -> BrokerHandle {
        BrokerHandle::new(SimpleFront {
            store: self,
            front: MemoryBroker::with_clock(clock),
            came_empty: AtomicBool::new(false),
            has_warned: AtomicBool::new(false),
            stored: Mutex::default(),
        })
    }
}

impl<S: SimpleBroker> SimpleBrokerExt for S {}

/// A simple store, and the state machine in front of it.
#[derive(Debug)]
struct SimpleFront<S> {
    store: S,
    front: MemoryBroker,
    /// Whether the store had nothing for the last claim that asked it: then its lengths alone are no
    /// reason to claim at once.
    came_empty: AtomicBool,
    /// Whether it was said that the store hands out runs that nobody wanted.
    has_warned: AtomicBool,
    stored: Mutex<StoredIds>,
}

/// How often a store is asked for its lengths while nothing else happens: this is the one place of
/// the workspace that polls, since three methods cannot say when something has arrived.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl<S: SimpleBroker> SimpleFront<S> {
    async fn has_stored(&self, request: &WaitRequest) -> Result<bool, BrokerError> {
        let lengths = self.store.queue_length().await?;
        let open = self
            .front
            .step(|state, _| state.open_queues(&request.queues));
        Ok(open
            .iter()
            .any(|queue| lengths.get(queue).is_some_and(|length| *length > 0)))
    }

    async fn until_ready(&self, request: &WaitRequest) -> Result<(), BrokerError> {
        let mut holds_off = self.came_empty.load(Ordering::Relaxed);
        loop {
            let is_here = self.front.step(|state, now| {
                state.promote(now);
                state.has_ready(&request.queues, &request.lanes)
            });
            if is_here || (self.has_stored(request).await? && !holds_off) {
                return Ok(());
            }
            let mut look = request.clone();
            look.at_most = LOOK_EVERY;
            self.front.wait_ready(&look).await?;
            holds_off = false;
        }
    }
}

impl<S: SimpleBroker> Broker for SimpleFront<S> {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::minimal();
        capabilities.delayed = true;
        capabilities.introductions = true;
        capabilities.progress = true;
        capabilities.checkpoints = true;
        capabilities.schedules = true;
        capabilities
    }

    async fn enqueue(&self, request: &EnqueueRequest) -> Result<Vec<Enqueued>, BrokerError> {
        let mut answers = self.front.enqueue(request).await?;
        self.pass_on_accepted(request, &mut answers).await?;
        Ok(answers)
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claimed, BrokerError> {
        let (fetched, problem) = if self.front.step(|state, _| state.is_answered(request)) {
            (Fetched::default(), None)
        } else {
            self.fetch(request).await
        };
        if let Some(problem) = problem {
            // Settlements, and runs that are here, do not wait for a store that fails.
            if request.settle.is_empty() && !fetched.something_is_here {
                return Err(problem);
            }
            warn!(
                error = &problem as &dyn std::error::Error,
                "the store gave no runs to this claim"
            );
        }
        let claimed = self.front.claim(request).await;
        for run in fetched.runs {
            // Does nothing with those that are claimed, which are nearly all.
            self.pass_on_or_keep(run).await;
        }
        let claimed = claimed?;
        self.give_back(&request.settle, &claimed.settled).await?;
        Ok(claimed)
    }

    async fn settle(&self, request: &SettleRequest) -> Result<Vec<Settled>, BrokerError> {
        let settled = self.front.settle(request).await?;
        self.give_back(&request.items, &settled).await?;
        Ok(settled)
    }

    async fn extend(&self, request: &ExtendRequest) -> Result<Extended, BrokerError> {
        self.front.extend(request).await
    }

    async fn checkpoint(&self, request: &CheckpointRequest) -> Result<Checkpointed, BrokerError> {
        self.front.checkpoint(request).await
    }

    async fn reclaim(&self, request: &ReclaimRequest) -> Result<Reclaimed, BrokerError> {
        self.front.reclaim(request).await
    }

    async fn wait_ready(&self, request: &WaitRequest) -> Result<(), BrokerError> {
        let ready = self.until_ready(request);
        tokio::time::timeout(request.at_most, ready)
            .await
            .unwrap_or(Ok(()))
    }

    async fn wait_ended(&self, request: &WaitEndedRequest) -> Result<WaitAnswer, BrokerError> {
        self.front.wait_ended(request).await
    }

    async fn queue_lengths(&self, queues: &[QueueName]) -> Result<Vec<QueueLengths>, BrokerError> {
        let stored = self.store.queue_length().await?;
        let mut lengths: BTreeMap<QueueName, QueueLengths> = BTreeMap::new();
        for length in self.front.queue_lengths(queues).await? {
            lengths.insert(length.queue.clone(), length);
        }
        for (queue, count) in stored {
            if queues.is_empty() || queues.contains(&queue) {
                let length = lengths.entry(queue.clone());
                length.or_insert_with(|| QueueLengths::empty(queue)).queued += count;
            }
        }
        Ok(lengths.into_values().collect())
    }
}
