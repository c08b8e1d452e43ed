//! Runs one plan on a broker and on the model, and compares every answer and the state.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, BrokerHandle, CheckpointRequest, ClaimRequest, EnqueueRequest,
    ExtendRequest, LaneWant, LeaseToken, ReclaimRequest, Report, Sequence, Settle, SettleRequest,
    Settlement,
};
use aqueduct_core::clock::ManualClock;
use aqueduct_core::event::Progress;
use aqueduct_core::key::Key;
use aqueduct_core::payload::Params;
use aqueduct_core::queue::Due;
use aqueduct_core::run::{
    Failure, FailureKind, Fair, Idempotency, Limit, OnConflict, Reason, TaskRun, Unique,
    UniqueScope, Unsuccessful,
};
use aqueduct_core::{
    ConsumerId, Lane, Payload, Priority, ProducerId, QueuedTask, RunId, Timestamp,
};

use crate::fixture::{Bench, fail, failure, named, queue_name, retry, succeed};
use crate::following::shaped;
use crate::model::ModelBroker;
use crate::plan::{Keyed, Step};

/// The lease and the beat of the plan's consumers.
const LEASE: Duration = Duration::from_secs(2);
const BEAT: Duration = Duration::from_secs(5);

/// The world of one comparison: the same requests go to both brokers.
struct World {
    broker: BrokerHandle,
    model: BrokerHandle,
    producer: ProducerId,
    enqueued: u64,
    last_enqueue: Option<EnqueueRequest>,
    consumers: Vec<Client>,
    runs: Vec<RunId>,
    /// Whether the broker can do workflows.
    has_workflows: bool,
}

struct Client {
    id: ConsumerId,
    last: Sequence,
    last_claim: Option<ClaimRequest>,
    held: Vec<LeaseToken>,
}

/// Runs a plan on the broker of a fresh bench and on the model; returns where they first differ.
///
/// # Cancel safety
///
/// Dropping the future ends the comparison.
pub(crate) async fn compare(bench: &Bench, plan: &[Step]) -> Option<String> {
    let clock = ManualClock::new(bench.now());
    let client = |_| Client {
        id: ConsumerId::generate(),
        last: Sequence::default(),
        last_claim: None,
        held: Vec::new(),
    };
    let mut world = World {
        broker: bench.broker.clone(),
        model: BrokerHandle::new(ModelBroker::new(clock.clock())),
        producer: ProducerId::generate(),
        enqueued: 0,
        last_enqueue: None,
        consumers: (0..3).map(client).collect(),
        runs: Vec::new(),
        has_workflows: bench.broker.capabilities().workflows,
    };
    for (number, step) in plan.iter().enumerate() {
        if let Step::Advance { by } = *step {
            bench.advance(by).await;
            clock.advance(by);
        }
        let (got, expected) = world.take(*step).await;
        if got != expected {
            return Some(difference(number, *step, "answers", &got, &expected));
        }
        let (got, expected) = world.observe().await;
        if got != expected {
            return Some(difference(number, *step, "then holds", &got, &expected));
        }
    }
    None
}

fn difference(number: usize, step: Step, does: &str, got: &str, expected: &str) -> String {
    format!("step {number}, {step:?}\n  the broker {does} {got}\n  the model  {does} {expected}")
}

