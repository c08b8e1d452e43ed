//! Calls that were done and whose reply was lost: asking again does nothing a second time.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, BrokerError, BrokerHandle, CancelAnswer, CheckpointRequest, Checkpointed,
    EnqueueRequest, Enqueued, ExtendRequest, Fire, Fired, PauseScope, ReclaimRequest, RunFilter,
    ScheduleDefinition, ScheduleStore, Sequence, Settled, Upserted, WaitAnswer, WaitEndedRequest,
    WaitRequest,
};
use aqueduct_core::key::Key;
use aqueduct_core::payload::Params;
use aqueduct_core::run::{Idempotency, OnConflict, Reason, Unique};
use aqueduct_core::{Lane, Payload, ProducerId, QueuedTask, RunState, Schedule};

use super::fair::fair;
use super::limits::{at_once, limited};
use crate::fixture::{
    Bench, PAST_LEASE, fail, named, queue_name, retry, succeed, task_name, within,
};
use crate::following::chord;
use crate::{Fault, FaultyBroker};

const LEASE: Duration = Duration::from_secs(5);
const BEAT: Duration = Duration::from_secs(1);

/// Returns the broker, with the first reply of every operation lost, and every second one after.
fn forgetful(bench: &Bench) -> BrokerHandle {
    BrokerHandle::new(FaultyBroker::new(bench.broker.clone()).every(2, Fault::LostReply))
}

/// Loses the reply of a call, and returns that of its repetition.
async fn again<T, Fut>(call: impl Fn() -> Fut) -> T
where
    Fut: Future<Output = Result<T, BrokerError>>,
{
    assert!(call().await.is_err(), "the reply was to be lost");
    call().await.unwrap()
}

/// Looking, waiting and counting change nothing.
pub async fn of_looks_change_nothing(bench: Bench) {
    bench.queue([named("a"), named("b")]).await;
    let lease = bench.consumer().claim_one().await;
    let broker = forgetful(&bench);
    let admin = broker.admin().unwrap();
    let request = WaitRequest::new(vec![Lane::Io], Arc::from([queue_name("default")]), BEAT);
    again(|| broker.wait_ready(&request)).await;
    let lengths = again(|| broker.queue_lengths(&[])).await;
    assert_eq!((lengths[0].queued, lengths[0].running), (1, 1));
    let run = lease.run().id;
    let found = again(|| admin.find(std::slice::from_ref(&run))).await;
    assert_eq!(
        found[0].as_ref().map(|it| it.state),
        Some(RunState::Running)
    );
    let filter = RunFilter::default();
    assert_eq!(again(|| admin.list(&filter)).await.runs.len(), 2);
    assert_eq!(again(|| admin.consumers()).await.len(), 1);
    assert!(again(|| admin.paused()).await.is_empty());
    again(|| admin.tasks()).await;
    assert_eq!(bench.consumer().claim_names(9).await, ["b"]);
}

/// A beat renews, and reclaims each run of the dead once.
pub async fn of_beats_reclaim_once(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let broker = forgetful(&bench);
    let extend =
        ExtendRequest::new(consumer.id, LEASE, consumer.last()).holding(vec![lease.token()]);
    let extended = again(|| broker.extend(&extend)).await;
    assert_eq!((extended.lost.len(), extended.released), (0, 0));
    bench.advance(PAST_LEASE).await;
    let reclaim = ReclaimRequest::new(BEAT * 60, LEASE);
    assert_eq!(again(|| broker.reclaim(&reclaim)).await.requeued, 0);
    let leases = bench.consumer().claim(9).await;
    assert_eq!(leases.len(), 1, "the run is lost, or doubled");
    let run = leases[0].run();
    assert_eq!((run.id, run.tally.crashes), (id, 1));
}

