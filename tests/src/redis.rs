//! A Redis server under test, applications on it, and a ledger of what their tasks did.

use std::collections::BTreeMap;
use std::time::Duration;

use aqueduct::broker_api::BrokerHandle;
use aqueduct::redis::RedisBroker;
use aqueduct::{
    App, Broker, RunId, RunningApp, State, TaskContext, TaskError, Timestamp, task, tasks,
};
use aqueduct_redis_server::{RedisServer, ServerOptions};
use tokio::sync::mpsc;

/// How long a test waits for what must happen soon, before it gives up.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// What tasks did, outside of the system under test.
#[derive(Debug)]
pub struct Ledger {
    entries: mpsc::Receiver<Entry>,
    /// How often each number was executed.
    pub executed: BTreeMap<u64, usize>,
    claimed_again: usize,
}

/// Where tasks write.
#[derive(Clone, Debug)]
pub struct Writer(mpsc::Sender<Entry>);

/// One execution.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// The number that the run was queued with.
    pub number: u64,
    /// The run.
    pub run: RunId,
    /// The attempt.
    pub attempt: u32,
    /// When the run was queued, by the clock of the server.
    pub queued_at: Timestamp,
}

/// Writes its number down.
#[task]
pub async fn note(ctx: TaskContext, ledger: State<Writer>, number: u64) {
    ledger.write(&ctx, number).await;
}

/// Writes its number down, and fails the first time.
///
/// # Errors
///
/// Returns an error the first time.
#[task(retry(max = 5, backoff = "10ms"))]
pub async fn note_and_fail(
    ctx: TaskContext,
    ledger: State<Writer>,
    number: u64,
) -> Result<(), TaskError> {
    ledger.write(&ctx, number).await;
    if ctx.run().tally.failures == 0 {
        return Err(TaskError::msg("the first time"));
    }
    Ok(())
}

impl Ledger {
    /// Creates an empty ledger, and what tasks write with.
    #[must_use]
    pub fn new() -> (Self, Writer) {
        let (writer, entries) = mpsc::channel(65_536);
        (
            Self {
                entries,
                executed: BTreeMap::new(),
                claimed_again: 0,
            },
            Writer(writer),
        )
    }

    /// Waits for the next entry.
    ///
    /// # Panics
    ///
    /// Panics if there is none for too long.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Entry {
        let entry = tokio::time::timeout(PATIENCE, self.entries.recv()).await;
        let entry = entry
            .expect("nothing is executed any more")
            .expect("a writer lives");
        self.enter(&entry);
        entry
    }

    /// Returns the next entry, if there is one.
    pub fn try_next(&mut self) -> Option<Entry> {
        let entry = self.entries.try_recv().ok()?;
        self.enter(&entry);
        Some(entry)
    }

    fn enter(&mut self, entry: &Entry) {
        *self.executed.entry(entry.number).or_default() += 1;
        self.claimed_again += usize::from(entry.attempt > 1);
    }

    /// Waits until each of these numbers was executed.
    ///
    /// # Panics
    ///
    /// Panics if nothing is executed for too long.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn all_of(&mut self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            while !self.executed.contains_key(&number) {
                self.next().await;
            }
        }
    }

    /// Returns how many executions were not the first attempt of their run.
    #[must_use]
    pub fn claimed_again(&self) -> usize {
        self.claimed_again
    }

    /// Returns what was executed more than once.
    #[must_use]
    pub fn doubled(&self) -> Vec<u64> {
        self.executed
            .iter()
            .filter(|(_, times)| **times > 1)
            .map(|(number, _)| *number)
            .collect()
    }
}

impl Writer {
    /// Writes an execution down.
    ///
    /// # Panics
    ///
    /// Panics if the test has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave it written or not.
    pub async fn write(&self, ctx: &TaskContext, number: u64) {
        let run = ctx.run();
        let entry = Entry {
            number,
            run: run.id,
            attempt: run.tally.attempt,
            queued_at: run.queued_at,
        };
        self.0.send(entry).await.expect("the test reads");
    }
}

/// Starts a server.
///
/// # Panics
///
/// Panics if it does not start; the message says how to install it.
#[must_use]
pub fn server(settings: &[&str]) -> RedisServer {
    RedisServer::start_with(&ServerOptions::with_settings(settings)).expect("a redis-server")
}

/// Opens a broker.
///
/// # Panics
///
/// Panics if it cannot be opened.
///
/// # Cancel safety
///
/// Dropping the future closes what it opened.
pub async fn broker(url: &str) -> RedisBroker {
    // On the heap: it is large, and the stack of a test is small.
    Box::pin(RedisBroker::from_url(url))
        .await
        .expect("the server is there")
}

/// Starts an application that consumes, with a lease of two seconds.
///
/// # Panics
///
/// Panics if it does not start.
///
/// # Cancel safety
///
/// Dropping the future starts nothing.
pub async fn app(broker: RedisBroker, ledger: Writer) -> RunningApp {
    let app = App::new(Broker::from(BrokerHandle::new(broker)))
        .tasks(tasks![note, note_and_fail])
        .state(ledger)
        .without_scheduler();
    let app = app.consumer(|consumer| consumer.lease(Duration::from_secs(2)).concurrency(16));
    app.start().await.expect("it starts")
}

/// Starts an application that only queues.
///
/// # Panics
///
/// Panics if it does not start.
///
/// # Cancel safety
///
/// Dropping the future starts nothing.
pub async fn producer(broker: RedisBroker) -> RunningApp {
    let (_, writer) = Ledger::new();
    let app = App::new(Broker::from(BrokerHandle::new(broker)))
        .tasks(tasks![note, note_and_fail])
        .state(writer);
    app.without_consumer()
        .without_scheduler()
        .start()
        .await
        .expect("it starts")
}

/// Queues `note` with each number; each must be accepted.
///
/// # Panics
///
/// Panics if one is not.
///
/// # Cancel safety
///
/// Dropping the future may leave some queued.
pub async fn queue_notes(app: &RunningApp, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        note::queue(app.task_manager(), number)
            .await
            .expect("it is queued");
    }
}