impl World {
    /// Takes a step on both; returns both answers, as text.
    async fn take(&mut self, step: Step) -> (String, String) {
        match step {
            Step::Advance { .. } => (String::new(), String::new()),
            Step::Enqueue { .. } => {
                self.enqueued += 1;
                let tasks = self.tasks(step);
                let sequence = Sequence::from_number(self.enqueued);
                self.last_enqueue = Some(EnqueueRequest::new(self.producer, sequence, tasks));
                self.enqueue().await
            }
            Step::EnqueueAgain => self.enqueue().await,
            Step::Claim { consumer, max } => {
                let client = &mut self.consumers[consumer];
                client.last = client.last.next();
                let want = LaneWant::new(Lane::Io, Arc::from([queue_name("default")]), max);
                client.last_claim =
                    Some(ClaimRequest::new(client.id, client.last, LEASE).want(want));
                self.claim(consumer).await
            }
            Step::ClaimAgain { consumer } => self.claim(consumer).await,
            Step::Settle {
                consumer,
                pick,
                how,
                wait,
            } => {
                let held = &mut self.consumers[consumer].held;
                if held.is_empty() {
                    return (String::new(), String::new());
                }
                let token = held.remove(pick % held.len());
                let mut item = Settle::new(token, settlement(how, wait));
                if how == HOLDS_BACK {
                    item = item.holding_back(wait);
                }
                self.settle(consumer, item).await
            }
            Step::SettleWrong { consumer, pick } => {
                let held = &self.consumers[consumer].held;
                let Some(token) = held.get(pick % held.len().max(1)) else {
                    return (String::new(), String::new());
                };
                let token = LeaseToken {
                    attempt: token.attempt + 1,
                    ..*token
                };
                self.settle(consumer, Settle::new(token, succeed())).await
            }
            Step::Extend {
                consumer,
                forget,
                done,
            } => self.extend(consumer, forget, done).await,
            Step::Checkpoint { .. } => self.checkpoint(step).await,
            Step::Beat => self.beat().await,
            Step::Cancel { pick } => self.steer(pick, true).await,
            Step::Requeue { pick } => self.steer(pick, false).await,
        }
    }

    fn tasks(&mut self, step: Step) -> Vec<QueuedTask> {
        let Step::Enqueue {
            count,
            priority,
            delay,
            expires,
            key,
            limits,
            fair,
            repetition,
            shape,
        } = step
        else {
            return Vec::new();
        };
        let first = self.runs.len();
        let shape = shape.filter(|_| self.has_workflows);
        let task = |number| {
            let mut task = named("a");
            let params = Params::new().with("n", &(first + number));
            task.payload = params.into_payload().unwrap();
            task.priority = Priority::ALL[priority];
            task.due = delay.map_or(Due::Now, Due::After);
            task.expires_in = expires;
            if let Some(key) = key.filter(|_| shape.is_none()) {
                task.options_mut().unique = Some(unique(key));
            }
            if let Some(key) = repetition.filter(|_| shape.is_none()) {
                let key = Key::new(key.to_string()).unwrap();
                let idempotency = Idempotency::new(key).window(Duration::from_secs(5));
                task.options_mut().idempotency = Some(idempotency);
            }
            if let Some(pick) = fair {
                let weight = 1 + u16::from(pick / 4 % 3);
                let fair = Fair::key((pick % 4).to_string()).unwrap();
                task.options_mut().fair = Some(fair.weight(weight).unwrap());
            }
            for limit in limits.into_iter().flat_map(some_limits) {
                task.options_mut().limits.set(limit).unwrap();
            }
            task
        };
        let mut tasks: Vec<QueuedTask> = (0..count).map(task).collect();
        if let Some(shape) = shape {
            tasks = shaped(tasks, shape);
        }
        self.runs.extend(tasks.iter().map(|task| task.id));
        tasks
    }

    async fn enqueue(&self) -> (String, String) {
        let Some(request) = &self.last_enqueue else {
            return (String::new(), String::new());
        };
        let a = self.broker.enqueue(request).await.unwrap();
        let b = self.model.enqueue(request).await.unwrap();
        (format!("{a:?}"), format!("{b:?}"))
    }

    async fn claim(&mut self, consumer: usize) -> (String, String) {
        let client = &mut self.consumers[consumer];
        let Some(request) = &client.last_claim else {
            return (String::new(), String::new());
        };
        let a = self.broker.claim(request).await.unwrap();
        let b = self.model.claim(request).await.unwrap();
        for lease in &a.leases {
            if !client.held.contains(&lease.token()) {
                client.held.push(lease.token());
            }
        }
        let show = |mut claimed: aqueduct_broker_api::Claimed| {
            claimed.cancels.sort_by_key(|cancel| cancel.run); // in any order
            let leases: Vec<LeaseToken> = claimed
                .leases
                .iter()
                .map(aqueduct_broker_api::Lease::token)
                .collect();
            format!("{leases:?} {:?}", claimed.cancels)
        };
        (show(a), show(b))
    }

