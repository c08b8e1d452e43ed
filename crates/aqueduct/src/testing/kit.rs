//! The kit itself: a broker, a clock, and what has happened.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aqueduct_broker_api::Broker as _;
use aqueduct_broker_api::faulty::{Fault, FaultyBroker, Operation};
use aqueduct_broker_api::{BrokerAdmin, BrokerHandle, QueueLengths};
use aqueduct_broker_memory::MemoryBroker;
use aqueduct_core::event::RunEvent;
use aqueduct_core::run::{Failure, MAX_WAIT, TaskRun};
use aqueduct_core::testing::next_clock_change;
use aqueduct_core::{Clock, QueuedTask, RunId, RunState, TaskName, Timestamp};

use super::expect::Expected;
use super::log::Log;
use super::time::VirtualTime;
use crate::{App, Broker, RunningApp};

/// How long a drain waits in virtual time while nothing ends that is due, unless told otherwise: a day.
pub const DEFAULT_PATIENCE: Duration = Duration::from_hours(24);

/// A broker in memory, virtual time, and what has happened: what a test needs.
///
/// Any number of applications share one kit, as processes share a broker. Each is whole: a consumer that
/// claims, beats and settles, and a scheduler; but all on the thread of the test. CPU tasks run there as well,
/// like others, whatever they are set to. Blocking that thread blocks everything.
#[derive(Debug)]
pub struct TestKit {
    seed: u64,
    time: VirtualTime,
    store: MemoryBroker,
    broker: FaultyBroker,
    log: Arc<Log>,
    patience: Mutex<Duration>,
}

/// How many runs are where, in all queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    queued: u64,
    running: u64,
    retrying: u64,
    scheduled: u64,
    /// What consumers hold and have not settled, as they know it: a reply may have been lost.
    unsettled: usize,
}

impl TestKit {
    pub(super) fn new(seed: u64) -> Self {
        let time = VirtualTime::start();
        let store = MemoryBroker::with_clock(time.clock());
        let broker = FaultyBroker::new(BrokerHandle::new(store.clone()));
        Self {
            seed,
            time,
            store,
            broker,
            log: Arc::default(),
            patience: Mutex::new(DEFAULT_PATIENCE),
        }
    }

    /// Begins an application on the broker and the clock of this kit.
    ///
    /// A crash, a deploy or a second consumer is a further application.
    pub fn app(&self) -> App {
        App::of_kit(self.broker(), self.clock(), Arc::clone(&self.log))
    }

    /// Returns the broker that the applications use, faults included.
    #[must_use]
    pub fn broker(&self) -> Broker {
        Broker::new(self.broker.clone())
    }