/// A cancelled run ends once; a running one is asked once.
pub async fn of_a_cancel_ends_a_run_once(bench: Bench) {
    let waiting = bench.queue_one("a").await;
    let broker = forgetful(&bench);
    let admin = broker.admin().unwrap();
    let cancel = |run| admin.cancel(run, Reason::new("enough"));
    let answers = again(|| cancel(std::slice::from_ref(&waiting))).await;
    assert_eq!(answers, [CancelAnswer::AlreadyEnded(RunState::Cancelled)]);
    let running = bench.queue_one("b").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let answers = again(|| cancel(std::slice::from_ref(&running))).await;
    assert_eq!(answers, [CancelAnswer::Requested]);
    assert_eq!(consumer.extend(vec![lease.token()]).await.cancels.len(), 1);
}

/// A claim, a settlement and a beat that are repeated hold and free each place of a limit once.
pub async fn of_limited_runs_leak_no_place(bench: Bench) {
    let tasks = ["a", "b", "c", "d"].map(|name| limited(name, [at_once("k", 2)]));
    bench.queue(tasks).await;
    let mut consumer = bench.consumer();
    let request = consumer.next_claim(9);
    let broker = forgetful(&bench);
    let claimed = again(|| broker.claim(&request)).await;
    let places = || async { bench.admin().limits(&[at_once("k", 2)]).await.unwrap()[0].running };
    assert_eq!((claimed.leases.len(), places().await), (2, 2));
    let mut leases = claimed.leases.into_iter();
    let items = vec![leases.next().unwrap().settle(fail())];
    let request = consumer.next_settle(items);
    assert_eq!(again(|| broker.settle(&request)).await.len(), 1);
    assert_eq!(places().await, 1);
    let mut settling = consumer.next_claim(9);
    settling.settle = vec![leases.next().unwrap().settle(retry(BEAT))];
    let claimed = again(|| broker.claim(&settling)).await;
    assert_eq!((claimed.leases.len(), places().await), (2, 2));
    let nothing = ExtendRequest::new(consumer.id, LEASE, consumer.last());
    again(|| broker.extend(&nothing)).await;
    assert_eq!(places().await, 0, "what was given back has no place");
}

/// An end whose message was lost is told again to whoever asks again.
pub async fn of_a_wait_tell_again(bench: Bench) {
    let mut task = named("a");
    task.options_mut().keep_result = Some(PAST_LEASE);
    let request = WaitEndedRequest::new(task.id, BEAT * 60);
    bench.queue([task]).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let broker = forgetful(&bench);
    let (answer, _) = tokio::join!(
        within(
            "the end was not told",
            again(|| broker.wait_ended(&request))
        ),
        consumer.settle(lease, fail()),
    );
    assert!(
        matches!(&answer, WaitAnswer::Ended(run) if run.state == RunState::Failed),
        "{answer:?}"
    );
}

/// A failure whose answer was lost, and a crash, are kept once.
pub async fn of_a_failure_keep_it_once(bench: Bench) {
    bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let broker = forgetful(&bench);
    let settle = consumer.next_settle(vec![lease.settle(retry(BEAT))]);
    let settled = again(|| broker.settle(&settle)).await;
    assert_eq!(settled, [Settled::Applied(RunState::Retrying)]);
    bench.advance(BEAT).await;
    let _lease = consumer.claim_one().await;
    bench.advance(PAST_LEASE).await;
    let reclaim = ReclaimRequest::new(BEAT * 60, LEASE);
    again(|| broker.reclaim(&reclaim)).await;
    let lease = bench.consumer().claim_one().await;
    let history = &lease.run().record.as_ref().unwrap().history;
    let attempts: Vec<u32> = history.iter().map(|it| it.attempt).collect();
    assert_eq!(attempts, [1, 2]);
}

fn unique(number: u32, on_conflict: OnConflict) -> QueuedTask {
    let mut task = named("a");
    let params = Params::new().with("n", &number);
    task.payload = params.into_payload().unwrap();
    task.options_mut().unique = Some(Unique::key("k").unwrap().on_conflict(on_conflict));
    task
}

fn enqueue(task: QueuedTask) -> EnqueueRequest {
    let first = Sequence::from_number(1);
    EnqueueRequest::new(ProducerId::generate(), first, vec![task])
}

