//! What the parts of one consumer share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use aqueduct_broker_api::{BrokerHandle, Sequence};
use aqueduct_core::attempt::AttemptPort;
use aqueduct_core::cancel::Cancellation;
use aqueduct_core::context::ContextShared;
use aqueduct_core::event::Events;
use aqueduct_core::run::{MAX_WAIT, Outcome, decide, within_total};
use aqueduct_core::time::Monotonic;
use aqueduct_core::{Clock, ConsumerId, Lane, RetryPolicy, TaskDefinition, TaskRegistry};

use crate::config::Limits;
use crate::cpu::CpuLane;
use crate::in_flight::{InFlight, Owed};
use crate::in_place::InPlace;
use crate::metrics::Counters;
use crate::outbox::{Ended, Outbox};
use crate::port::ConsumerPort;

/// What the parts of one consumer share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: ConsumerId,
    pub(crate) broker: BrokerHandle,
    pub(crate) registry: Arc<TaskRegistry>,
    pub(crate) context: Arc<ContextShared>,
    pub(crate) port: Arc<ConsumerPort>,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) events: Events,
    pub(crate) counters: Counters,
    pub(crate) in_flight: InFlight,
    pub(crate) outbox: Outbox,
    /// Given when the consumer begins to stop.
    pub(crate) stopping: Cancellation,
    /// Given when the grace time is over: tasks are dropped where they are.
    pub(crate) abandon: Cancellation,
    /// Given when nothing is under way any more.
    pub(crate) drained: Cancellation,
    /// Where CPU tasks run, if there are any.
    pub(crate) cpu: Option<CpuLane>,
    /// What is under way here, if everything is on one runtime.
    pub(crate) in_place: Option<InPlace>,
    /// Attempts under way, lane by lane.
    running: [AtomicUsize; Lane::ALL.len()],
    /// Milliseconds on the monotonic clock until which the lease is trusted.
    trusted_until: AtomicU64,
    /// Every request up to this one was answered, and what it claimed is in the table.
    answered: AtomicU64,
}

/// The place of one attempt, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    shared: Arc<Shared>,
    lane: Lane,
}

impl Shared {
    #[expect(
        clippy::too_many_arguments,
        reason = "the one place where a consumer is put together"
    )]
    pub(crate) fn new(
        broker: BrokerHandle,
        registry: Arc<TaskRegistry>,
        context: ContextShared,
        limits: Limits,
        clock: Clock,
        events: Events,
        cpu: Option<CpuLane>,
        in_place: Option<InPlace>,
    ) -> Self {
        let id = ConsumerId::generate();
        let port = ConsumerPort::new(id, broker.clone(), limits.lease);
        let attempts: Arc<dyn AttemptPort> = Arc::<ConsumerPort>::clone(&port);
        Self {
            id,
            broker,
            registry,
            context: Arc::new(context.with_port(attempts)),
            port,
            limits,
            clock,
            events,
            counters: Counters::default(),
            in_flight: InFlight::default(),
            outbox: Outbox::default(),
            stopping: Cancellation::new(),
            abandon: Cancellation::new(),
            drained: Cancellation::new(),
            cpu,
            in_place,
            running: Default::default(),
            trusted_until: AtomicU64::new(0),
            answered: AtomicU64::new(0),
        }
    }

    /// Ends a run with an outcome, unless somebody else has.
    pub(crate) fn end(&self, owed: &Arc<Owed>, outcome: Outcome) {
        if owed.end() {
            self.settle_ended(owed, outcome);
        }
    }

    /// Makes the settlement of a run that the caller has ended.
    pub(crate) fn settle_ended(&self, owed: &Arc<Owed>, outcome: Outcome) {
        let run = owed.context.run();
        let task = self.registry.get(run.task.as_str());
        let hold_back = outcome.hold_back().min(MAX_WAIT);
        let settlement = match task {
            Some(task) => decide(
                outcome,
                task.definition().retry(),
                run.tally,
                fastrand::f64(),
            ),
            None => decide(outcome, &RetryPolicy::default(), run.tally, fastrand::f64()),
        };
        let now = self.clock.monotonic();
        let settlement = match owed.total_left(now) {
            Some(left) => within_total(settlement, left),
            None => settlement,
        };
        self.outbox.push(Ended {
            owed: Arc::clone(owed),
            settlement,
            hold_back,
            took: owed.took(now),
        });
    }

    /// Returns how many attempts take a place of a lane.
    pub(crate) fn running(&self, lane: Lane) -> usize {
        self.running_in(lane).load(Ordering::Acquire)
    }

    /// Returns how many attempts a lane has places for, now.
    pub(crate) fn places(&self, lane: Lane) -> usize {
        match lane {
            Lane::Io => self.limits.concurrency,
            Lane::Cpu if self.in_place.is_some() => self.limits.concurrency,
            Lane::Cpu => {
                let open = self.cpu.as_ref().map(|cpu| cpu.workers().open_places());
                open.unwrap_or(0)
            }
        }
    }

    /// Takes a place for an attempt.
    pub(crate) fn occupy(self: &Arc<Self>, lane: Lane) -> Place {
        self.running_in(lane).fetch_add(1, Ordering::AcqRel);
        Place {
            shared: Arc::clone(self),
            lane,
        }
    }

    /// Returns the lane of the workers, if the task of a run goes there.
    pub(crate) fn cpu_lane_of(&self, task: &TaskDefinition) -> Option<&CpuLane> {
        self.cpu.as_ref().filter(|_| task.lane() == Lane::Cpu)
    }

    fn running_in(&self, lane: Lane) -> &AtomicUsize {
        let [io, cpu] = &self.running;
        match lane {
            Lane::Io => io,
            Lane::Cpu => cpu,
        }
    }

    /// Trusts the lease that a call sent at `sent` renewed.
    pub(crate) fn trust_from(&self, sent: Monotonic) {
        self.trusted_until
            .fetch_max(millis(self.end_of_trust(sent)), Ordering::AcqRel);
    }

    /// Returns whether a lease that a call sent at `sent` gave is trusted, if nothing has renewed it.
    pub(crate) fn is_trusted_from(&self, sent: Monotonic) -> bool {
        self.clock.monotonic() < self.end_of_trust(sent)
    }

    fn end_of_trust(&self, sent: Monotonic) -> Monotonic {
        sent.saturating_add(self.limits.lease.saturating_sub(self.limits.margin))
    }

    /// Returns how long the lease is still trusted; zero if it is not.
    pub(crate) fn trusted_for(&self) -> Duration {
        let until = self.trusted_until.load(Ordering::Acquire);
        Duration::from_millis(until.saturating_sub(millis(self.clock.monotonic())))
    }

    pub(crate) fn answered(&self) -> Sequence {
        Sequence::from_number(self.answered.load(Ordering::Acquire))
    }

    pub(crate) fn set_answered(&self, sequence: Sequence) {
        self.answered.store(sequence.number(), Ordering::Release);
    }
}

impl Place {
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self { shared, lane } = self;
        let before = shared.running_in(*lane).fetch_sub(1, Ordering::AcqRel);
        // A full lane waits for a place; others learn of it with the settlement.
        if before >= shared.places(*lane) {
            shared.outbox.wake();
        }
    }
}

fn millis(time: Monotonic) -> u64 {
    u64::try_from(time.since_origin().as_millis()).unwrap_or(u64::MAX)
}
