//! The pump: claims runs for free places, and sends settlements, fused in one exchange at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerError, BrokerErrorKind, ClaimRequest, Claimed, LaneWant, Lease, LeaseToken,
    MAX_CLAIM_BATCH, MAX_SETTLE_BATCH, Sequence, Settle, Settled,
};
use aqueduct_core::event::RunEvent;
use aqueduct_core::run::{Outcome, Settlement, TaskRun};
use aqueduct_core::task::DEFAULT_TIMEOUT;
use aqueduct_core::time::Monotonic;
use aqueduct_core::{Lane, TaskContext, Timestamp};
use tokio::runtime::Handle;
use tracing::{info, warn};

use crate::classify;
use crate::error::ConsumerError;
use crate::execute::execute;
use crate::heartbeat::pass_on;
use crate::in_flight::Owed;
use crate::metrics::add;
use crate::order::QueueOrder;
use crate::shared::Shared;
use crate::tell;
use crate::wake::{WakeUp, reopened, wake_up};

/// Feeds the executors, and empties the outbox.
pub(crate) struct Pump {
    shared: Arc<Shared>,
    order: QueueOrder,
    last: Sequence,
    /// The exchange under way: repeated as it is until it is answered.
    exchange: Option<Exchange>,
    /// Claimed ahead, not begun.
    waiting: VecDeque<Arc<Owed>>,
    /// The lanes of which the last claim left nothing: their next one waits for a wake-up.
    drained: Vec<Lane>,
    /// The wait for runs of these lanes.
    wake_up: Option<(Vec<Lane>, WakeUp)>,
    /// How long to hold off the next wait, at most; grows while waits fail.
    hold_off: Duration,
    is_stopping: bool,
    /// The runtime that executes the tasks.
    tasks: Handle,
}

/// A request that is not answered yet, with the runs that it settles.
struct Exchange {
    request: ClaimRequest,
    /// Whose settlements the request carries, in the same order, and how long the attempts ran.
    ended: Vec<(Arc<Owed>, Duration)>,
}

/// The first and the longest pause after a broker error.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(3);

impl Pump {
    pub(crate) fn new(shared: Arc<Shared>, order: QueueOrder, tasks: Handle) -> Self {
        Self {
            shared,
            order,
            last: Sequence::default(),
            exchange: None,
            waiting: VecDeque::new(),
            drained: Vec::new(),
            wake_up: None,
            hold_off: Duration::ZERO,
            is_stopping: false,
            tasks,
        }
    }

    /// Claims and settles for ever; returns only if the broker refuses this consumer for good.
    ///
    /// Cancel safe: an exchange under way is repeated by the next call.
    pub(crate) async fn feed(&mut self) -> ConsumerError {
        loop {
            // A broker that always has an answer at once must not keep the stop from being heard.
            tokio::task::coop::consume_budget().await;
            self.start_waiting();
            let can_claim = self
                .open_lanes()
                .iter()
                .any(|lane| !self.drained.contains(lane));
            if self.exchange.is_some() || can_claim || !self.shared.outbox.is_empty() {
                if let Err(refused) = self.exchange().await {
                    return ConsumerError::broker(refused);
                }
            } else {
                self.rest().await;
            }
        }
    }

    /// Sends settlements until nothing is owed any more; new runs are given back.
    ///
    /// Cancel safe: an exchange under way is repeated by the next call.
    pub(crate) async fn drain(&mut self) {
        self.is_stopping = true;
        for owed in self.waiting.drain(..) {
            self.shared.end(&owed, Outcome::Released);
        }
        loop {
            if self.exchange.is_some() || !self.shared.outbox.is_empty() {
                if self.exchange().await.is_err() {
                    return;
                }
            } else if self.shared.in_flight.is_empty() {
                return;
            } else {
                self.shared.outbox.filled().await;
            }
        }
    }

    /// Waits for an ended run, or for new runs of the lanes that have a free place.
    async fn rest(&mut self) {
        let lanes = self.open_lanes();
        if self
            .wake_up
            .as_ref()
            .is_some_and(|(waiting, _)| *waiting != lanes)
        {
            self.wake_up = None;
        }
        let (_, wake_up) = self.wake_up.get_or_insert_with(|| {
            let wait = wake_up(Arc::clone(&self.shared), lanes.clone(), self.hold_off);
            (lanes.clone(), wait)
        });
        tokio::select! {
            biased;
            () = self.shared.outbox.filled() => {
                // Others are about to end as well: let them, and settle them together.
                tokio::task::yield_now().await;
            }
            is_answered = wake_up, if !lanes.is_empty() => {
                self.hold_off = if is_answered {
                    Duration::ZERO
                } else {
                    (self.hold_off * 2).clamp(FIRST_PAUSE, MAX_PAUSE)
                };
                self.wake_up = None;
                self.drained.retain(|lane| !lanes.contains(lane));
            }
            () = reopened(&self.shared) => {}
        }
    }