/// A run is replaced once: a repetition does not undo what came after.
pub async fn of_a_replacement_replace_once(bench: Bench) {
    let first = unique(1, OnConflict::Replace);
    bench.queue([first.clone()]).await;
    let broker = forgetful(&bench);
    let second = enqueue(unique(2, OnConflict::Replace));
    assert!(
        broker.enqueue(&second).await.is_err(),
        "the reply was to be lost"
    );
    let third = unique(3, OnConflict::Replace);
    let newest = third.payload.clone();
    let answers = bench.broker.enqueue(&enqueue(third)).await.unwrap();
    assert_eq!(answers, [Enqueued::Replaced(first.id)]);
    let answers = broker.enqueue(&second).await.unwrap();
    assert_eq!(answers, [Enqueued::Replaced(first.id)]);
    let run = bench.find(first.id).await.unwrap();
    assert_eq!(run.payload, newest, "the repetition has replaced it again");
}

/// A refusal is one for good: a repetition does not take the key that is free by then.
pub async fn of_a_refusal_refuse_again(bench: Bench) {
    let first = unique(1, OnConflict::Refuse);
    bench.queue([first.clone()]).await;
    let broker = forgetful(&bench);
    let second = enqueue(unique(2, OnConflict::Refuse));
    assert!(
        broker.enqueue(&second).await.is_err(),
        "the reply was to be lost"
    );
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, succeed()).await;
    let answers = broker.enqueue(&second).await.unwrap();
    assert_eq!(answers, [Enqueued::KeyTaken(first.id)]);
    assert!(consumer.claim(9).await.is_empty());
}

/// An enqueue with an idempotency key adds one run, also if somebody else repeats it.
pub async fn of_a_keyed_enqueue_add_once(bench: Bench) {
    let keyed = || {
        let mut task = named("a");
        let key = Key::new("order-42").unwrap();
        task.options_mut().idempotency = Some(Idempotency::new(key));
        task
    };
    let broker = forgetful(&bench);
    let first = keyed();
    let request = enqueue(first.clone());
    let answers = again(|| broker.enqueue(&request)).await;
    assert_eq!(answers, [Enqueued::Accepted(RunState::Queued)]);
    let request = enqueue(keyed());
    let answers = again(|| broker.enqueue(&request)).await;
    assert_eq!(answers, [Enqueued::Duplicate(first.id)]);
    assert_eq!(bench.lengths().await.queued, 1);
}

/// A requeued run is queued once.
pub async fn of_a_requeue_queues_once(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, fail()).await;
    let broker = forgetful(&bench);
    let admin = broker.admin().unwrap();
    let requeued = again(|| admin.requeue(std::slice::from_ref(&id))).await;
    assert_eq!(requeued, [false], "it was done although the reply was lost");
    assert_eq!(consumer.claim(9).await.len(), 1);
}

/// An ended run is discarded once.
pub async fn of_a_discard_removes_once(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    consumer.settle(lease, fail()).await;
    let broker = forgetful(&bench);
    let admin = broker.admin().unwrap();
    let discarded = again(|| admin.discard(std::slice::from_ref(&id))).await;
    assert_eq!(
        discarded,
        [false],
        "it was done although the reply was lost"
    );
    assert_eq!(bench.find(id).await, None);
}

/// A queue is paused, resumed and purged once.
pub async fn of_a_pause_or_a_purge_hold(bench: Bench) {
    bench.queue_one("a").await;
    let broker = forgetful(&bench);
    let admin = broker.admin().unwrap();
    let scope = PauseScope::Queue(queue_name("default"));
    for paused in [true, false, true] {
        again(|| admin.set_paused(&scope, paused)).await;
        let is_paused = bench.admin().paused().await.unwrap().contains(&scope);
        assert_eq!(is_paused, paused);
    }
    let queue = queue_name("default");
    assert_eq!(again(|| admin.purge(&queue)).await, 0, "purged twice");
    assert_eq!(bench.lengths().await.unfinished(), 0);
}

