//! Runs one plan on a broker and on the model, and compares every answer and the state.

mod asked;
mod seen;

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, BrokerHandle, CheckpointRequest, ClaimRequest, EnqueueRequest,
    ExtendRequest, LaneWant, LeaseToken, ReclaimRequest, Report, Sequence, Settle, SettleRequest,
};
use aqueduct_core::clock::ManualClock;
use aqueduct_core::event::Progress;
use aqueduct_core::run::Reason;
use aqueduct_core::{ConsumerId, Lane, Payload, ProducerId, QueuedTask, RunId};

use crate::fixture::{Bench, queue_name, succeed};
use crate::model::ModelBroker;
use crate::plan::Step;

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
                let mut item = Settle::new(token, asked::settlement(how, wait));
                if how == asked::HOLDS_BACK {
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
        let tasks = asked::tasks(step, self.runs.len(), self.has_workflows);
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
        let a = seen::state_of(&self.broker, last).await;
        let b = seen::state_of(&self.model, last).await;
        (a, b)
    }
}
