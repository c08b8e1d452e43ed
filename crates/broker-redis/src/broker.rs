//! The contract: each step is one script.

use std::time::Duration;

use aqueduct_broker_api::wire;
use aqueduct_broker_api::{
    Broker, BrokerError, BrokerErrorKind, Capabilities, CheckpointRequest, Checkpointed,
    ClaimRequest, Claimed, EnqueueRequest, Enqueued, ExtendRequest, Extended, Introduction, Lease,
    LeaseToken, MAX_CLAIM_BATCH, MAX_ENQUEUE_BATCH, MAX_SETTLE_BATCH, QueueLengths, ReclaimRequest,
    Reclaimed, Sequence, SettleRequest, Settled, WaitAnswer, WaitEndedRequest, WaitRequest,
};
use aqueduct_core::run::{Failure, FailureKind};
use aqueduct_core::{ConsumerId, QueueName, Timestamp};
use tracing::error;

use crate::RedisBroker;
use crate::decode;
use crate::held::Ledger;
use crate::items::{consumer_name, millis, unencodable};
use crate::link::{Args, LinkError, Reply};
use crate::settlements::{self, Settlements};
use crate::unreadable::UNREADABLE;
use crate::whole;

impl Broker for RedisBroker {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::in_process();
        capabilities.durable = true;
        capabilities.shared = true;
        capabilities
    }

    async fn enqueue(&self, request: &EnqueueRequest) -> Result<Vec<Enqueued>, BrokerError> {
        const ENQUEUE: &str = "enqueue";
        BrokerError::check_batch(ENQUEUE, request.tasks.len(), MAX_ENQUEUE_BATCH)?;
        if request.tasks.is_empty() {
            return Ok(Vec::new());
        }
        self.store(request).await
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Claimed, BrokerError> {
        const CLAIM: &str = "claim";
        let wanted = request
            .wants
            .iter()
            .fold(0_usize, |sum, want| sum.saturating_add(want.max));
        BrokerError::check_batch(CLAIM, wanted, MAX_CLAIM_BATCH)?;
        BrokerError::check_batch(CLAIM, request.settle.len(), MAX_SETTLE_BATCH)?;
        let mut ledger = self.0.ledgers.take(request.consumer);
        let settlements = Settlements::of(request.consumer, &request.settle, ledger.as_mut());
        let mut args =
            self.args_with_retention(3 + settlements.count_args() + request.wants.len() * 4);
        // Zero would mean that nothing is claimed.
        args.text(&consumer_name(request.consumer))
            .number(request.sequence.number())
            .number(millis(request.lease).max(1));
        settlements
            .push(&mut args)
            .map_err(|error| unencodable(CLAIM, error))?;
        for want in &request.wants {
            args.number(u64::from(want.lane.number()))
                .number(want.max as u64)
                .number(want.queues.len() as u64);
            for queue in want.queues.iter() {
                args.text(queue.as_str());
            }
        }
        let reply = self.work(CLAIM, &self.0.scripts.claim, args).await?;
        let Some(parts) = fresh(reply).map_err(|error| error.during(CLAIM))? else {
            return Err(stale(CLAIM, request.sequence));
        };
        let read = Read::claimed(parts, request.consumer).map_err(|error| error.during(CLAIM))?;
        self.enter(request.consumer, ledger, &read);
        let mut claimed = read.claimed;
        claimed.settled = settlements.in_order(request.settle.len(), &claimed.settled);
        self.quarantine(request.consumer, read.unreadable).await?;
        Ok(claimed)
    }

    async fn settle(&self, request: &SettleRequest) -> Result<Vec<Settled>, BrokerError> {
        const SETTLE: &str = "settle";
        BrokerError::check_batch(SETTLE, request.items.len(), MAX_SETTLE_BATCH)?;
        let mut ledger = self.0.ledgers.take(request.consumer);
        let settlements = Settlements::of(request.consumer, &request.items, ledger.as_mut());
        let mut args = self.args_with_retention(3 + settlements.count_args());
        args.text(&consumer_name(request.consumer))
            .number(request.sequence.number())
            .number(0);
        settlements
            .push(&mut args)
            .map_err(|error| unencodable(SETTLE, error))?;
        let reply = self.work(SETTLE, &self.0.scripts.claim, args).await?;
        let Some(parts) = fresh(reply).map_err(|error| error.during(SETTLE))? else {
            return Err(stale(SETTLE, request.sequence));
        };
        let read = Read::claimed(parts, request.consumer).map_err(|error| error.during(SETTLE))?;
        self.enter(request.consumer, ledger, &read);
        Ok(settlements.in_order(request.items.len(), &read.claimed.settled))
    }

    async fn extend(&self, request: &ExtendRequest) -> Result<Extended, BrokerError> {
        const EXTEND: &str = "extend";
        let introduction = request
            .introduction
            .as_deref()
            .map(wire::encode_introduction);
        let introduction = introduction.transpose();
        let introduction = introduction.map_err(|error| unencodable(EXTEND, error))?;
        let mut args =
            self.args_with_retention(5 + request.progress.len() * 2 + request.held.len());
        args.text(&consumer_name(request.consumer))
            .number(millis(request.lease))
            .number(request.answered.number())
            .bytes(introduction.unwrap_or_default())
            .bytes(names_of(request.introduction.as_deref()));
        let is_mine = |token: &LeaseToken| token.consumer == request.consumer;
        let reports = request.progress.iter().filter(|it| is_mine(&it.token));
        args.number(reports.clone().count() as u64);
        for report in reports {
            args.bytes(settlements::token_bytes(&report.token))
                .bytes(wire::encode_progress(&report.progress));
        }
        let (mine, others): (Vec<_>, Vec<_>) =
            request.held.iter().partition(|token| is_mine(token));
        for token in mine {
            args.bytes(settlements::token_bytes(token));
        }
        let reply = self.beat(EXTEND, &self.0.scripts.extend, args).await?;
        let mut extended = extended(reply).map_err(|error| error.during(EXTEND))?;
        extended
            .lost
            .extend(others.into_iter().map(|token| token.run));
        Ok(extended)
    }

    async fn checkpoint(&self, request: &CheckpointRequest) -> Result<Checkpointed, BrokerError> {
        const KEEP: &str = "keep a checkpoint";
        request.check()?;
        let mut args = self.0.keys.args(4);
        args.text(&consumer_name(request.token.consumer))
            .bytes(settlements::token_bytes(&request.token))
            .number(u64::from(request.number))
            .bytes(request.value.as_bytes().to_vec());
        let reply = self.step(KEEP, &self.0.scripts.checkpoint, args).await?;
        let is_kept = reply.into_number().map_err(|error| error.during(KEEP))? == 1;
        Ok(if is_kept {
            Checkpointed::Kept
        } else {
            Checkpointed::LeaseLost
        })
    }

    async fn reclaim(&self, request: &ReclaimRequest) -> Result<Reclaimed, BrokerError> {
        const RECLAIM: &str = "reclaim";
        let failure = Failure::new(
            FailureKind::Crash,
            "the lease ran out: its consumer died or stood still",
        );
        let field = wire::failure_field(&failure).map_err(|error| unencodable(RECLAIM, error))?;
        let mut args = self.args_with_retention(6);
        args.number(millis(request.beat))
            .number(millis(request.lease))
            .number(u64::from(request.crash_budget))
            .number(request.limit as u64)
            .bytes(field)
            .bytes(wire::failure_tail(&failure));
        let reply = self.beat(RECLAIM, &self.0.scripts.reclaim, args).await?;
        let (reclaimed, unreadable) = reclaimed(reply).map_err(|error| error.during(RECLAIM))?;
        let list = self.0.keys.name(UNREADABLE);
        self.0.unreadable.learn(unreadable, &list);
        Ok(reclaimed)
    }

    async fn wait_ready(&self, request: &WaitRequest) -> Result<(), BrokerError> {
        const WAIT: &str = "wait";
        let bell = self.0.bells.listen(&request.queues, &request.lanes);
        let deadline = tokio::time::Instant::now() + request.at_most;
        loop {
            // Registered before the look, so that no ring in between is lost.
            let rung = bell.rung();
            let mut args = self
                .0
                .keys
                .args(request.queues.len() * request.lanes.len() * 2);
            for queue in request.queues.iter() {
                for lane in &request.lanes {
                    args.number(u64::from(lane.number())).text(queue.as_str());
                }
            }
            let reply = self.work(WAIT, &self.0.scripts.peek, args).await?;
            let (is_ready, due_in) = peeked(reply).map_err(|error| error.during(WAIT))?;
            if is_ready {
                return Ok(());
            }
            let until_due = due_in.map(|wait| tokio::time::Instant::now() + wait.max(TICK));
            let wake_at = until_due.map_or(deadline, |due| due.min(deadline));
            tokio::select! {
                () = rung => return Ok(()),
                () = tokio::time::sleep_until(wake_at) => {}
            }
            if wake_at == deadline {
                return Ok(());
            }
        }
    }

    async fn wait_ended(&self, request: &WaitEndedRequest) -> Result<WaitAnswer, BrokerError> {
        self.until_ended(request).await
    }

    async fn queue_lengths(&self, queues: &[QueueName]) -> Result<Vec<QueueLengths>, BrokerError> {
        const LENGTHS: &str = "tell lengths";
        let mut args = Args::default();
        args.text(&self.0.keys.name("lengths"));
        let reply = self.command(LENGTHS, "HGETALL", args).await?;
        let limits = self.0.config.queue_limits();
        let mut known = lengths(reply).map_err(|error| error.during(LENGTHS))?;
        for lengths in &mut known {
            lengths.limit = limits.of(&lengths.queue);
        }
        if queues.is_empty() {
            return Ok(known);
        }
        let of = |name: &QueueName| {
            let known = known.iter().find(|lengths| lengths.queue == *name);
            known
                .cloned()
                .unwrap_or_else(|| QueueLengths::empty(name.clone()).limited(limits.of(name)))
        };
        Ok(queues.iter().map(of).collect())
    }
}

