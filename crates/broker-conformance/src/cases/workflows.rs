//! Runs that follow others.

use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, Enqueued, MAX_SETTLE_BATCH, RunFilter, Settled, Settlement,
};
use aqueduct_core::payload::MAX_PAYLOAD_BYTES;
use aqueduct_core::run::{Lineage, Reason, Unsuccessful};
use aqueduct_core::{Payload, RunId, RunState};

use crate::fixture::{Bench, fail, named, retry};
use crate::following::{chain, chord};

/// Longer than any lease.
pub(super) const MINUTE: Duration = Duration::from_mins(1);

pub(super) fn value(value: u32) -> Settlement {
    Settlement::Succeed {
        result: Some(Payload::encode(&value).unwrap()),
    }
}

pub(super) async fn reason(bench: &Bench, id: RunId) -> String {
    let run = bench.find(id).await.expect("it is kept");
    assert_eq!(run.state, RunState::Cancelled);
    run.record.unwrap().reason.unwrap().as_str().to_owned()
}

/// A follow-up waits, and is there with the value in the step that ends the run before it.
pub async fn a_value_goes_down_a_chain(bench: Bench) {
    let tasks = chain(&["a", "b", "c"]);
    let ids = [tasks[0].id, tasks[1].id, tasks[2].id];
    bench.queue(tasks).await;
    assert_eq!(bench.state(ids[1]).await, Some(RunState::Scheduled));
    let lengths = bench.lengths().await;
    assert_eq!((lengths.queued, lengths.scheduled), (1, 2));
    let mut consumer = bench.consumer();
    for (number, id) in (0..).zip(ids) {
        let lease = consumer.claim_one().await;
        assert!(consumer.claim(9).await.is_empty(), "the next did not wait");
        let run = lease.run();
        assert_eq!((run.id, run.tally.attempt), (id, 1));
        let before = (number > 0).then(|| Payload::encode(&(number - 1)).unwrap());
        assert_eq!(run.input, before);
        let mut next = consumer.next_claim(0);
        next.settle = vec![lease.settle(value(number))];
        let settled = consumer.send(&next).await.unwrap().settled;
        assert_eq!(settled, [Settled::Applied(RunState::Succeeded)]);
    }
    let lengths = bench.lengths().await;
    assert_eq!((lengths.queued, lengths.scheduled), (0, 0));
}

/// An attempt that ends without the run releases nothing.
pub async fn an_attempt_releases_nothing(bench: Bench) {
    bench.queue(chain(&["a", "b"])).await;
    let mut consumer = bench.consumer();
    let settlements = [
        retry(Duration::ZERO),
        Settlement::Release,
        Settlement::Snooze {
            wait: Duration::ZERO,
        },
    ];
    for settlement in settlements {
        let lease = consumer.claim_one().await;
        assert_eq!(lease.run().task.as_str(), "a", "it was released");
        consumer.settle(lease, settlement).await;
    }
    let lease = consumer.claim_one().await;
    consumer.settle(lease, value(1)).await;
    let lease = consumer.claim_one().await;
    assert_eq!(
        (lease.run().task.as_str(), lease.run().tally.attempt),
        ("b", 1)
    );
    // It keeps its input as long as it is not done.
    consumer.settle(lease, retry(Duration::ZERO)).await;
    let input = consumer.claim_one().await.run().input.clone();
    assert_eq!(input, Some(Payload::encode(&1).unwrap()));
}