    /// Returns the virtual clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.time.clock()
    }

    /// Returns the seed that everything follows from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the virtual time of the wall.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// Lets time pass, from one thing that is due to the next; what is due at its very end has begun.
    ///
    /// A day of an idle consumer takes a second or two for real in a debug build: it beats every two seconds.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future lets less time pass.
    pub async fn advance(&self, by: Duration) {
        tokio::time::sleep(by).await;
        catch_up().await;
    }

    /// Lets time pass while nothing of any application runs, as when a machine is suspended.
    ///
    /// Leases pass meanwhile: a consumer keeps its runs if it beats again before somebody takes them back.
    ///
    /// # Cancel safety
    ///
    /// Never dropped before it ends.
    pub async fn suspend(&self, by: Duration) {
        tokio::time::advance(by).await;
        catch_up().await;
    }

    /// Sets the clock on the wall of every process, as an operator would; no time passes.
    pub fn set_time(&self, wall: Timestamp) {
        self.time.set(wall);
    }

    /// Sets the clock to a time `before` the clocks of a time zone are changed next, and returns when that is.
    ///
    /// Do it before an application starts: schedules take it for a jump of the clock afterwards. Then
    /// [`TestKit::advance`] crosses the change.
    ///
    /// # Panics
    ///
    /// Panics if there is no such zone, or its clocks are not changed within two years.
    #[track_caller]
    pub fn set_time_before_clock_change(&self, zone: &str, before: Duration) -> Timestamp {
        let Some(change) = next_clock_change(zone, self.now()) else {
            panic!("the clocks of \"{zone}\" are not changed within two years, or it is no zone");
        };
        self.set_time(change.saturating_sub(before));
        change
    }

    /// Waits until no run is due or running any more, and returns how many attempts have ended meanwhile.
    ///
    /// Runs that wait for a later time stay. Time passes only as far as running tasks wait for it, or a limit lets the next
    /// due run start.
    ///
    /// # Panics
    ///
    /// Panics if something is due or running, and nothing ends, for a day of virtual time, or as long as
    /// [`TestKit::set_patience`] says: then no consumer serves what is due.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn drain(&self) -> usize {
        self.drain_until(Totals::is_nothing_due).await
    }

    /// Waits until no run is left, and returns how many attempts have ended meanwhile.
    ///
    /// Time passes until the last retry and the last delay are over.
    ///
    /// # Panics
    ///
    /// Panics if something is due or running, and nothing ends, for a day of virtual time, or as long as
    /// [`TestKit::set_patience`] says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn drain_all(&self) -> usize {
        self.drain_until(Totals::is_nothing).await
    }

    /// Sets how long a drain waits in virtual time while something is due or running, and nothing ends.
    pub fn set_patience(&self, patience: Duration) {
        *self.patience.lock().unwrap_or_else(PoisonError::into_inner) = patience;
    }

    async fn drain_until(&self, is_over: fn(Totals) -> bool) -> usize {
        let patience = *self.patience.lock().unwrap_or_else(PoisonError::into_inner);
        let settled_before = self.log.settled();
        let (mut last, mut changed_at) = (Totals::default(), self.time.elapsed());
        catch_up().await;
        loop {
            let mut called = pin!(self.broker.next_call());
            called.as_mut().enable();
            let now = self.totals().await;
            if is_over(now) {
                // What has ended may have made something else due.
                catch_up().await;
                if is_over(self.totals().await) {
                    return self.log.settled() - settled_before;
                }
                continue;
            }
            if now != last {
                (last, changed_at) = (now, self.time.elapsed());
            }
            // What waits for its time is waited for.
            let patience = if now.is_nothing_due() {
                MAX_WAIT
            } else {
                patience
            };
            let left = (changed_at + patience).saturating_sub(self.time.elapsed());
            assert!(
                !left.is_zero(),
                "nothing has ended for {patience:?}: {now:?}; is there a consumer for it, and is nothing paused?"
            );
            tokio::select! {
                biased;
                () = called => {}
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    async fn totals(&self) -> Totals {
        let lengths = self.store.queue_lengths(&[]).await.unwrap_or_default();
        let add = |sum: Totals, it: QueueLengths| Totals {
            queued: sum.queued + it.queued,
            running: sum.running + it.running,
            retrying: sum.retrying + it.retrying,
            scheduled: sum.scheduled + it.scheduled,
            ..sum
        };
        let none = Totals {
            unsettled: self.log.unsettled(),
            ..Totals::default()
        };
        lengths.into_iter().fold(none, add)
    }

    /// Returns a run that the broker still knows.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn find(&self, run: RunId) -> Option<TaskRun> {
        let found = BrokerAdmin::find(&self.store, &[run]).await;
        found.unwrap_or_default().into_iter().next().flatten()
    }

    /// Returns what was queued so far, in order, ended runs too; not what schedules have fired.
    #[must_use]
    pub fn queued(&self) -> Vec<QueuedTask> {
        self.log.queued()
    }

    /// Returns what has happened to runs so far, in order.
    #[must_use]
    pub fn events(&self) -> Vec<RunEvent> {
        self.log.events()
    }

    /// Returns the states that the attempts of a run have led to, in order.
    #[must_use]
    pub fn states_of(&self, run: RunId) -> Vec<RunState> {
        self.log.states_of(run)
    }

    /// Returns the final state of a run that an attempt has ended.
    #[must_use]
    pub fn end_of(&self, run: RunId) -> Option<RunState> {
        self.states_of(run).pop().filter(|state| state.is_final())
    }

    /// Returns why the last attempt of a run failed, if one has.
    #[must_use]
    pub fn failure_of(&self, run: RunId) -> Option<Failure> {
        self.log.failure_of(run)
    }

    /// Checks that such a run was queued; [`assert_queued!`](crate::assert_queued) is easier to write.
    ///
    /// # Panics
    ///
    /// Panics if none was, and shows what was.
    #[track_caller]
    pub fn assert_queued(&self, expected: &Expected) {
        let queued = self.queued();
        let problem = expected.problem("is not", &queued);
        assert!(expected.is_among(&queued), "{problem}");
    }

    /// Checks that no such run was queued.
    ///
    /// # Panics
    ///
    /// Panics if one was, and shows what was.
    #[track_caller]
    pub fn assert_not_queued(&self, unexpected: &Expected) {
        let queued = self.queued();
        let problem = unexpected.problem("is", &queued);
        assert!(!unexpected.is_among(&queued), "{problem}");
    }

    /// Ends an application where it is, as a crash of its process: nothing is settled, given back or told.
    ///
    /// What it was running comes back a lease later, to another consumer, if there is one.
    pub fn crash(&self, app: RunningApp) {
        app.crash();
    }

    /// Lets the next call of an operation fail that is not spoken for already.
    pub fn fail_next(&self, operation: Operation, fault: Fault) {
        self.broker.fail_next(operation, fault);
    }

    /// Lets a share of all calls of the broker fail, from 0.0 to 1.0: with an error, a lost reply, or by being
    /// made twice. Which ones follows from the seed.
    pub fn fail_at_random(&self, share: f64) {
        let faults = [Fault::Error, Fault::LostReply, Fault::Repeated];
        self.broker.fail_at_random(share, faults, self.seed);
    }

    /// Lets nothing fail any more.
    pub fn heal(&self) {
        self.broker.heal();
    }

    /// Returns how many calls have failed so far.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.broker.injected()
    }

    /// Lets the next run of a task run twice, although its first attempt succeeds.
    ///
    /// It is as if its lease was lost a moment before its end.
    ///
    /// # Panics
    ///
    /// Panics if the text cannot be the name of a task. Whether there is one of that name is not looked at.
    #[track_caller]
    pub fn deliver_twice(&self, task: &str) {
        match task.parse::<TaskName>() {
            Ok(task) => self.broker.deliver_twice(task),
            Err(error) => panic!("{error}"),
        }
    }
}

impl Totals {
    fn is_nothing_due(self) -> bool {
        self.queued + self.running == 0 && self.unsettled == 0
    }

    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// Lets everything happen that can at this time.
async fn catch_up() {
    for _ in 0..STEPS {
        tokio::task::yield_now().await;
    }
}

/// More steps than lie between the timer of a broker and the first line of a task.
const STEPS: usize = 64;