impl RedisBroker {
    /// Enters what was claimed into the ledger of a consumer, if the server says that it is exact.
    fn enter(&self, consumer: ConsumerId, ledger: Option<Ledger>, read: &Read) {
        if read.requests > 0 {
            let mut ledger = ledger.unwrap_or_default();
            ledger.add(&read.claimed.leases, &read.carrying, read.requests);
            self.0.ledgers.keep(consumer, ledger);
        }
    }

    /// Sets claimed runs aside whose bytes cannot be read, so that they hold up nobody.
    async fn quarantine(
        &self,
        consumer: ConsumerId,
        runs: Vec<Unreadable>,
    ) -> Result<(), BrokerError> {
        for Unreadable { token, problem } in runs {
            error!(%problem, "a run cannot be read; it is set aside");
            let mut args = self.args_with_retention(2);
            args.text(&consumer_name(consumer)).bytes(token);
            self.work("set aside", &self.0.scripts.quarantine, args)
                .await?;
        }
        Ok(())
    }
}

/// Returns what a consumer takes, as `lib/parked.lua` reads it.
fn names_of(introduction: Option<&Introduction>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Some(introduction) = introduction.filter(|it| !it.is_stopping) else {
        return bytes;
    };
    let lanes = introduction
        .lanes
        .iter()
        .map(|lane| format!("l{}", lane.number()));
    let queues = introduction.queues.iter().map(|queue| format!("q{queue}"));
    let tasks = introduction.tasks.iter().map(|task| format!("t{task}"));
    for name in lanes.chain(queues).chain(tasks) {
        bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(name.as_bytes());
    }
    bytes
}