    async fn settle(&mut self, consumer: usize, item: Settle) -> (String, String) {
        let client = &mut self.consumers[consumer];
        client.last = client.last.next();
        let request = SettleRequest::new(client.id, client.last, vec![item]);
        let a = self.broker.settle(&request).await.unwrap();
        let b = self.model.settle(&request).await.unwrap();
        (format!("{a:?}"), format!("{b:?}"))
    }

    async fn checkpoint(&self, step: Step) -> (String, String) {
        let Step::Checkpoint {
            consumer,
            pick,
            number,
            is_current,
        } = step
        else {
            return (String::new(), String::new());
        };
        let held = &self.consumers[consumer].held;
        let Some(mut token) = held.get(pick % held.len().max(1)).copied() else {
            return (String::new(), String::new());
        };
        token.attempt -= u32::from(!is_current);
        let request = CheckpointRequest::new(token, number, Payload::encode(&pick).unwrap());
        let a = self.broker.checkpoint(&request).await.unwrap();
        let b = self.model.checkpoint(&request).await.unwrap();
        (format!("{a:?}"), format!("{b:?}"))
    }

    async fn beat(&self) -> (String, String) {
        let request = ReclaimRequest::new(BEAT, LEASE);
        let (a, b) = tokio::join!(self.broker.reclaim(&request), self.model.reclaim(&request));
        (format!("{:?}", a.unwrap()), format!("{:?}", b.unwrap()))
    }

    async fn extend(&mut self, consumer: usize, forget: bool, done: u64) -> (String, String) {
        let client = &mut self.consumers[consumer];
        if forget {
            client.held.pop();
        }
        // Every second run that it believes to hold reports.
        let report = |token: &LeaseToken| Report::new(*token, Progress::new(done, 0, ""));
        let reports = client.held.iter().step_by(2).map(report).collect();
        let request = ExtendRequest::new(client.id, LEASE, client.last)
            .holding(client.held.clone())
            .reporting(reports);
        let mut a = self.broker.extend(&request).await.unwrap();
        let mut b = self.model.extend(&request).await.unwrap();
        for extended in [&mut a, &mut b] {
            extended.cancels.sort_by_key(|cancel| cancel.run); // in any order
        }
        client.held.retain(|token| !a.lost.contains(&token.run));
        (format!("{a:?}"), format!("{b:?}"))
    }

    async fn steer(&self, pick: usize, cancel: bool) -> (String, String) {
        if self.runs.is_empty() {
            return (String::new(), String::new());
        }
        let run = [self.runs[pick % self.runs.len()]];
        let (a, b) = (self.broker.admin().unwrap(), self.model.admin().unwrap());
        if cancel {
            let reason = Reason::new("enough");
            let a = a.cancel(&run, reason.clone()).await.unwrap();
            let b = b.cancel(&run, reason).await.unwrap();
            return (format!("{a:?}"), format!("{b:?}"));
        }
        let (a, b) = (
            a.requeue(&run).await.unwrap(),
            b.requeue(&run).await.unwrap(),
        );
        (format!("{a:?}"), format!("{b:?}"))
    }

    /// Returns the state of the last runs in both, and the lengths of the queue.
    async fn observe(&self) -> (String, String) {
        let last = &self.runs[self.runs.len().saturating_sub(200)..];
        let mut seen = Vec::new();
        for broker in [&self.broker, &self.model] {
            let found = broker.admin().unwrap().find(last).await.unwrap();
            let states: Vec<_> = found
                .iter()
                .flatten()
                .map(|run| {
                    (
                        run.id,
                        run.state,
                        run.tally,
                        run.due_at,
                        failed_attempts(run),
                        run.progress.clone(),
                        run.checkpoint.clone(),
                        run.payload.as_bytes(),
                        (run.queued_at, input(run), reason(run)),
                    )
                })
                .collect();
            let lengths = broker
                .queue_lengths(&[queue_name("default")])
                .await
                .unwrap();
            let limits = limits_of(broker).await;
            seen.push(format!("{lengths:?} {limits} {states:?}"));
        }
        (seen.remove(0), seen.remove(0))
    }
}

