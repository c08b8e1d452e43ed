//! Looking into a broker and steering it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerAdmin, ExtendRequest, FULL_PAGE_BYTES, Holder, Introduction, PauseScope,
    RunFilter, Sequence, Settled,
};
use aqueduct_core::queue::Due;
use aqueduct_core::run::Reason;
use aqueduct_core::{Lane, Payload, RunId, RunState};

use crate::fixture::{Bench, PAST_LEASE, fail, named, queue_name, retry, task_name};

/// A listing returns every matching run once, page by page, in the order of their ids.
pub async fn lists_in_pages(bench: Bench) {
    bench
        .queue((0..25).map(|number| named(if number % 5 == 0 { "b" } else { "a" })))
        .await;
    let mut filter = RunFilter::default();
    filter.task = Some(task_name("a"));
    filter.state = Some(RunState::Queued);
    filter.limit = 7;
    let mut seen: Vec<RunId> = Vec::new();
    loop {
        let page = bench.admin().list(&filter).await.unwrap();
        seen.extend(page.runs.iter().map(|run| run.id));
        let Some(next) = page.next else { break };
        assert!(seen.len() <= 20, "the pages repeat themselves: {seen:?}");
        filter.after = Some(next);
    }
    assert_eq!(seen.len(), 20);
    assert!(seen.is_sorted());
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 20);
}

/// Nothing is claimed from a paused queue, until it is resumed.
pub async fn a_paused_queue_gives_nothing(bench: Bench) {
    bench.queue_one("a").await;
    let scope = PauseScope::Queue(queue_name("default"));
    bench.admin().set_paused(&scope, true).await.unwrap();
    assert_eq!(
        bench.admin().paused().await.unwrap(),
        std::slice::from_ref(&scope)
    );
    assert!(bench.consumer().claim(9).await.is_empty());
    bench.admin().set_paused(&scope, false).await.unwrap();
    assert_eq!(bench.consumer().claim(9).await.len(), 1);
}

/// The runs of a paused task wait in their place; others pass them.
pub async fn a_paused_task_does_not_hold_up_others(bench: Bench) {
    bench
        .queue([named("a"), named("b"), named("a"), named("c")])
        .await;
    let scope = PauseScope::Task(task_name("a"));
    bench.admin().set_paused(&scope, true).await.unwrap();
    let paused = async || bench.admin().paused().await.unwrap();
    assert_eq!(paused().await, std::slice::from_ref(&scope));
    assert_eq!(bench.consumer().claim_names(9).await, ["b", "c"]);
    assert_eq!(bench.lengths().await.queued, 2);
    bench.admin().set_paused(&scope, false).await.unwrap();
    assert_eq!(paused().await, []);
    bench.queue_one("d").await;
    assert_eq!(bench.consumer().claim_names(9).await, ["a", "a", "d"]);
}

/// A purge removes what waits, and leaves what runs.
pub async fn purge_removes_waiting_runs(bench: Bench) {
    let mut later = named("later");
    later.due = Due::After(Duration::from_secs(9));
    bench.queue([named("a"), named("b"), later]).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    assert_eq!(
        bench.admin().purge(&queue_name("default")).await.unwrap(),
        2
    );
    assert!(consumer.claim(9).await.is_empty());
    bench.advance(Duration::from_secs(10)).await;
    assert!(consumer.claim(9).await.is_empty());
    assert_eq!(bench.lengths().await.unfinished(), 1);
    consumer.settle(lease, fail()).await;
}

