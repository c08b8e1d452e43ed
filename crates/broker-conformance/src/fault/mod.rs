//! A broker that fails on demand: errors, lost replies, repeated requests, delays.

mod seams;

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aqueduct_broker_api::{BrokerError, BrokerErrorKind, BrokerHandle};
use tokio::sync::Notify;

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
    Enqueue, Claim, Settle, Extend, Reclaim, WaitReady, WaitEnded, QueueLengths,
    Find, ListRuns, Holders, Cancel, Requeue, Discard, Purge, SetPaused, Paused, Tasks, Consumers,
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
    rules: Vec<Rule>,
}

type Rule = (Option<Operation>, u64, Fault);

impl Drop for Healed<'_> {
    fn drop(&mut self) {
        let rules = std::mem::take(&mut self.rules);
        self.broker.with_script(|script| script.rules = rules);
    }
}

#[derive(Debug, Default)]
struct Script {
    rules: Vec<Rule>,
    calls: HashMap<Operation, u64>,
    injected: u64,
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
        self.with_script(|script| script.rules.push((operation, calls.max(1), fault)));
        self
    }

    /// Lets nothing fail any more.
    pub fn heal(&self) {
        self.with_script(|script| script.rules.clear());
    }

    /// Lets nothing fail as long as the returned guard lives.
    #[must_use]
    pub fn healed(&self) -> Healed<'_> {
        let rules = self.with_script(|script| std::mem::take(&mut script.rules));
        Healed {
            broker: self,
            rules,
        }
    }

    /// Returns how many calls have failed.
    #[must_use]
    pub fn injected(&self) -> u64 {
        self.with_script(|script| script.injected)
    }

    /// Returns how many calls of an operation there were.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> u64 {
        self.with_script(|script| script.calls.get(&operation).copied().unwrap_or(0))
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

    fn with_script<T>(&self, work: impl FnOnce(&mut Script) -> T) -> T {
        work(&mut self.script.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn next_fault(&self, operation: Operation) -> Option<Fault> {
        let fault = self.with_script(|script| {
            let calls = script.calls.entry(operation).or_default();
            let number = *calls;
            *calls += 1;
            let applies =
                |(of, every, _): &&Rule| of.is_none_or(|of| of == operation) && number % every == 0;
            let fault = script
                .rules
                .iter()
                .find(applies)
                .map(|(_, _, fault)| *fault);
            script.injected += u64::from(fault.is_some());
            fault
        });
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