/// Which settlement holds back what shares the limits of its run.
const HOLDS_BACK: usize = 9;

/// Returns one of a few sets of limits, with one of a few numbers.
fn some_limits(pick: u8) -> Vec<Limit> {
    let max = 1 + u32::from(pick / 64);
    let at_once = |key: &str| Limit::concurrency(key, max).unwrap();
    let per_second = |key: &str| Limit::rate(key, max, Duration::from_millis(700)).unwrap();
    match pick % 6 {
        0 | 1 => vec![at_once("a")],
        2 => vec![at_once("a"), at_once("b")],
        3 => vec![at_once("b"), per_second("c")],
        4 => vec![per_second("c")],
        _ => vec![per_second("a"), at_once("c"), at_once("a")],
    }
}

/// Returns what a broker says of its limits, but how many wait: it may count some that have ended.
async fn limits_of(broker: &BrokerHandle) -> String {
    let asked = ["a", "b", "c"].map(|key| {
        let per = Duration::from_millis(700);
        [
            Limit::concurrency(key, 1).unwrap(),
            Limit::rate(key, 1, per).unwrap(),
        ]
    });
    let infos = broker.admin().unwrap().limits(&asked.concat()).await;
    let shown = infos.unwrap().into_iter().map(|it| {
        let max = (it.running > 0 || it.opens_at.is_some()).then(|| it.limit.max());
        format!("{max:?} {} {:?} {:?}", it.running, it.opens_at, it.held_by)
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn unique(keyed: Keyed) -> Unique {
    let scopes = [
        UniqueScope::Queued,
        UniqueScope::UntilFinished,
        UniqueScope::Window(keyed.window),
    ];
    let rules = [
        OnConflict::ReturnExisting,
        OnConflict::Replace,
        OnConflict::Refuse,
    ];
    let unique = Unique::key(keyed.key.to_string())
        .unwrap()
        .scope(scopes[keyed.scope])
        .on_conflict(rules[keyed.on_conflict]);
    match keyed.put_off {
        Some(longest) => unique.put_off_at_most(longest),
        None => unique,
    }
}

/// Returns what a run was given: of what runs anyway the ends of those before.
fn input(run: &TaskRun) -> Option<String> {
    let input = run.input.as_ref()?;
    let Ok(ends) = input.decode::<Vec<Result<(), Unsuccessful>>>() else {
        return Some(format!("{input:?}"));
    };
    let state = |end: Result<(), Unsuccessful>| end.map_err(|end| (end.task, end.state));
    let states: Vec<_> = ends.into_iter().map(state).collect();
    Some(format!("{states:?}"))
}

/// Returns why a run was cancelled; of runs that end in one step, which one it was is open.
fn reason(run: &TaskRun) -> Option<String> {
    let reason = run.record.as_ref()?.reason.as_ref()?;
    reason.as_str().rsplit(", ").next().map(str::to_owned)
}

/// Returns the failed attempts of a run; the words of a failure are each broker's own.
fn failed_attempts(run: &TaskRun) -> Vec<(u32, Timestamp, ConsumerId, FailureKind)> {
    let history = run.record.iter().flat_map(|record| &record.history);
    history
        .map(|it| (it.attempt, it.ended_at, it.consumer, it.failure.kind()))
        .collect()
}

fn settlement(how: usize, wait: Duration) -> Settlement {
    match how {
        0 => fail(),
        1 | HOLDS_BACK => retry(wait),
        2 => Settlement::Snooze { wait },
        3 => Settlement::Release,
        4 => Settlement::Park {
            wait,
            failure: failure(),
        },
        5 => Settlement::Cancel {
            reason: Reason::new("enough"),
        },
        6 => Settlement::Retry {
            wait,
            failure: Failure::new(FailureKind::Crash, "its worker was killed"),
        },
        _ => succeed(),
    }
}
