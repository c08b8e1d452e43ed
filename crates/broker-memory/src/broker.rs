//! The contract: lock, one pure step, wake whoever waits.

use std::pin::pin;
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerError, Capabilities, CheckpointRequest, Checkpointed, ClaimRequest, Claimed,
    EnqueueRequest, Enqueued, ExtendRequest, Extended, QueueLengths, ReclaimRequest, Reclaimed,
    SettleRequest, Settled, WaitAnswer, WaitEndedRequest, WaitRequest,
};
use aqueduct_core::{QueueName, RunId, Timestamp};

use crate::MemoryBroker;
use crate::state::{Begun, State, WaitKey};

impl Broker for MemoryBroker {
    fn capabilities(&self) -> Capabilities {
        Capabilities::in_process()
    }

    async fn enqueue(&self, request: &EnqueueRequest) -> Result<Vec<Enqueued>, BrokerError> {
        self.step(|state, now| state.enqueue(request, now))
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claimed, BrokerError> {
        self.step(|state, now| state.claim(request, now))
    }

    async fn settle(&self, request: &SettleRequest) -> Result<Vec<Settled>, BrokerError> {
        self.step(|state, now| state.settle(request, now))
    }

    async fn extend(&self, request: &ExtendRequest) -> Result<Extended, BrokerError> {
        self.step(|state, now| Ok(state.extend(request, now)))
    }

    async fn checkpoint(&self, request: &CheckpointRequest) -> Result<Checkpointed, BrokerError> {
        self.step(|state, now| state.checkpoint(request, now))
    }

    async fn reclaim(&self, request: &ReclaimRequest) -> Result<Reclaimed, BrokerError> {
        self.step(|state, now| Ok(state.reclaim(request, now)))
    }

    async fn wait_ready(&self, request: &WaitRequest) -> Result<(), BrokerError> {
        // Both ends of the time-out mean the same: claim.
        let _ = tokio::time::timeout(request.at_most, self.until_ready(request)).await;
        Ok(())
    }

    async fn wait_ended(&self, request: &WaitEndedRequest) -> Result<WaitAnswer, BrokerError> {
        let until_ended = self.until_ended(request.run);
        let answer = tokio::time::timeout(request.at_most, until_ended).await;
        answer.unwrap_or(Ok(WaitAnswer::NotYet))
    }

    async fn queue_lengths(&self, queues: &[QueueName]) -> Result<Vec<QueueLengths>, BrokerError> {
        Ok(self.state().lengths(queues))
    }
}

impl MemoryBroker {
    /// Takes one step under the lock, and wakes the waiting if it made runs ready.
    pub(crate) fn step<T>(&self, step: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.0.clock.now();
        let (result, wake, ended) = {
            let mut state = self.state();
            state.note_time(now);
            let result = step(&mut state, now);
            (result, state.take_wake(), state.take_ended())
        };
        if wake {
            self.0.ready.notify_waiters();
        }
        for (waiting, run) in ended {
            // Whoever was about to give up does not want to know.
            let _ = waiting.send(run);
        }
        result
    }

    /// Waits until a run has ended or is removed.
    async fn until_ended(&self, run: RunId) -> Result<WaitAnswer, BrokerError> {
        loop {
            let begun = self.state().begin_wait(run)?;
            let (key, told) = match begun {
                Begun::Answered(answer) => return Ok(answer),
                Begun::Waiting(key, told) => (key, told),
            };
            let _waiting = Waiting { broker: self, key };
            if let Ok(run) = told.await {
                return Ok(WaitAnswer::Ended(run));
            }
        }
    }

    /// Waits until a run is ready: for a wake-up, for the earliest due time, for a moved clock.
    async fn until_ready(&self, request: &WaitRequest) {
        loop {
            // Registered before the look at the state, so that no change in between is lost.
            let mut moves = self.0.clock.moves();
            let mut notified = pin!(self.0.ready.notified());
            notified.as_mut().enable();
            let (is_ready, due_in) = self.step(|state, now| {
                state.promote(now);
                (
                    state.has_ready(&request.queues, &request.lanes),
                    state.due_in(now),
                )
            });
            if is_ready {
                return;
            }
            tokio::select! {
                biased;
                () = notified => {}
                () = tokio::time::sleep(due_in.unwrap_or(LONG).max(TICK)) => {}
                () = moves.moved() => {}
            }
        }
    }
}

/// A wait for an end, which leaves nothing behind when it is dropped.
struct Waiting<'a> {
    broker: &'a MemoryBroker,
    key: WaitKey,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.broker.state().end_wait(self.key);
    }
}

/// Longer than any wait; the caller's bound ends it.
const LONG: Duration = Duration::from_hours(24);

/// The broker's clock has milliseconds, the runtime's less: never wait for nothing.
const TICK: Duration = Duration::from_millis(1);