/// Every run is counted in exactly one place.
pub async fn lengths_add_up(bench: Bench) {
    let mut later = named("later");
    later.due = Due::After(Duration::from_secs(9));
    bench
        .queue([named("a"), named("b"), named("c"), named("d"), later])
        .await;
    let mut consumer = bench.consumer();
    let mut leases = consumer.claim(3).await;
    consumer
        .settle(leases.remove(0), retry(Duration::from_secs(9)))
        .await;
    consumer.settle(leases.remove(0), fail()).await;
    let lengths = bench.lengths().await;
    let counts = (
        lengths.queued,
        lengths.scheduled,
        lengths.retrying,
        lengths.running,
    );
    assert_eq!(counts, (1, 1, 1, 1));
    let all = bench.broker.queue_lengths(&[]).await.unwrap();
    assert_eq!(all, [lengths]);
}

/// A consumer is known from its first claim until its lease runs out.
pub async fn consumers_are_known_while_they_live(bench: Bench) {
    bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let _lease = consumer.claim_one().await;
    let known = bench.admin().consumers().await.unwrap();
    assert_eq!(
        known
            .iter()
            .map(|it| (it.consumer, it.holds))
            .collect::<Vec<_>>(),
        [(consumer.id, 1)]
    );
    bench.beat().await;
    bench.advance_in_beats(PAST_LEASE).await;
    assert!(bench.admin().consumers().await.unwrap().is_empty());
}

/// A listing by the time of the end has what ended then or later, and nothing that has not ended.
pub async fn lists_by_the_end(bench: Bench) {
    bench.queue([named("a"), named("b"), named("c")]).await;
    let mut consumer = bench.consumer();
    let mut leases = consumer.claim(2).await;
    consumer.settle(leases.remove(0), fail()).await;
    bench.advance(Duration::from_secs(1)).await;
    let since = bench.now();
    let later = leases.remove(0);
    let id = later.run().id;
    consumer.settle(later, fail()).await;
    let filter = RunFilter::all().ended_since(since);
    let page = bench.admin().list(&filter).await.unwrap();
    assert_eq!(page.runs.iter().map(|run| run.id).collect::<Vec<_>>(), [id]);
    let of_another = filter.of_task(task_name("a"));
    assert!(
        bench
            .admin()
            .list(&of_another)
            .await
            .unwrap()
            .runs
            .is_empty()
    );
}

/// A discard removes ended runs, and leaves those that wait, are due later, or run.
pub async fn ended_runs_can_be_discarded(bench: Bench) {
    let mut ended = named("ended");
    ended.options_mut().keep_result = Some(Duration::from_mins(1));
    let (ended_id, held_id) = (ended.id, bench.queue_one("held").await);
    let mut consumer = bench.consumer();
    let held = consumer.claim_one().await;
    bench.queue([ended]).await;
    let lease = consumer.claim_one().await;
    consumer.settle(lease, fail()).await;
    let mut later = named("later");
    later.due = Due::After(Duration::from_secs(9));
    let later_id = later.id;
    bench.queue([later]).await;
    let waiting_id = bench.queue_one("waiting").await;
    let unknown = RunId::generate(bench.now());
    let runs = [held_id, ended_id, later_id, waiting_id, unknown, ended_id];
    let discarded = bench.admin().discard(&runs).await.unwrap();
    assert_eq!(discarded, [false, true, false, false, false, false]);
    assert_eq!(bench.find(ended_id).await, None);
    assert_eq!(bench.lengths().await.unfinished(), 3);
    assert_eq!(bench.admin().requeue(&[ended_id]).await.unwrap(), [false]);
    let settled = consumer.settle(held, fail()).await;
    assert_eq!(settled, Settled::Applied(RunState::Failed));
}

/// A run that is held has its consumer, as long as that holds it.
pub async fn tells_who_holds_a_run(bench: Bench) {
    bench.queue([named("a"), named("b")]).await;
    let (mut one, mut other) = (bench.consumer(), bench.consumer());
    let (first, second) = (one.claim_one().await, other.claim_one().await);
    let ids = [first.run().id, second.run().id, bench.queue_one("c").await];
    let unknown = RunId::generate(bench.now());
    let asked = [ids[1], unknown, ids[0], ids[2]];
    let holders = bench.admin().holders(&asked).await.unwrap();
    let expected = [Some(other.id), None, Some(one.id), None];
    let consumers = holders.iter().map(|it| Some(it.as_ref()?.consumer));
    assert_eq!(consumers.collect::<Vec<_>>(), expected);
    assert_eq!(holders[0], Some(Holder::new(other.id)));
    one.settle(first, fail()).await;
    assert_eq!(bench.admin().holders(&ids[..1]).await.unwrap(), [None]);
}