/// A claimed run whose bytes cannot be read.
struct Unreadable {
    token: Vec<u8>,
    problem: wire::WireError,
}

/// Returns the parts behind the status of a reply, or `None` if the request was too old.
fn fresh(reply: Reply) -> Result<Option<impl Iterator<Item = Reply>>, LinkError> {
    let mut parts = reply.into_list()?;
    let status = decode::next(&mut parts)?.into_number()?;
    Ok((status == 0).then_some(parts))
}

pub(crate) fn stale(operation: &'static str, sequence: Sequence) -> BrokerError {
    let message = format!(
        "request {} is older than the last requests of its client",
        sequence.number()
    );
    BrokerError::new(BrokerErrorKind::Stale, operation, message)
}

/// The reply to a claim.
#[derive(Default)]
struct Read {
    claimed: Claimed,
    /// Of each claimed run whether it carries what it frees.
    carrying: Vec<bool>,
    /// How many requests of the consumer the server has done; 0 if what it knows of its runs is not exact.
    requests: u64,
    unreadable: Vec<Unreadable>,
}

impl Read {
    fn claimed(
        mut parts: impl Iterator<Item = Reply>,
        consumer: ConsumerId,
    ) -> Result<Self, LinkError> {
        let mut read = Self::default();
        read.claimed.settled = decode::settled(&decode::next(&mut parts)?.into_bytes()?)?;
        for run in decode::next(&mut parts)?.into_list()? {
            read.push(&run.into_bytes()?, consumer);
        }
        read.claimed.cancels = decode::cancels(decode::next(&mut parts)?)?;
        read.requests = decode::next(&mut parts)?.into_number()?;
        let now = decode::next(&mut parts)?.into_number()?;
        read.claimed.now = Timestamp::from_millis(now);
        Ok(read)
    }