/// The last member releases what follows, with the values in the order of the members.
pub async fn the_last_member_releases(bench: Bench) {
    let tasks = chord(20, |_| {});
    let last = tasks[20].id;
    bench.queue(tasks).await;
    let mut consumer = bench.consumer();
    let mut leases = consumer.claim(30).await;
    assert_eq!(leases.len(), 20, "what follows did not wait");
    leases.sort_by_key(|lease| lease.run().id);
    let ids: Vec<RunId> = leases.iter().map(|lease| lease.run().id).collect();
    let follows = bench
        .find(last)
        .await
        .unwrap()
        .options
        .unwrap()
        .follows
        .unwrap();
    let place = |id: RunId| follows.runs.iter().position(|run| *run == id).unwrap();
    for (number, lease) in leases.into_iter().enumerate() {
        assert_eq!(
            bench.state(last).await,
            Some(RunState::Scheduled),
            "{number} ended"
        );
        let place = u32::try_from(place(lease.run().id)).unwrap();
        consumer.settle(lease, value(place)).await;
    }
    assert_eq!(ids.len(), 20);
    let input = consumer.claim_one().await.run().input.clone().unwrap();
    assert_eq!(
        input.decode::<Vec<u32>>().unwrap(),
        (0..20).collect::<Vec<_>>()
    );
}

/// A member counts once, whoever settles it how often.
pub async fn a_member_counts_once(bench: Bench) {
    let tasks = chord(2, |_| {});
    let last = tasks[2].id;
    bench.queue(tasks).await;
    let (mut consumer, mut other) = (bench.consumer(), bench.consumer());
    let lease = consumer.claim_one().await;
    let token = lease.token();
    let request = consumer.next_settle(vec![lease.settle(value(1))]);
    for _ in 0..2 {
        let settled = bench.broker.settle(&request).await.unwrap();
        assert_eq!(settled, [Settled::Applied(RunState::Succeeded)]);
    }
    let again = aqueduct_broker_api::Settle::new(token, value(1));
    assert_eq!(
        other.settle_items(vec![again.clone()]).await,
        [Settled::LeaseLost]
    );
    assert_eq!(
        consumer.settle_items(vec![again]).await,
        [Settled::LeaseLost]
    );
    assert_eq!(bench.state(last).await, Some(RunState::Scheduled));
    let lease = other.claim_one().await;
    other.settle(lease, value(2)).await;
    assert_eq!(other.claim_names(9).await, ["last"]);
}

/// What runs anyway gets every end, the bad ones too.
pub async fn what_runs_anyway_gets_every_end(bench: Bench) {
    let tasks = chord(3, |follows| follows.runs_anyway = true);
    let ids: Vec<RunId> = tasks.iter().map(|task| task.id).collect();
    bench.queue(tasks).await;
    let mut consumer = bench.consumer();
    for lease in consumer.claim(2).await {
        let settlement = if lease.run().id == ids[0] {
            value(1)
        } else {
            fail()
        };
        consumer.settle(lease, settlement).await;
    }
    bench
        .admin()
        .cancel(&[ids[2]], Reason::new("enough"))
        .await
        .unwrap();
    let input = consumer.claim_one().await.run().input.clone().unwrap();
    let ends: Vec<Result<u32, Unsuccessful>> = input.decode().unwrap();
    assert_eq!(ends[0], Ok(1));
    let [failed, cancelled] = [1, 2].map(|at| ends[at].clone().unwrap_err());
    assert_eq!(
        (failed.task.as_str(), failed.state),
        ("member", RunState::Failed)
    );
    assert_eq!(failed.failure.unwrap().message(), "it did not work");
    assert_eq!(cancelled.state, RunState::Cancelled);
    assert_eq!(cancelled.reason, Some(Reason::new("enough")));
}

/// Values that are too large together cancel what follows, and say so; one value may be as large as any.
pub async fn too_large_an_input_cancels(bench: Bench) {
    let large = Payload::encode(&"x".repeat(MAX_PAYLOAD_BYTES - 5)).unwrap();
    assert_eq!(large.len(), MAX_PAYLOAD_BYTES);
    let succeed = || Settlement::Succeed {
        result: Some(large.clone()),
    };
    let mut consumer = bench.consumer();
    bench.queue(chain(&["a", "b"])).await;
    let lease = consumer.claim_one().await;
    consumer.settle(lease, succeed()).await;
    let lease = consumer.claim_one().await;
    assert_eq!(lease.run().input, Some(large.clone()));
    consumer.settle(lease, succeed()).await;
    let tasks = chord(3, |_| {});
    let last = tasks[3].id;
    bench.queue(tasks).await;
    for lease in consumer.claim(3).await {
        consumer.settle(lease, succeed()).await;
    }
    assert!(reason(&bench, last).await.contains("over the limit"));
}

