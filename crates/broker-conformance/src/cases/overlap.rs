//! Ticks that come while the last run of their schedule has not ended.

use std::time::Duration;

use aqueduct_broker_api::{Broker, Fire, Fired, ScheduleDefinition, ScheduleEntry, ScheduleStore};
use aqueduct_core::schedule::Overlap;
use aqueduct_core::{RunId, RunState, Schedule, Timestamp};

use crate::fixture::{Bench, Consumer, retry, succeed, task_name};
use crate::{Fault, FaultyBroker};

const PERIOD: Duration = Duration::from_secs(10);

/// A schedule whose ticks are fired one after the other.
struct Ticking {
    definition: ScheduleDefinition,
    last: Timestamp,
}

impl Ticking {
    async fn new(bench: &Bench, overlap: Overlap) -> Self {
        let schedule = Schedule::every(PERIOD).unwrap();
        let definition = ScheduleDefinition::new("s".parse().unwrap(), schedule, task_name("a"))
            .with_overlap(overlap);
        let definitions = std::slice::from_ref(&definition);
        bench.schedules().upsert(definitions).await.unwrap();
        Self {
            definition,
            last: bench.now(),
        }
    }

    /// Moves on to the next tick, and returns the request to fire it, with the id of its run.
    async fn next(&mut self, bench: &Bench) -> (Fire, RunId) {
        self.last = self.definition.schedule.next_after(self.last).unwrap();
        bench.advance(self.last.saturating_since(bench.now())).await;
        let fire = Fire::tick(&self.definition, self.last);
        let id = fire.run.as_ref().unwrap().id;
        (fire, id)
    }

    /// Fires the next tick.
    async fn fire(&mut self, bench: &Bench) -> (Fired, RunId) {
        let (fire, id) = self.next(bench).await;
        (bench.schedules().fire(&fire).await.unwrap(), id)
    }
}

async fn entry(bench: &Bench) -> ScheduleEntry {
    bench.schedules().list().await.unwrap().entries.remove(0)
}

/// Claims, under a lease that outlives some ticks.
async fn claim(consumer: &mut Consumer) -> aqueduct_broker_api::Lease {
    let mut request = consumer.next_claim(1);
    request.lease = PERIOD * 60;
    let leases = consumer.send(&request).await.unwrap().leases;
    leases.into_iter().next().expect("there is a run to claim")
}

/// Without a word a tick fires whatever became of the run before.
pub async fn is_allowed_by_default(bench: Bench) {
    let mut ticking = Ticking::new(&bench, Overlap::default()).await;
    for _ in 0..2 {
        let (fired, id) = ticking.fire(&bench).await;
        assert_eq!(fired, Fired::Fired(Some(id)));
    }
    assert_eq!(bench.consumer().claim(9).await.len(), 2);
}

/// With `Skip` a tick is done with and fires nothing as long as the run before waits, runs or is tried again; that
/// is counted, and over with its end.
pub async fn can_be_skipped(bench: Bench) {
    let mut ticking = Ticking::new(&bench, Overlap::Skip).await;
    let (fired, first) = ticking.fire(&bench).await;
    assert_eq!(fired, Fired::Fired(Some(first)));
    let overlapped = Fired::Overlapped { run: first };
    assert_eq!(ticking.fire(&bench).await.0, overlapped, "while it waits");
    let mut consumer = bench.consumer();
    let lease = claim(&mut consumer).await;
    assert_eq!(ticking.fire(&bench).await.0, overlapped, "while it runs");
    consumer.settle(lease, retry(PERIOD * 2)).await;
    assert_eq!(ticking.fire(&bench).await.0, overlapped, "before a retry");
    let shown = entry(&bench).await;
    assert_eq!(
        (
            shown.last_tick,
            shown.last_run,
            shown.overlaps,
            shown.last_overlap
        ),
        (ticking.last, Some(first), 3, Some(ticking.last))
    );
    bench.advance(PERIOD).await;
    let lease = claim(&mut consumer).await;
    assert_eq!(lease.run().id, first, "nothing else was queued");
    consumer.settle(lease, succeed()).await;
    let (fired, next) = ticking.fire(&bench).await;
    assert_eq!(fired, Fired::Fired(Some(next)), "after its end");
    let shown = entry(&bench).await;
    assert_eq!((shown.last_run, shown.overlaps), (Some(next), 3));
    assert_eq!(consumer.claim_one().await.run().id, next);
}

/// With `CancelPrevious` a tick fires and ends the run before: one that waits at once, one that runs when its
/// consumer hears of it.
pub async fn can_cancel_the_run_before(bench: Bench) {
    let mut ticking = Ticking::new(&bench, Overlap::CancelPrevious).await;
    let (_, first) = ticking.fire(&bench).await;
    let (fired, second) = ticking.fire(&bench).await;
    assert_eq!(fired, Fired::Fired(Some(second)));
    let run = bench.find(first).await.expect("it is kept");
    assert_eq!(run.state, RunState::Cancelled);
    let reason = run.record.unwrap().reason.unwrap();
    assert!(reason.as_str().contains("fired again"), "{reason}");
    let mut consumer = bench.consumer();
    let lease = claim(&mut consumer).await;
    assert_eq!(lease.run().id, second);
    let (fired, third) = ticking.fire(&bench).await;
    assert_eq!(fired, Fired::Fired(Some(third)));
    let cancels = consumer.extend(vec![lease.token()]).await.cancels;
    assert_eq!(
        cancels.iter().map(|it| it.run).collect::<Vec<_>>(),
        [second]
    );
    consumer.settle(lease, retry(PERIOD)).await;
    assert_eq!(bench.state(second).await, Some(RunState::Cancelled));
    assert_eq!(consumer.claim_one().await.run().id, third);
    let lengths = bench.broker.queue_lengths(&[]).await.unwrap();
    let (queued, running) = (lengths[0].queued, lengths[0].running);
    assert_eq!((queued, running), (0, 1), "the counts are right");
}

/// A tick that was dropped is counted once, although its reply was lost and it is fired again.
pub async fn is_counted_once(bench: Bench) {
    let mut ticking = Ticking::new(&bench, Overlap::Skip).await;
    ticking.fire(&bench).await;
    let (fire, _) = ticking.next(&bench).await;
    let broker = FaultyBroker::new(bench.broker.clone()).every(2, Fault::LostReply);
    assert!(
        broker.fire(&fire).await.is_err(),
        "the reply was to be lost"
    );
    let again = broker.fire(&fire).await.unwrap();
    assert_eq!(
        again,
        Fired::AlreadyDone {
            last_tick: ticking.last
        }
    );
    assert_eq!(entry(&bench).await.overlaps, 1);
}
