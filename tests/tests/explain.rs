//! Why a run is not running: each answer of `Admin::explain`, on both brokers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::future_not_send, reason = "each test has one thread")]

use std::sync::Arc;
use std::time::Duration;

use aqueduct::admin::{Finding, PauseScope};
use aqueduct::broker_api::{
    Broker as _, BrokerHandle, ClaimRequest, EnqueueRequest, ExtendRequest, LaneWant, Sequence,
};
use aqueduct::memory::MemoryBroker;
use aqueduct::run::{FailureKind, Fair};
use aqueduct::{
    Admin, App, Broker, Lane, Payload, QueueName, QueuedTask, RunId, RunState, RunningApp,
    TaskContext, TaskError, TaskName, Timestamp, task, tasks,
};
use aqueduct_broker_conformance::{Fault, FaultyBroker, Operation};
use aqueduct_core::clock::ManualClock;
use aqueduct_core::{ConsumerId, ProducerId};
use aqueduct_redis_server::RedisServer;
use integration::{soon, store};

#[task(retry(max = 9, backoff = "1h"))]
async fn fails(fatal: bool) -> Result<(), TaskError> {
    if fatal {
        return Err(TaskError::fatal(std::io::Error::other("never")));
    }
    Err(TaskError::msg("not yet"))
}

#[task(timeout = "1h")]
async fn runs_on(ctx: TaskContext) {
    ctx.cancelled().await;
    std::future::pending::<()>().await;
}

/// A broker, and the server behind it.
struct World {
    handle: BrokerHandle,
    admin: Admin,
    _server: Option<RedisServer>,
}

impl World {
    fn on(handle: BrokerHandle, server: Option<RedisServer>) -> Self {
        Self {
            admin: Admin::new(&handle).unwrap(),
            handle,
            _server: server,
        }
    }

    async fn both() -> [Self; 2] {
        let both = store::both().await;
        both.map(|(handle, server)| Self::on(handle, server))
    }

    /// Starts a consumer of the default queue, and waits until it has said what it takes.
    async fn consumer(&self) -> RunningApp {
        self.consumer_of(8).await
    }

    /// Does the same with so many places.
    async fn consumer_of(&self, places: usize) -> RunningApp {
        let app = App::new(Broker::from(self.handle.clone())).tasks(tasks![fails, runs_on]);
        let app = app.without_scheduler().consumer(move |it| {
            it.release("7.5")
                .concurrency(places)
                .prefetch(0)
                .lease(Duration::from_secs(2))
                .shutdown_grace(Duration::ZERO)
        });
        let app = app.start().await.unwrap();
        self.until("the consumer says what it takes", async || {
            let consumers = self.admin.consumers().await.unwrap();
            consumers.iter().any(|info| info.introduction.is_some())
        })
        .await;
        app
    }

    async fn queue(&self, change: impl FnOnce(&mut QueuedTask)) -> RunId {
        let id = RunId::generate(Timestamp::MIN);
        let mut task = QueuedTask::new(id, TaskName::from_static("fails"), Payload::empty());
        change(&mut task);
        let request = EnqueueRequest::new(ProducerId::generate(), Sequence::FIRST, vec![task]);
        self.handle.enqueue(&request).await.unwrap();
        id
    }

    async fn findings(&self, run: RunId) -> Vec<Finding> {
        self.admin.explain(run).await.unwrap().findings
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let waits = async {
            while !holds().await {
                tokio::task::yield_now().await;
            }
        };
        soon(what, waits).await;
    }

    async fn until_state(&self, run: RunId, state: RunState) {
        self.until("the run gets there", async || {
            let found = self.admin.find(run).await.unwrap();
            found.is_some_and(|run| run.state == state)
        })
        .await;
    }
}