/// Tasks that belong together are stored together or not at all.
pub async fn are_stored_together_or_not_at_all(bench: Bench) {
    let tasks = chain(&["a", "b", "c"]);
    let known = tasks[1].clone();
    let mut alone = known.clone();
    (alone.options, alone.with_previous, alone.has_new_id) = (None, false, false);
    bench.queue([alone]).await;
    let ids: Vec<Enqueued> = tasks
        .iter()
        .map(|task| Enqueued::Duplicate(task.id))
        .collect();
    let (first, other) = (tasks[0].id, named("other"));
    let mut batch = vec![other.clone()];
    batch.extend(tasks);
    let mut answers = bench.producer().enqueue(batch).await.unwrap();
    assert_eq!(answers.remove(0), Enqueued::Accepted(RunState::Queued));
    assert_eq!(answers, ids);
    assert_eq!(bench.state(first).await, None);
    assert_eq!(bench.consumer().claim_names(9).await, ["b", "other"]);
}

/// The delay of a follow-up counts from its release.
pub async fn a_delay_counts_from_the_release(bench: Bench) {
    let mut tasks = chain(&["a", "b"]);
    let follows = tasks[1].options_mut().follows.as_mut();
    follows.unwrap().delay = Some(MINUTE);
    let id = tasks[1].id;
    bench.queue(tasks).await;
    let mut consumer = bench.consumer();
    bench.advance(MINUTE).await;
    let lease = consumer.claim_one().await;
    let released_at = bench.now();
    consumer.settle(lease, value(1)).await;
    let run = bench.find(id).await.unwrap();
    assert_eq!(run.due_at, released_at.saturating_add(MINUTE));
    assert_eq!(run.queued_at, released_at);
    assert!(consumer.claim(1).await.is_empty(), "it is not due");
    bench.advance(MINUTE).await;
    assert_eq!(consumer.claim_names(1).await, ["b"]);
}

/// The runs of a workflow are listed from their root.
pub async fn a_family_is_listed_from_its_root(bench: Bench) {
    let mut tasks = chord(2, |_| {});
    let root = tasks[0].id;
    for task in &mut tasks[1..] {
        task.lineage = Lineage::child_of(root, root);
    }
    let mut ids: Vec<RunId> = tasks.iter().map(|task| task.id).collect();
    ids.sort();
    bench.queue(tasks).await;
    bench.queue_one("other").await;
    let lease = bench.consumer().claim_one().await;
    let filter = RunFilter::all().of_family(root);
    let page = bench.admin().list(&filter).await.unwrap();
    assert_eq!(page.runs.iter().map(|run| run.id).collect::<Vec<_>>(), ids);
    let running = filter.in_state(RunState::Running);
    let page = bench.admin().list(&running).await.unwrap();
    assert_eq!(page.runs[0].id, lease.run().id);
}

/// A step ends as many chains as it settles runs.
pub async fn many_end_at_once(bench: Bench) {
    let mut consumer = bench.consumer();
    for _ in 0..MAX_SETTLE_BATCH / 2 {
        bench.queue(chain(&["a", "b"])).await;
    }
    let leases = consumer.claim(MAX_SETTLE_BATCH).await;
    assert_eq!(leases.len(), MAX_SETTLE_BATCH / 2);
    let items = leases.into_iter().map(|lease| lease.settle(value(7)));
    consumer.settle_items(items.collect()).await;
    let leases = consumer.claim(MAX_SETTLE_BATCH).await;
    let seven = Some(Payload::encode(&7).unwrap());
    assert!(leases.iter().all(|lease| lease.run().input == seven));
    assert_eq!(leases.len(), MAX_SETTLE_BATCH / 2);
}
