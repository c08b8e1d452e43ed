//! What a consumer says of itself.

use aqueduct_core::{Lane, QueueName, TaskName, TaskRun, Timestamp};
use serde::{Deserialize, Serialize};

/// The most bytes of a introduction, as it is sent and kept.
pub const MAX_INTRODUCTION_BYTES: usize = 4096;

/// What a consumer says of itself: where it runs, and what it takes.
///
/// It is for people, and for the question why a run is not running. A broker decides nothing by it but when parked runs
/// are worth another try.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Introduction {
    /// The name of the machine; empty if it is not known.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// When it was started, by its own clock.
    pub started_at: Timestamp,
    /// Which release of the program, or of the library, it runs.
    pub release: String,
    /// The lanes that it claims from.
    pub lanes: Vec<Lane>,
    /// The queues that it claims from.
    pub queues: Vec<QueueName>,
    /// The tasks that it knows, by name and alias.
    pub tasks: Vec<TaskName>,
    /// Whether there are more queues or tasks than fit.
    pub is_cut: bool,
    /// Whether it stops: it takes nothing more.
    pub is_stopping: bool,
}

impl Introduction {
    /// Creates the introduction of a process that takes nothing yet; long texts are cut.
    #[must_use]
    pub fn new(host: &str, pid: u32, started_at: Timestamp, release: &str) -> Self {
        Self {
            host: cut(host),
            pid,
            started_at,
            release: cut(release),
            ..Self::default()
        }
    }

    /// Sets what the consumer takes and knows; what does not fit is left out, tasks first.
    #[must_use]
    pub fn taking(
        mut self,
        lanes: impl IntoIterator<Item = Lane>,
        queues: impl IntoIterator<Item = QueueName>,
        tasks: impl IntoIterator<Item = TaskName>,
    ) -> Self {
        self.lanes = lanes.into_iter().collect();
        let mut room = NAMES_BYTES;
        let mut is_cut = false;
        let mut fits = |name: &str| {
            let left = room.checked_sub(name.len() + NAME_HEAD_BYTES);
            is_cut |= left.is_none();
            room = left.unwrap_or(0);
            left.is_some()
        };
        self.queues = queues.into_iter().filter(|it| fits(it.as_str())).collect();
        self.tasks = tasks.into_iter().filter(|it| fits(it.as_str())).collect();
        self.is_cut = is_cut;
        self
    }

    /// Says that the consumer stops.
    #[must_use]
    pub fn stopping(mut self) -> Self {
        self.is_stopping = true;
        self
    }

    /// Returns whether the consumer claims from a queue and a lane, as far as it says.
    #[must_use]
    pub fn takes(&self, lane: Lane, queue: &QueueName) -> bool {
        let is_taken = self.is_cut || self.queues.contains(queue);
        !self.is_stopping && self.lanes.contains(&lane) && is_taken
    }

    /// Returns whether the consumer says that it takes a run, and knows its task: what is left out does not count.
    #[must_use]
    pub fn names(&self, run: &TaskRun) -> bool {
        !self.is_stopping
            && self.lanes.contains(&run.lane)
            && self.queues.contains(&run.queue)
            && self.tasks.contains(&run.task)
    }

    /// Returns whether the consumer knows a task, as far as it says.
    #[must_use]
    pub fn knows(&self, task: &TaskName) -> bool {
        self.is_cut || self.tasks.contains(task)
    }
}

fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES);
    text.get(..end).unwrap_or_default().to_owned()
}

/// The most bytes of the host and of the release.
const TEXT_BYTES: usize = 128;

/// What a name takes beside its text.
const NAME_HEAD_BYTES: usize = 2;

/// What is left for names: the rest takes its texts, and less than 256 bytes.
const NAMES_BYTES: usize = MAX_INTRODUCTION_BYTES - 2 * TEXT_BYTES - 256;
