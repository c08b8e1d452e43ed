//! The waits of a retry policy are the broker's due times, to the millisecond.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aqueduct::memory::MemoryBroker;
use aqueduct::{
    App, Broker, RunId, RunState, RunningApp, TaskError, TaskRun, Timestamp, task, tasks,
};
use aqueduct_core::clock::ManualClock;
use integration::Watcher;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const MILLISECOND: Duration = Duration::from_millis(1);

#[task(retry(max = 4, backoff = "2s", jitter = none, max_wait = "10s"))]
async fn doubles() -> Result<(), TaskError> {
    Err(TaskError::msg("again"))
}

#[task(retry(max = 3, backoff = "3s", kind = linear))]
async fn grows() -> Result<(), TaskError> {
    Err(TaskError::msg("again"))
}

#[task(retry(max = 2, backoff = "7s", kind = fixed))]
async fn stays() -> Result<(), TaskError> {
    Err(TaskError::msg("again"))
}

#[task(retry(max = 20, backoff = "8s", kind = fixed, jitter = full))]
async fn spreads() -> Result<(), TaskError> {
    Err(TaskError::msg("again"))
}

#[task]
async fn asks_for_a_wait() -> Result<(), TaskError> {
    Err(TaskError::snooze(Duration::from_mins(5)))
}

struct World {
    clock: ManualClock,
    app: RunningApp,
    watcher: Watcher,
}

impl World {
    async fn start() -> Self {
        let clock = ManualClock::new(START);
        let broker = MemoryBroker::with_clock(clock.clock());
        let (watcher, observer) = Watcher::new();
        let app = App::new(Broker::new(broker))
            .tasks(tasks![doubles, grows, stays, spreads, asks_for_a_wait])
            .clock(clock.clock())
            .observe(observer)
            .start()
            .await
            .unwrap();
        Self {
            clock,
            app,
            watcher,
        }
    }

    async fn find(&self, id: RunId) -> TaskRun {
        self.app.task_manager().find(id).await.unwrap().unwrap()
    }

    /// Waits for the end of so many attempts of a run; returns how long it waits from then.
    async fn wait_after(&mut self, id: RunId, attempts: usize) -> Duration {
        self.watcher.attempts_of(id, attempts).await;
        let attempt = self.find(id).await.tally.attempt;
        assert_eq!(attempt, u32::try_from(attempts).unwrap());
        self.wait_of(id).await
    }

    async fn wait_of(&self, id: RunId) -> Duration {
        let due_at = self.find(id).await.due_at;
        due_at.saturating_since(self.clock.clock().now())
    }

    /// Sees an attempt fail, and each wait of a policy to its last millisecond; then no more.
    async fn expect_waits(&mut self, id: RunId, seconds: &[u64]) {
        for (number, seconds) in seconds.iter().enumerate() {
            let wait = self.wait_after(id, number + 1).await;
            assert_eq!(wait, Duration::from_secs(*seconds), "wait {number}");
            self.clock.advance(wait.saturating_sub(MILLISECOND));
            assert_eq!(self.find(id).await.state, RunState::Retrying);
            self.clock.advance(MILLISECOND);
        }
        assert_eq!(self.watcher.end_of(id).await, RunState::Failed);
        let tally = self.find(id).await.tally;
        assert_eq!(usize::try_from(tally.failures).unwrap(), seconds.len() + 1);
    }
}

#[tokio::test]
async fn exponential_waits_double_up_to_the_longest() {
    let mut world = World::start().await;
    let run = doubles::queue(world.app.task_manager()).await.unwrap();
    world.expect_waits(run.id(), &[2, 4, 8, 10]).await;
    world.app.stop().await.unwrap();
}

#[tokio::test]
async fn linear_waits_grow_by_a_step() {
    let mut world = World::start().await;
    let run = grows::queue(world.app.task_manager()).await.unwrap();
    world.expect_waits(run.id(), &[3, 6, 9]).await;
    world.app.stop().await.unwrap();
}

#[tokio::test]
async fn fixed_waits_stay() {
    let mut world = World::start().await;
    let run = stays::queue(world.app.task_manager()).await.unwrap();
    world.expect_waits(run.id(), &[7, 7]).await;
    world.app.stop().await.unwrap();
}

#[tokio::test]
async fn full_jitter_spreads_waits_below_the_policy() {
    let mut world = World::start().await;
    let run = spreads::queue(world.app.task_manager()).await.unwrap();
    let mut waits = Vec::new();
    for attempts in 1..=20 {
        // A wait can be zero: then the next attempt may have begun.
        world.watcher.attempts_of(run.id(), attempts).await;
        let wait = world.wait_of(run.id()).await;
        assert!(wait <= Duration::from_secs(8), "{wait:?}");
        world.clock.advance(wait);
        waits.push(wait);
    }
    waits.sort();
    waits.dedup();
    assert!(waits.len() > 5, "not spread: {waits:?}");
    world.app.stop().await.unwrap();
}

#[tokio::test]
async fn a_snooze_waits_as_long_as_the_task_says_and_counts_nothing() {
    let mut world = World::start().await;
    let run = asks_for_a_wait::queue(world.app.task_manager())
        .await
        .unwrap();
    for attempts in 1..=3 {
        let wait = world.wait_after(run.id(), attempts).await;
        assert_eq!(wait, Duration::from_mins(5));
        world.clock.advance(wait);
    }
    assert_eq!(world.find(run.id()).await.tally.failures, 0);
    world.app.stop().await.unwrap();
}
