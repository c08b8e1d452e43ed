//! A broker that fails on demand: errors, lost replies, repeated requests, delays.

mod script;
mod seams;
mod twice;

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aqueduct_core::TaskName;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::erased::BrokerHandle;
use crate::error::{BrokerError, BrokerErrorKind};
use script::{Faults, Script};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The step is not done, and the caller sees an error.
    Error,
    /// The step is done, and the caller sees an error.
    LostReply,
    /// The step is asked for twice.
    Repeated,
    /// The step is done late.
    Delay(Duration),
}

/// Lists the operations, and all of them.
macro_rules! operations {
    ($($name:ident),* $(,)?) => {
        /// The calls that can go wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "named after the methods")]
        pub enum Operation { $($name),* }

        impl Operation {
            /// Every operation of the three seams.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

operations! {
    Enqueue, Claim, Settle, Extend, Checkpoint, Reclaim, WaitReady, WaitEnded, QueueLengths,
    Find, ListRuns, Holders, KeyHolders, Cancel, Requeue, Discard, Purge, SetPaused, Paused, Tasks, Consumers, Limits, Turn, Unreadable,
    Upsert, List, Fire, SetEnabled, Remove, WaitChanged,
}

/// A broker around another that fails on demand; clones share their faults.
#[derive(Clone, Debug)]
pub struct FaultyBroker {
    inner: BrokerHandle,
    script: Arc<Mutex<Script>>,
    /// Told of each call.
    called: Arc<Notify>,
}

/// A time without faults; they come back when it is dropped.
#[derive(Debug)]
pub struct Healed<'a> {
    broker: &'a FaultyBroker,
    faults: Faults,
}

impl Drop for Healed<'_> {
    fn drop(&mut self) {
        let faults = std::mem::take(&mut self.faults);
        self.broker.with_script(|script| script.faults = faults);
    }
}

impl FaultyBroker {
    /// Wraps a broker; nothing fails yet.
    #[must_use]
    pub fn new(inner: BrokerHandle) -> Self {
        Self {
            inner,
            script: Arc::default(),
            called: Arc::default(),
        }
    }

    /// Lets every so many calls of any operation fail, from the first on.
    #[must_use]
    pub fn every(self, calls: u64, fault: Fault) -> Self {
        self.rule(None, calls, fault)
    }

    /// Lets every so many calls of one operation fail, from the first on.
    #[must_use]
    pub fn every_of(self, operation: Operation, calls: u64, fault: Fault) -> Self {
        self.rule(Some(operation), calls, fault)
    }

    fn rule(self, operation: Option<Operation>, calls: u64, fault: Fault) -> Self {
        self.with_script(|script| script.faults.every(operation, calls, fault));
        self
    }

    /// Lets the next call of an operation fail that is not spoken for already.
    pub fn fail_next(&self, operation: Operation, fault: Fault) {
        self.with_script(|script| script.faults.next(operation, fault));
    }

    /// Lets a share of all calls fail, from 0.0 to 1.0, each with one of `faults`; the same for one seed.
    pub fn fail_at_random(&self, share: f64, faults: impl Into<Vec<Fault>>, seed: u64) {
        self.with_script(|script| script.faults.at_random(share, faults.into(), seed));
    }

    /// Gives the next run of a task that is claimed to a second attempt, although the first succeeds.
    ///
    /// It is as if the lease was lost a moment before the end: the success is not recorded, and whoever
    /// reports it learns that.
    pub fn deliver_twice(&self, task: TaskName) {
        self.with_script(|script| script.twice.next(task));
    }

    /// Lets nothing fail any more.
    pub fn heal(&self) {
        self.with_script(|script| script.faults = Faults::default());
    }

    /// Lets nothing fail as long as the returned guard lives.
    #[must_use]
    pub fn healed(&self) -> Healed<'_> {
        let faults = self.with_script(|script| std::mem::take(&mut script.faults));
        Healed {
            broker: self,
            faults,
        }
    }

    /// Returns how many calls have failed.
    #[must_use]
    pub fn injected(&self) -> u64 {
        self.with_script(|script| script.injected())
    }

    /// Returns how many calls of an operation there were.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> u64 {
        self.with_script(|script| script.calls(operation))
    }

    /// Waits until there were that many calls of an operation.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn called(&self, operation: Operation, times: u64) {
        loop {
            let mut called = pin!(self.called.notified());
            called.as_mut().enable();
            if self.calls(operation) >= times {
                return;
            }
            called.await;
        }
    }

    /// Returns a wait for the next call of any operation.
    pub fn next_call(&self) -> Notified<'_> {
        self.called.notified()
    }

    fn with_script<T>(&self, work: impl FnOnce(&mut Script) -> T) -> T {
        work(&mut self.script.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn next_fault(&self, operation: Operation) -> Option<Fault> {
        let fault = self.with_script(|script| script.next_fault(operation));
        self.called.notify_waiters();
        fault
    }

    async fn call<T, Fut>(
        &self,
        operation: Operation,
        step: impl Fn() -> Fut + Send + Sync,
    ) -> Result<T, BrokerError>
    where
        Fut: Future<Output = Result<T, BrokerError>> + Send,
        T: Send,
    {
        match self.next_fault(operation) {
            None => step().await,
            Some(Fault::Error) => Err(unavailable()),
            Some(Fault::LostReply) => {
                step().await?;
                Err(unavailable())
            }
            Some(Fault::Repeated) => {
                step().await?;
                step().await
            }
            Some(Fault::Delay(time)) => {
                tokio::time::sleep(time).await;
                step().await
            }
        }
    }
}

fn unavailable() -> BrokerError {
    BrokerError::new(BrokerErrorKind::Unavailable, "do it", "an injected fault")
}
