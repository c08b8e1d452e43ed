//! Runs with keys, which benchmarks measure beside plain runs in turns with them.

use aqueduct::{RunningApp, TaskCall, TaskList, task, tasks};

/// What runs ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Nothing.
    Plain,
    /// A unique key, each its own, until the run has finished.
    Unique,
    /// A limit of one of 100 keys, which is never reached.
    Limited,
    /// A limit of one of 100 keys, which is reached: most runs wait for it.
    AtLimit,
}

/// How many keys limited runs have.
const KEYS: usize = 100;

#[task]
async fn plain(number: usize, data: String) {
    let _ = (number, data);
}

#[task(unique = "number:{number}")]
async fn unique(number: usize, data: String) {
    let _ = (number, data);
}

/// More of a key than a consumer has places.
#[task(max_concurrency(100_000, key = "number:{number}"))]
async fn limited(number: usize, data: String) {
    let _ = (number, data);
}

/// Four of a key at once: far fewer than a consumer has places.
#[task(max_concurrency(4, key = "number:{number}"))]
async fn at_limit(number: usize, data: String) {
    let _ = (number, data);
}

impl Kind {
    /// Those with keys.
    pub const KEYED: [Self; 3] = [Self::Unique, Self::Limited, Self::AtLimit];

    /// Returns how the kind is called in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain runs",
            Self::Unique => "unique runs",
            Self::Limited => "limited runs, 100 keys, none reached",
            Self::AtLimit => "limited runs, 100 keys, all reached",
        }
    }

    /// Returns the tasks of all kinds.
    #[must_use]
    pub fn tasks() -> TaskList {
        tasks![plain, unique, limited, at_limit]
    }

    fn call(self, number: usize) -> TaskCall<()> {
        let data = "x".repeat(83);
        match self {
            Self::Plain => plain::with(number, data),
            Self::Unique => unique::with(number, data),
            Self::Limited => limited::with(number % KEYS, data),
            Self::AtLimit => at_limit::with(number % KEYS, data),
        }
    }

    /// Queues so many runs in batches.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker does not take them.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future queues some of them.
    pub async fn queue(self, app: &RunningApp, runs: usize) -> anyhow::Result<()> {
        let calls = (0..runs).map(move |number| self.call(number));
        app.task_manager().queue_many(calls).await?;
        Ok(())
    }
}