#[tokio::test]
async fn what_nobody_takes_says_who_is_missing() {
    for world in World::both().await {
        let plain = world.queue(|_| {}).await;
        assert_eq!(world.findings(plain).await, [Finding::NoConsumer]);
        let app = world.consumer().await;
        let mail = QueueName::from_static("mail");
        let elsewhere = world.queue(|task| task.queue = mail.clone()).await;
        let missing = |lane, queue| Finding::NobodyTakes { lane, queue };
        let expected = [missing(Lane::Io, mail)];
        assert_eq!(world.findings(elsewhere).await, expected);
        let cpu = world.queue(|task| task.lane = Lane::Cpu).await;
        let expected = [missing(Lane::Cpu, QueueName::DEFAULT)];
        assert_eq!(world.findings(cpu).await, expected);
        let text = world.admin.explain(cpu).await.unwrap().to_string();
        assert!(text.contains("`default`") && text.contains("cpu"), "{text}");
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn what_no_consumer_knows_is_set_aside_and_said() {
    for world in World::both().await {
        let app = world.consumer().await;
        let task = TaskName::from_static("later_release");
        let unknown = world.queue(|queued| queued.task = task.clone()).await;
        let is_parked = |finding: &Finding| matches!(finding, Finding::Parked { .. });
        let findings = soon("it is set aside", async {
            loop {
                let findings = world.findings(unknown).await;
                if is_parked(&findings[0]) {
                    return findings;
                }
                tokio::task::yield_now().await;
            }
        });
        let findings = findings.await;
        let [Finding::Parked { failure, times, .. }, rest] = findings.as_slice() else {
            panic!("{findings:?}");
        };
        let kind = failure.as_ref().map(aqueduct::run::Failure::kind);
        assert_eq!(kind, Some(FailureKind::UnknownTask));
        assert!(*times >= 1);
        assert_eq!(*rest, Finding::NobodyKnows { task });
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_paused_or_waits_its_turn_says_so() {
    for world in World::both().await {
        let app = world.consumer().await;
        let (queue, task) = (QueueName::DEFAULT, TaskName::from_static("fails"));
        world.admin.pause(queue.clone()).await.unwrap();
        world.admin.pause(task.clone()).await.unwrap();
        let in_an_hour = aqueduct_core::queue::Due::After(Duration::from_hours(1));
        let later = world.queue(|task| task.due = in_an_hour).await;
        let paused = [
            Finding::Paused(PauseScope::Queue(queue.clone())),
            Finding::Paused(PauseScope::Task(task.clone())),
        ];
        let findings = world.findings(later).await;
        let (Finding::DueAt { at }, rest) = findings.split_first().unwrap() else {
            panic!("{findings:?}");
        };
        assert_eq!(rest, paused);
        let due_at = world.admin.find(later).await.unwrap().unwrap().due_at;
        assert_eq!(*at, due_at);
        let waiting = world.queue(|_| {}).await;
        assert_eq!(world.findings(waiting).await, paused);
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn what_waits_behind_others_says_how_many() {
    for world in World::both().await {
        let consumer = ConsumerId::generate();
        let lives = ExtendRequest::new(consumer, Duration::from_mins(1), Sequence::default());
        world.handle.extend(&lives).await.unwrap();
        let first = world.queue(|_| {}).await;
        world.queue(|_| {}).await;
        let waiting = Finding::Waiting {
            queue: QueueName::DEFAULT,
            others: 1,
            consumers: 1,
        };
        assert_eq!(world.findings(first).await, [waiting]);
    }
}

#[tokio::test]
async fn what_runs_says_where_and_what_is_asked_of_it() {
    for world in World::both().await {
        let app = world.consumer().await;
        let manager = app.task_manager();
        let id = runs_on::queue(manager).await.unwrap().id();
        world.until_state(id, RunState::Running).await;
        let findings = world.findings(id).await;
        let [
            Finding::Held {
                place, is_alive, ..
            },
        ] = findings.as_slice()
        else {
            panic!("{findings:?}");
        };
        let pid = place.as_ref().map(|(_, pid)| *pid);
        assert_eq!((pid, *is_alive), (Some(std::process::id()), true));
        world.admin.cancel(&[id], "a mistake").await.unwrap();
        let findings = world.findings(id).await;
        let [Finding::AskedToEnd { reason }, Finding::Held { .. }] = findings.as_slice() else {
            panic!("{findings:?}");
        };
        assert_eq!(reason.as_str(), "a mistake");
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn what_failed_or_ended_says_why() {
    for world in World::both().await {
        let app = world.consumer().await;
        let manager = app.task_manager();
        let retried = fails::queue(manager, false).await.unwrap().id();
        world.until_state(retried, RunState::Retrying).await;
        let findings = world.findings(retried).await;
        let [
            Finding::RetryingAt {
                failures, failure, ..
            },
        ] = findings.as_slice()
        else {
            panic!("{findings:?}");
        };
        assert_eq!(*failures, 1);
        assert!(failure.as_ref().unwrap().message().contains("not yet"));
        let failed = fails::queue(manager, true).await.unwrap().id();
        world.until_state(failed, RunState::Failed).await;
        let findings = world.findings(failed).await;
        let [
            Finding::Ended {
                state,
                at,
                why,
                can_be_requeued: true,
            },
        ] = findings.as_slice()
        else {
            panic!("{findings:?}");
        };
        assert_eq!((*state, at.is_some()), (RunState::Failed, true));
        assert!(why.as_ref().unwrap().contains("never"), "{why:?}");
        let unknown = RunId::generate(Timestamp::MIN);
        assert_eq!(world.findings(unknown).await, [Finding::Unknown]);
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn what_a_consumer_says_is_said_again_if_nobody_heard() {
    let faulty = FaultyBroker::new(BrokerHandle::new(MemoryBroker::new()));
    let faulty = faulty.every_of(Operation::Extend, 2, Fault::Error);
    let world = World::on(BrokerHandle::new(faulty), None);
    let app = world.consumer().await;
    let info = world.admin.consumers().await.unwrap().remove(0);
    let introduction = info.introduction.unwrap();
    assert_eq!(introduction.release, "7.5");
    assert!(
        introduction
            .tasks
            .contains(&TaskName::from_static("runs_on"))
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn what_a_dead_consumer_holds_will_be_taken_back() {
    let clock = ManualClock::new(Timestamp::from_millis(1_767_225_600_000));
    let broker = BrokerHandle::new(MemoryBroker::with_clock(clock.clock()));
    let world = World::on(broker, None);
    let id = world.queue(|_| {}).await;
    let want = LaneWant::new(Lane::Io, Arc::from([QueueName::DEFAULT]), 1);
    let (consumer, lease) = (ConsumerId::generate(), Duration::from_secs(5));
    let claim = ClaimRequest::new(consumer, Sequence::FIRST, lease).want(want);
    assert_eq!(world.handle.claim(&claim).await.unwrap().leases.len(), 1);
    let held = |is_alive| Finding::Held {
        consumer,
        place: None,
        is_alive,
        progress: None,
    };
    assert_eq!(world.findings(id).await, [held(true)]);
    clock.advance(Duration::from_secs(6));
    assert_eq!(world.findings(id).await, [held(false)]);
    let text = world.admin.explain(id).await.unwrap().to_string();
    assert!(text.contains("takes it back"), "{text}");
}

#[tokio::test]
async fn a_consumer_that_stops_takes_nothing_and_one_that_has_stopped_is_gone() {
    for world in World::both().await {
        let app = world.consumer_of(1).await;
        let stays = runs_on::queue(app.task_manager()).await.unwrap();
        world.until_state(stays.id(), RunState::Running).await;
        let waits = world
            .queue(|task| task.priority = aqueduct::Priority::Low)
            .await;
        let gone = app.stop();
        tokio::pin!(gone);
        // While it drains, and afterwards, nobody takes what waits.
        let looks = world.until("it says that it stops", async || {
            let findings = world.findings(waits).await;
            matches!(
                findings[..],
                [Finding::NobodyTakes { .. } | Finding::NoConsumer]
            )
        });
        let (stopped, ()) = tokio::join!(&mut gone, looks);
        stopped.unwrap();
        assert!(
            world.admin.consumers().await.unwrap().is_empty(),
            "its lease lasts on"
        );
        assert_eq!(world.findings(waits).await, [Finding::NoConsumer]);
    }
}

#[tokio::test]
async fn pausing_what_nobody_knows_says_so() {
    for world in World::both().await {
        let app = world.consumer().await;
        for (task, is_known) in [("fails", true), ("fial", false)] {
            let task: TaskName = task.parse().unwrap();
            assert_eq!(world.admin.pause(task).await.unwrap(), is_known);
        }
        for (queue, is_known) in [("default", true), ("defualt", false)] {
            let queue: QueueName = queue.parse().unwrap();
            assert_eq!(world.admin.pause(queue).await.unwrap(), is_known);
        }
        app.stop().await.unwrap();
    }
}

#[tokio::test]
async fn it_says_where_a_run_stands_that_takes_turns() {
    for world in World::both().await {
        let app = world.consumer_of(1).await;
        let runs_on = |task: &mut QueuedTask| task.task = TaskName::from_static("runs_on");
        let busy = world.queue(runs_on).await;
        world.until_state(busy, RunState::Running).await;
        let keyed = |key: &'static str| {
            move |task: &mut QueuedTask| task.options_mut().fair = Fair::key(key).ok()
        };
        let mut last = busy;
        for key in ["first", "first", "second", "second"] {
            last = world.queue(keyed(key)).await;
        }
        let explanation = world.admin.explain(last).await.unwrap().to_string();
        let place = "it takes turns by the key `second`, 1 a turn: 1 others have theirs before the next of its key, \
                     and 1 runs of its own go before it";
        assert!(explanation.contains(place), "{explanation}");
        app.stop().await.unwrap();
    }
}
