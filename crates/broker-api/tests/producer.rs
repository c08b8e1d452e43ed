//! Concurrent callers of a producer: they share requests, and none harms another.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerError, BrokerErrorKind, BrokerHandle, Capabilities, CheckpointRequest,
    Checkpointed, ClaimRequest, Claimed, EnqueueRequest, Enqueued, ExtendRequest, Extended,
    Producer, QueueLengths, ReclaimRequest, Reclaimed, SettleRequest, Settled, WaitAnswer,
    WaitEndedRequest, WaitRequest,
};
use aqueduct_core::manager::{ENOUGH_ENQUEUE_BYTES, PortFuture, QueueErrorKind, QueuePort};
use aqueduct_core::run::Unique;
use aqueduct_core::{Due, Payload, Priority, QueueName, QueuedTask, RunId, RunState, TaskName};
use tokio::sync::Semaphore;

/// Answers enqueues one by one, as the test allows it, and writes down what it was sent.
#[derive(Clone, Debug)]
struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    open: Semaphore,
    seen: Mutex<Vec<(u64, Vec<String>)>>,
    lose_first: Mutex<bool>,
}

/// A task that this broker refuses.
const BAD: &str = "bad";

impl Gate {
    fn new() -> Self {
        Self(Arc::new(Inner {
            open: Semaphore::new(0),
            seen: Mutex::default(),
            lose_first: Mutex::default(),
        }))
    }

    fn let_through(&self, requests: usize) {
        self.0.open.add_permits(requests);
    }

    fn seen(&self) -> Vec<(u64, Vec<String>)> {
        self.0.seen.lock().unwrap().clone()
    }
}

impl Broker for Gate {
    fn capabilities(&self) -> Capabilities {
        Capabilities::minimal()
    }

    async fn enqueue(&self, request: &EnqueueRequest) -> Result<Vec<Enqueued>, BrokerError> {
        let names: Vec<_> = request.tasks.iter().map(|it| it.task.to_string()).collect();
        let is_bad = names.iter().any(|name| name == BAD);
        let sent = (request.sequence.number(), names);
        self.0.seen.lock().unwrap().push(sent);
        self.0.open.acquire().await.unwrap().forget();
        if std::mem::take(&mut *self.0.lose_first.lock().unwrap()) {
            return Err(refusal(BrokerErrorKind::Timeout));
        }
        if is_bad {
            return Err(refusal(BrokerErrorKind::InvalidData));
        }
        Ok(vec![
            Enqueued::Accepted(RunState::Queued);
            request.tasks.len()
        ])
    }

    async fn claim(&self, _: &ClaimRequest) -> Result<Claimed, BrokerError> {
        Err(refusal(BrokerErrorKind::NotSupported))
    }

    async fn settle(&self, _: &SettleRequest) -> Result<Vec<Settled>, BrokerError> {
        Err(refusal(BrokerErrorKind::NotSupported))
    }

    async fn extend(&self, _: &ExtendRequest) -> Result<Extended, BrokerError> {
        Err(refusal(BrokerErrorKind::NotSupported))
    }

    async fn checkpoint(&self, _: &CheckpointRequest) -> Result<Checkpointed, BrokerError> {
        Err(refusal(BrokerErrorKind::NotSupported))
    }

    async fn reclaim(&self, _: &ReclaimRequest) -> Result<Reclaimed, BrokerError> {
        Err(refusal(BrokerErrorKind::NotSupported))
    }

    async fn wait_ready(&self, _: &WaitRequest) -> Result<(), BrokerError> {
        Err(refusal(BrokerErrorKind::NotSupported))
    }

    async fn wait_ended(&self, _: &WaitEndedRequest) -> Result<WaitAnswer, BrokerError> {
        Err(refusal(BrokerErrorKind::NotSupported))
    }

    async fn queue_lengths(&self, _: &[QueueName]) -> Result<Vec<QueueLengths>, BrokerError> {
        Err(refusal(BrokerErrorKind::NotSupported))
    }
}

fn refusal(kind: BrokerErrorKind) -> BrokerError {
    BrokerError::new(kind, "answer", "the test says so")
}

/// Callers that are polled by hand, so that a test decides who is where.
struct Callers<'a> {
    futures: Vec<Option<PortFuture<'a, Vec<Enqueued>>>>,
    answers: Vec<Option<Result<usize, QueueErrorKind>>>,
}

impl<'a> Callers<'a> {
    /// Lets one caller after the other call, each with one task.
    fn calling(producer: &'a Producer, names: &[String]) -> Self {
        let call = |name: &String| {
            let name = name.parse::<TaskName>().unwrap();
            let task = QueuedTask::new(RunId::from_u128(1), name, Payload::empty());
            Some(producer.enqueue(vec![task]))
        };
        let mut callers = Self {
            futures: names.iter().map(call).collect(),
            answers: names.iter().map(|_| None).collect(),
        };
        callers.poll_all();
        callers
    }

    fn poll_all(&mut self) {
        for index in 0..self.futures.len() {
            self.poll(index);
        }
    }

    fn poll(&mut self, index: usize) {
        let Some(future) = &mut self.futures[index] else {
            return;
        };
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(answer) = Pin::new(future).poll(&mut context) {
            self.futures[index] = None;
            let answer = answer.map(|it| it.len()).map_err(|error| error.kind());
            self.answers[index] = Some(answer);
        }
    }

    fn drop_caller(&mut self, index: usize) {
        self.futures[index] = None;
    }

    /// Polls everybody until nobody gets any further.
    fn settle(&mut self) {
        for _ in 0..2 * self.futures.len() + 8 {
            self.poll_all();
        }
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("t{number}")).collect()
}