/// A schedule is stored, fired, switched and removed once.
pub async fn of_a_schedule_fire_once(bench: Bench) {
    let broker = forgetful(&bench);
    let store = broker.schedules().unwrap();
    let schedule = Schedule::every(BEAT).unwrap();
    let definition = ScheduleDefinition::new("s".parse().unwrap(), schedule, task_name("a"));
    let name = &definition.name;
    let upserted = again(|| store.upsert(std::slice::from_ref(&definition))).await;
    assert_eq!(upserted, [Upserted::Unchanged]);
    let tick = definition.schedule.next_after(bench.now()).unwrap();
    bench.advance(tick.saturating_since(bench.now())).await;
    let fire = Fire::tick(&definition, tick);
    let fired = again(|| store.fire(&fire)).await;
    assert_eq!(fired, Fired::AlreadyDone { last_tick: tick });
    let snapshot = again(|| store.list()).await;
    assert_eq!(snapshot.entries.len(), 1);
    assert!(again(|| store.set_enabled(name, false)).await);
    assert!(again(|| store.wait_changed(snapshot.revision, BEAT)).await);
    assert!(!again(|| store.remove(name)).await, "removed twice");
    assert!(bench.schedules().list().await.unwrap().entries.is_empty());
    assert_eq!(bench.consumer().claim(9).await.len(), 1);
}

/// A workflow is stored once, and the end of its last member releases what follows once.
pub async fn of_a_workflow_release_once(bench: Bench) {
    let broker = forgetful(&bench);
    let tasks = chord(2, |_| {});
    let last = tasks[2].id;
    let producer = ProducerId::generate();
    let request = EnqueueRequest::new(producer, Sequence::FIRST, tasks);
    let stored = again(|| broker.enqueue(&request)).await;
    assert!(stored.iter().all(|it| matches!(it, Enqueued::Accepted(_))));
    let mut consumer = bench.consumer();
    let leases = consumer.claim(9).await;
    assert_eq!(leases.len(), 2);
    for lease in leases {
        let request = consumer.next_settle(vec![lease.settle(succeed())]);
        let settled = again(|| broker.settle(&request)).await;
        assert_eq!(settled, [Settled::Applied(RunState::Succeeded)]);
    }
    let leases = consumer.claim(9).await;
    assert_eq!(leases.len(), 1, "what follows is lost, or doubled");
    assert_eq!(leases[0].run().id, last);
    assert_eq!(leases[0].run().tally.attempt, 1);
}

/// Runs whose claims and settlements lose their answers start once each, in turn.
pub async fn of_claims_in_turn_skip_none(bench: Bench) {
    let tasks = (0..8).map(|number| fair("a", if number < 6 { "x" } else { "y" }));
    let tasks: Vec<_> = tasks.collect();
    let ids: Vec<_> = tasks.iter().map(|task| task.id).collect();
    let broker = forgetful(&bench);
    let producer = ProducerId::generate();
    let request = EnqueueRequest::new(producer, Sequence::FIRST, tasks);
    again(|| broker.enqueue(&request)).await;
    let (mut consumer, mut started) = (bench.consumer(), Vec::new());
    for _ in 0..4 {
        let request = consumer.next_claim(2);
        let claimed = again(|| broker.claim(&request)).await;
        for lease in claimed.leases {
            started.push(lease.run().id);
            let request = consumer.next_settle(vec![lease.settle(succeed())]);
            let settled = again(|| broker.settle(&request)).await;
            assert_eq!(settled, [Settled::Applied(RunState::Succeeded)]);
        }
    }
    let expected = [0, 6, 1, 7, 2, 3, 4, 5].map(|number| ids[number]);
    assert_eq!(started, expected);
    assert_eq!(bench.lengths().await.unfinished(), 0);
}

/// A checkpoint whose answer was lost is kept, and asking again changes nothing.
pub async fn of_a_checkpoint_keep_it(bench: Bench) {
    let id = bench.queue_one("a").await;
    let lease = bench.consumer().claim_one().await;
    let broker = forgetful(&bench);
    let value = Payload::encode(&7).unwrap();
    let request = CheckpointRequest::new(lease.token(), 1, value.clone());
    let answer = again(|| broker.checkpoint(&request)).await;
    assert_eq!(answer, Checkpointed::Kept);
    let kept = bench.find(id).await.unwrap().checkpoint.map(|it| it.value);
    assert_eq!(kept, Some(value));
}