/// A held run whose end somebody asked for has the reason; one that waited has ended.
pub async fn tells_that_a_run_is_asked_to_end(bench: Bench) {
    let id = bench.queue_one("a").await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    let reason = Reason::new("a mistake");
    bench.admin().cancel(&[id], reason.clone()).await.unwrap();
    let holders = bench.admin().holders(&[id]).await.unwrap();
    let expected = Holder::new(consumer.id).asked_to_end(Some(reason));
    assert_eq!(holders, [Some(expected)]);
    consumer.settle(lease, fail()).await;
    assert_eq!(bench.admin().holders(&[id]).await.unwrap(), [None]);
}

/// What a consumer says of itself is known as long as it lives; the last word counts, silence does not.
pub async fn knows_what_consumers_say_of_themselves(bench: Bench) {
    let consumer = bench.consumer();
    let introduction = |pid| {
        let introduction = Introduction::new("host", pid, bench.now(), "1.0");
        let queues = [queue_name("default"), queue_name("mail")];
        Arc::new(introduction.taking([Lane::Io], queues, [task_name("a")]))
    };
    let beat = ExtendRequest::new(consumer.id, PAST_LEASE, Sequence::default());
    for request in [
        beat.clone().with_introduction(introduction(1)),
        beat.clone().with_introduction(introduction(2)),
        beat,
    ] {
        bench.broker.extend(&request).await.unwrap();
    }
    let known = bench.admin().consumers().await.unwrap();
    let said: Vec<_> = known.iter().map(|it| it.introduction.as_ref()).collect();
    assert_eq!(said, [Some(&*introduction(2))]);
    bench.beat().await;
    bench.advance_in_beats(PAST_LEASE * 2).await;
    let silent = ExtendRequest::new(consumer.id, PAST_LEASE, Sequence::default());
    bench.broker.extend(&silent).await.unwrap();
    let known = bench.admin().consumers().await.unwrap();
    assert_eq!((known.len(), known[0].introduction.clone()), (1, None));
}

/// No run that goes its way is counted among what cannot be read.
pub async fn runs_are_not_unreadable(bench: Bench) {
    bench.queue([named("a"), named("b")]).await;
    let mut consumer = bench.consumer();
    let lease = consumer.claim_one().await;
    bench.beat().await;
    consumer.settle(lease, fail()).await;
    assert_eq!(bench.admin().unreadable().await.unwrap(), 0);
}

/// A page of large runs ends early, and the next one goes on behind it.
pub async fn a_page_ends_at_some_bytes(bench: Bench) {
    const RUNS: usize = 10;
    let large = Payload::encode(&"x".repeat(1_000_000)).unwrap();
    for _ in 0..RUNS {
        let mut run = named("a");
        run.payload = large.clone();
        bench.queue([run]).await;
    }
    let (mut filter, mut seen) = (RunFilter::all(), BTreeSet::new());
    loop {
        let page = bench.admin().list(&filter).await.unwrap();
        let bytes: usize = page.runs.iter().map(|run| run.payload.len()).sum();
        assert!(
            !page.runs.is_empty(),
            "a page of nothing, and more behind it"
        );
        assert!(
            bytes < FULL_PAGE_BYTES + large.len(),
            "{bytes} bytes in one page"
        );
        seen.extend(page.runs.iter().map(|run| run.id));
        let Some(next) = page.next else { break };
        filter.after = Some(next);
    }
    assert_eq!(seen.len(), RUNS);
}