    /// Makes one exchange with the broker, repeated until it is answered.
    async fn exchange(&mut self) -> Result<(), BrokerError> {
        let (mut pause, mut unanswered_since) = (FIRST_PAUSE, None);
        loop {
            let next = match self.exchange.take() {
                Some(unanswered) => unanswered,
                None => self.prepare(),
            };
            let exchange = self.exchange.insert(next);
            let sent = self.shared.clock.monotonic();
            match answered(&self.shared, &exchange.request).await {
                Ok(claimed) => {
                    if let Some(since) = unanswered_since {
                        let silence = self.shared.clock.monotonic().saturating_since(since);
                        info!(?silence, "the broker answers again");
                    }
                    self.shared.trust_from(sent);
                    self.take_answer(claimed, sent);
                    return Ok(());
                }
                Err(error) if error.kind() == BrokerErrorKind::Config => return Err(error),
                Err(error) => {
                    add(&self.shared.counters.broker_errors, 1);
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "the exchange is repeated"
                    );
                    unanswered_since.get_or_insert(sent);
                    tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
                    pause = (pause * 2).min(MAX_PAUSE);
                }
            }
        }
    }

    /// Makes the next request: what has ended, and what there is place for.
    fn prepare(&mut self) -> Exchange {
        let ended = self.shared.outbox.take(MAX_SETTLE_BATCH);
        let (settle, ended) = ended
            .into_iter()
            .map(|it| {
                (
                    Settle::new(it.owed.token, it.settlement).holding_back(it.hold_back),
                    (it.owed, it.took),
                )
            })
            .unzip();
        self.last = self.last.next();
        let mut request = ClaimRequest::new(self.shared.id, self.last, self.shared.limits.lease);
        request = request.settling(settle);
        for want in self.wants() {
            request = request.want(want);
        }
        Exchange { request, ended }
    }

    /// Returns what there is place for, the few CPU runs first.
    fn wants(&mut self) -> Vec<LaneWant> {
        let lanes = self.open_lanes();
        if lanes.is_empty() || self.is_stopping {
            return Vec::new();
        }
        let queues = self.order.next();
        let mut left = MAX_CLAIM_BATCH;
        let mut wants = Vec::new();
        for lane in lanes.into_iter().rev() {
            let places = self.free_places(lane).min(left);
            if places > 0 {
                left -= places;
                wants.push(LaneWant::new(lane, Arc::clone(&queues), places));
            }
        }
        wants
    }

    fn take_answer(&mut self, claimed: Claimed, sent: Monotonic) {
        let Some(Exchange { request, ended }) = self.exchange.take() else {
            return;
        };
        let Claimed {
            leases,
            settled,
            cancels,
            now,
            ..
        } = claimed;
        for want in &request.wants {
            let of_lane = leases.iter().filter(|lease| lease.run().lane == want.lane);
            let is_drained = of_lane.count() < want.max;
            self.drained.retain(|lane| *lane != want.lane);
            self.drained.extend(is_drained.then_some(want.lane));
        }
        self.shared
            .in_flight
            .remove(ended.iter().map(|(owed, _)| owed));
        for (((owed, took), settle), settled) in ended.iter().zip(&request.settle).zip(settled) {
            self.report(owed, *took, &settle.settlement, settled);
        }
        self.take_on(leases, now, sent);
        self.shared.set_answered(request.sequence);
        pass_on(&self.shared, cancels);
    }

    fn report(&self, owed: &Owed, took: Duration, settlement: &Settlement, settled: Settled) {
        let shared = &self.shared;
        let run = owed.context.run();
        shared.counters.count(settled);
        tell::log(owed, took, settlement, settled);
        shared.events.emit(|| {
            let kind = tell::event(settlement, settled, took);
            RunEvent::new(run.id, run.task.clone(), run.queue.clone(), kind)
                .with_attempt(run.tally.attempt)
                .at(shared.clock.now())
        });
    }

    /// Takes on claimed runs: begins as many as there are places for, and keeps the rest waiting.
    ///
    /// `now` is the time of the broker, `sent` when they were asked for: those whose answer took longer than a lease is
    /// trusted are given back, as they may have been taken back meanwhile.
    fn take_on(&mut self, leases: Vec<Lease>, now: Timestamp, sent: Monotonic) {
        if leases.is_empty() {
            return;
        }
        add(&self.shared.counters.claimed, leases.len());
        let owe = |lease: Lease| {
            let (run, token) = lease.into_parts();
            let left = run.ends_by().map(|time| time.saturating_since(now));
            let run_ends_by = left.map(|left| self.shared.clock.monotonic().saturating_add(left));
            Arc::new(self.owe(run, token, run_ends_by))
        };
        let runs: Vec<Arc<Owed>> = leases.into_iter().map(owe).collect();
        // A broker that has lost data gives a run anew: what is under way is of a lease that is gone.
        for replaced in self.shared.in_flight.insert(runs.iter().cloned()) {
            replaced.lose();
        }
        if self.is_stopping || !self.shared.is_trusted_from(sent) {
            for owed in &runs {
                self.shared.end(owed, Outcome::Released);
            }
            return;
        }
        let lane = |owed: &Arc<Owed>| owed.context.run().lane;
        let (io, cpu): (Vec<_>, Vec<_>) = runs.into_iter().partition(|it| lane(it) == Lane::Io);
        // What is claimed for workers has places, or waits in the pool for those that it needs.
        for owed in cpu {
            self.begin(owed);
        }
        let concurrency = self.shared.limits.concurrency;
        let places = concurrency.saturating_sub(self.shared.running(Lane::Io));
        let mut io = io.into_iter();
        for owed in io.by_ref().take(places) {
            self.begin(owed);
        }
        self.waiting.extend(io);
    }

    fn owe(&self, run: TaskRun, token: LeaseToken, run_ends_by: Option<Monotonic>) -> Owed {
        let shared = &self.shared;
        let task = shared.registry.get(run.task.as_str());
        let limit = task.map_or(DEFAULT_TIMEOUT, |task| task.definition().timeout());
        let now = shared.clock.monotonic();
        let limit = now.saturating_add(limit);
        let ends_by = run_ends_by.map_or(limit, |run_ends_by| run_ends_by.min(limit));
        let context = TaskContext::new(run, Arc::clone(&shared.context), ends_by);
        Owed::new(context, token, now).ending_by(run_ends_by)
    }

    /// Begins runs that were claimed ahead, as places become free; their time starts now.
    fn start_waiting(&mut self) {
        while self.shared.running(Lane::Io) < self.shared.limits.concurrency {
            let Some(ahead) = self.waiting.pop_front() else {
                return;
            };
            if ahead.is_lost() {
                self.shared.in_flight.remove(std::iter::once(&ahead));
                continue;
            }
            let run = ahead.context.run().clone();
            let owed = Arc::new(self.owe(run, ahead.token, ahead.run_ends_by));
            if let Some(reason) = ahead.context.cancellation().reason() {
                owed.context.cancellation().cancel(reason.clone());
            }
            // It replaces itself: only its time starts anew.
            self.shared
                .in_flight
                .insert(std::iter::once(Arc::clone(&owed)));
            self.begin(owed);
        }
    }

    /// Begins an attempt, unless the time of the run as a whole is over.
    fn begin(&self, owed: Arc<Owed>) {
        let left = owed.total_left(self.shared.clock.monotonic());
        if left.is_some_and(|left| left.is_zero()) {
            let record = owed.context.run().record.as_ref();
            let last = record.and_then(|record| record.failure.as_ref());
            self.shared.end(&owed, classify::came_too_late(last));
            return;
        }
        let place = self.shared.occupy(owed.context.run().lane);
        // Tracked by the table and the count of places.
        let attempt = self.tasks.spawn(execute(place, owed));
        if let Some(in_place) = &self.shared.in_place {
            in_place.note(attempt.abort_handle());
        }
    }

    /// Returns the lanes that have a free place, in wire order.
    fn open_lanes(&self) -> Vec<Lane> {
        let lanes = Lane::ALL.into_iter();
        lanes.filter(|lane| self.free_places(*lane) > 0).collect()
    }

    fn free_places(&self, lane: Lane) -> usize {
        let ahead = match lane {
            Lane::Io => self.shared.limits.prefetch,
            Lane::Cpu => 0,
        };
        let waiting = match lane {
            Lane::Io => self.waiting.len(),
            Lane::Cpu => 0,
        };
        let places = self.shared.places(lane) + ahead;
        places.saturating_sub(self.shared.running(lane) + waiting)
    }
}

/// Claims, and gives up on a broker that does not answer for as long as the lease lasts.
async fn answered(shared: &Shared, request: &ClaimRequest) -> Result<Claimed, BrokerError> {
    let claimed = tokio::time::timeout(shared.limits.lease, shared.broker.claim(request)).await;
    claimed.unwrap_or_else(|_too_long| {
        let message = "it did not answer within a lease";
        Err(BrokerError::new(BrokerErrorKind::Timeout, "claim", message))
    })
}
