//! What the tests that cross crates share: an application under test, and how its runs ended.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

pub mod bench;
pub mod contract;
pub mod figure;
pub mod fuzz;
pub mod moved;
pub mod oracle;
pub mod process;
pub mod protocol;
pub mod proxy;
pub mod redis;
pub mod replicated;
pub mod seed;
pub mod simulation;
pub mod store;
pub mod traffic;
pub mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use aqueduct::observe::{Observer, RunEvent, RunEventKind};
use aqueduct::{RunId, RunState};
use tokio::sync::mpsc;

/// Hears of everything that happens to runs, and waits for it.
#[derive(Debug)]
pub struct Watcher {
    events: mpsc::Receiver<RunEvent>,
    heard: Vec<RunEvent>,
}

impl Watcher {
    /// Creates a watcher, and the observer to give to the application.
    ///
    /// # Panics
    ///
    /// The observer panics when it is 65,536 events ahead of the test.
    #[must_use]
    pub fn new() -> (Self, impl Observer) {
        let (sender, events) = mpsc::channel(65_536);
        let observer = move |event: RunEvent| sender.try_send(event).expect("room for an event");
        let heard = Vec::new();
        (Self { events, heard }, observer)
    }

    /// Waits until a run is in a final state, and returns it.
    ///
    /// # Panics
    ///
    /// Panics if the application has ended before, or the run has too many attempts.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn end_of(&mut self, run: RunId) -> RunState {
        loop {
            let final_state = self.states_of(run).into_iter().find(|it| it.is_final());
            if let Some(state) = final_state {
                return state;
            }
            let attempts = self.states_of(run).len();
            assert!(attempts < MAX_ATTEMPTS, "the run never ends");
            self.next().await;
        }
    }

    /// Waits until `count` runs of a task are in a final state.
    ///
    /// # Panics
    ///
    /// Panics if the application has ended before.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn ends_of_task(&mut self, task: &str, count: usize) -> BTreeMap<RunId, RunState> {
        loop {
            let ends = self
                .heard
                .iter()
                .filter(|event| event.task.as_str() == task);
            let ends: BTreeMap<RunId, RunState> = ends
                .filter_map(|event| Some((event.run, state_in(event)?)))
                .filter(|(_, state)| state.is_final())
                .collect();
            if ends.len() >= count {
                return ends;
            }
            self.next().await;
        }
    }

    /// Waits until `count` attempts of a task have begun.
    ///
    /// # Panics
    ///
    /// Panics if the application has ended before.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn starts_of_task(&mut self, task: &str, count: usize) {
        let began = |it: &&RunEvent| it.task.as_str() == task && it.kind == RunEventKind::Started;
        while self.heard.iter().filter(began).count() < count {
            self.next().await;
        }
    }

    /// Waits until an attempt of a run has begun.
    ///
    /// # Panics
    ///
    /// Panics if the application has ended before.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn start_of(&mut self, run: RunId) {
        let began = |it: &RunEvent| it.run == run && it.kind == RunEventKind::Started;
        while !self.heard.iter().any(began) {
            self.next().await;
        }
    }

    /// Waits until `count` attempts of a run have ended, finally or not.
    ///
    /// # Panics
    ///
    /// Panics if the application has ended before.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn attempts_of(&mut self, run: RunId, count: usize) {
        while self.states_of(run).len() < count {
            self.next().await;
        }
    }

    /// Waits until an attempt of a run has ended, finally or not.
    ///
    /// # Panics
    ///
    /// Panics if the application has ended before.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn attempt_of(&mut self, run: RunId) -> RunState {
        loop {
            if let Some(state) = self.states_of(run).first() {
                return *state;
            }
            self.next().await;
        }
    }

    /// Returns the states that the attempts of a run led to, in order.
    #[must_use]
    pub fn states_of(&self, run: RunId) -> Vec<RunState> {
        let events = self.heard.iter().filter(|event| event.run == run);
        events.filter_map(state_in).collect()
    }

    /// Returns the message of the last failure of a run.
    #[must_use]
    pub fn failure_of(&self, run: RunId) -> String {
        let mut events = self.heard.iter().rev().filter(|event| event.run == run);
        let failure = events.find_map(|event| match &event.kind {
            RunEventKind::Ended { failure, .. } => failure.clone(),
            _ => None,
        });
        failure.map_or_else(String::new, |it| {
            format!("{:?}: {}", it.kind(), it.message())
        })
    }

    async fn next(&mut self) {
        let event = soon("nothing happened any more", self.events.recv()).await;
        self.heard.push(event.expect("the application still runs"));
    }
}

/// More attempts than any run here is meant to have.
const MAX_ATTEMPTS: usize = 300;

/// Waits for what must come, and fails with `problem` instead of hanging.
///
/// # Panics
///
/// Panics if it does not come within a minute, far longer than anything here takes.
///
/// # Cancel safety
///
/// Dropping the future drops the wait.
pub async fn soon<T>(problem: &str, wait: impl Future<Output = T>) -> T {
    const PATIENCE: Duration = Duration::from_mins(1);
    tokio::time::timeout(PATIENCE, wait).await.expect(problem)
}

fn state_in(event: &RunEvent) -> Option<RunState> {
    match event.kind {
        RunEventKind::Ended { state, .. } => Some(state),
        _ => None,
    }
}