fn producer(gate: &Gate) -> Producer {
    Producer::new(BrokerHandle::bare(gate.clone()))
}

/// How many requests go out before callers have to share.
const UNDER_WAY: usize = 4;

#[test]
fn a_caller_alone_is_sent_at_once() {
    let gate = Gate::new();
    gate.let_through(1);
    let producer = producer(&gate);
    let callers = Callers::calling(&producer, &names(1));
    assert_eq!(callers.answers, [Some(Ok(1))]);
    assert_eq!(gate.seen(), [(1, names(1))]);
}

#[test]
fn those_who_wait_share_one_request() {
    let gate = Gate::new();
    let producer = producer(&gate);
    let mut callers = Callers::calling(&producer, &names(100));
    assert_eq!(gate.seen().len(), UNDER_WAY);
    gate.let_through(usize::from(u16::MAX));
    callers.settle();
    assert!(callers.answers.iter().all(|it| *it == Some(Ok(1))));
    let (_, shared) = &gate.seen()[UNDER_WAY];
    assert_eq!(*shared, names(100).split_off(UNDER_WAY), "all, in order");
    assert_eq!(gate.seen().len(), UNDER_WAY + 1);
}

#[test]
fn another_caller_takes_over_from_one_that_is_dropped() {
    let gate = Gate::new();
    let producer = producer(&gate);
    let mut callers = Callers::calling(&producer, &names(8));
    gate.let_through(1);
    callers.poll(0); // lets 4, 5, 6, 7 go together, and 4 leads
    callers.poll(4);
    callers.drop_caller(4);
    gate.let_through(9);
    callers.settle();
    let finished: Vec<_> = callers.answers.iter().map(Option::is_some).collect();
    assert_eq!(finished, [true, true, true, true, false, true, true, true]);
    let shared: Vec<_> = gate.seen().split_off(UNDER_WAY);
    let (first, again) = (shared[0].clone(), shared[1].clone());
    assert_eq!(first, again, "the same request, under the same number");
    assert_eq!(shared.len(), 2);
}

#[test]
fn one_bad_task_does_not_refuse_the_others() {
    let gate = Gate::new();
    let producer = producer(&gate);
    let mut all = names(7);
    all[5] = BAD.to_owned();
    let mut callers = Callers::calling(&producer, &all);
    gate.let_through(99);
    callers.settle();
    let mut expected = vec![Some(Ok(1)); 7];
    expected[5] = Some(Err(QueueErrorKind::Refused));
    assert_eq!(callers.answers, expected);
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_asked_for_again() {
    let gate = Gate::new();
    *gate.0.lose_first.lock().unwrap() = true;
    gate.let_through(2);
    let task = QueuedTask::new(RunId::from_u128(1), "t0".parse().unwrap(), Payload::empty());
    let answers = producer(&gate).enqueue(vec![task]).await.unwrap();
    assert_eq!(answers.len(), 1);
    assert_eq!(gate.seen(), [(1, names(1)), (1, names(1))]);
}

#[test]
fn callers_that_are_gone_are_not_sent() {
    let gate = Gate::new();
    let producer = producer(&gate);
    let mut callers = Callers::calling(&producer, &names(9));
    callers.drop_caller(4);
    callers.drop_caller(8);
    callers.drop_caller(0); // its request ends with it: others may go
    gate.let_through(99);
    callers.settle();
    let (_, shared) = gate.seen().pop().unwrap();
    assert_eq!(shared, ["t5", "t6", "t7"]);
    assert_eq!(callers.answers.iter().flatten().count(), 6);
}

#[test]
fn what_the_broker_cannot_do_is_refused_before_it_is_sent() {
    let gate = Gate::new();
    gate.let_through(99);
    let producer = producer(&gate);
    let plain = || {
        let name = TaskName::from_static("t");
        QueuedTask::new(RunId::from_u128(1), name, Payload::empty())
    };
    let asks: [fn(&mut QueuedTask); 5] = [
        |task| task.due = Due::After(Duration::from_secs(1)),
        |task| task.priority = Priority::High,
        |task| task.expires_in = Some(Duration::from_secs(1)),
        |task| task.options_mut().unique = Unique::key("k").ok(),
        |task| task.options_mut().keep_result = Some(Duration::from_secs(1)),
    ];
    for ask in asks {
        let mut task = plain();
        ask(&mut task);
        let mut call = producer.enqueue(vec![plain(), task]);
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(Err(error)) = Pin::new(&mut call).poll(&mut context) else {
            panic!("it was sent");
        };
        assert_eq!(error.kind(), QueueErrorKind::NotSupported, "{error}");
    }
    assert!(gate.seen().is_empty());
}

#[test]
fn large_tasks_of_many_callers_go_in_several_requests() {
    let gate = Gate::new();
    let producer = producer(&gate);
    let large = Payload::encode(&"x".repeat(1_000_000)).unwrap();
    let call = |number: u32| {
        let name = format!("t{number}").parse::<TaskName>().unwrap();
        let task = QueuedTask::new(RunId::from_u128(1), name, large.clone());
        Some(producer.enqueue(vec![task]))
    };
    let mut callers = Callers {
        futures: (0..40).map(call).collect(),
        answers: vec![None; 40],
    };
    callers.poll_all();
    gate.let_through(usize::from(u16::MAX));
    callers.settle();
    assert!(callers.answers.iter().all(|it| *it == Some(Ok(1))));
    let sizes: Vec<usize> = gate.seen().iter().map(|(_, tasks)| tasks.len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 40);
    let most = ENOUGH_ENQUEUE_BYTES / large.len() + 1;
    assert_eq!(sizes.iter().max(), Some(&most), "{sizes:?}");
}