    fn push(&mut self, run: &[u8], consumer: ConsumerId) {
        match decode::held_run(run, &[]) {
            Ok(held) => {
                self.claimed.leases.push(Lease::new(held, consumer));
                self.carrying.push(whole::carries(run));
            }
            Err(problem) => {
                let token = run.get(4..24).unwrap_or_default().to_vec();
                self.unreadable.push(Unreadable { token, problem });
            }
        }
    }
}

fn extended(reply: Reply) -> Result<Extended, LinkError> {
    let mut parts = reply.into_list()?;
    let mut extended = Extended::default();
    extended.lost = decode::run_ids(&decode::next(&mut parts)?.into_bytes()?);
    extended.cancels = decode::cancels(decode::next(&mut parts)?)?;
    extended.released = count(&mut parts)?;
    Ok(extended)
}

/// Reads what a beat did, and how many entries cannot be read.
fn reclaimed(reply: Reply) -> Result<(Reclaimed, u64), LinkError> {
    let mut parts = reply.into_list()?;
    let mut reclaimed = Reclaimed::default();
    reclaimed.requeued = count(&mut parts)?;
    reclaimed.failed = count(&mut parts)?;
    reclaimed.cancelled = count(&mut parts)?;
    reclaimed.expired = count(&mut parts)?;
    reclaimed.swept = count(&mut parts)?;
    reclaimed.more = count(&mut parts)? == 1;
    let paused_for = decode::next(&mut parts)?.into_number()?;
    reclaimed.paused_for = (paused_for > 0).then(|| Duration::from_millis(paused_for));
    Ok((reclaimed, decode::next(&mut parts)?.into_number()?))
}

fn count(parts: &mut impl Iterator<Item = Reply>) -> Result<usize, LinkError> {
    let number = decode::next(parts)?.into_number()?;
    usize::try_from(number).map_err(|_| LinkError::unexpected("a count is too large"))
}

fn peeked(reply: Reply) -> Result<(bool, Option<Duration>), LinkError> {
    let mut parts = reply.into_list()?;
    let is_ready = decode::next(&mut parts)?.into_number()? == 1;
    let due_in = decode::next(&mut parts)?.into_signed()?;
    Ok((
        is_ready,
        u64::try_from(due_in).ok().map(Duration::from_millis),
    ))
}

/// Reads lengths: fields of a digit for the state and the queue's name.
fn lengths(reply: Reply) -> Result<Vec<QueueLengths>, LinkError> {
    let mut all: Vec<QueueLengths> = Vec::new();
    let mut parts = reply.into_list()?;
    while let (Some(field), Some(number)) = (parts.next(), parts.next()) {
        let (field, number) = (field.into_text()?, number.into_signed()?);
        let (state, queue) = field.split_at_checked(1).unwrap_or_default();
        let Ok(queue) = queue.parse::<QueueName>() else {
            continue;
        };
        let place = match all.binary_search_by(|lengths| lengths.queue.cmp(&queue)) {
            Ok(place) => place,
            Err(place) => {
                all.insert(place, QueueLengths::empty(queue));
                place
            }
        };
        let Some(lengths) = all.get_mut(place) else {
            continue;
        };
        let number = u64::try_from(number).unwrap_or(0);
        match state {
            "0" => lengths.scheduled = number,
            "1" => lengths.queued = number,
            "2" => lengths.running = number,
            "3" => lengths.retrying = number,
            _ => {}
        }
    }
    Ok(all)
}

/// Redis counts milliseconds: a shorter wait is none.
const TICK: Duration = Duration::from_millis(1);
