//! The fixed header of an envelope: 40 bytes, every field at a known place.

use aqueduct_core::run::{Lineage, RunState, Tally, TaskRun};
use aqueduct_core::{Lane, Payload, Priority, QueueName, QueuedTask, RunId, TaskName, Timestamp};

use super::error::WireError;

/// The version of the format that this release writes.
pub const VERSION: u8 = 1;

/// The length of the fixed header.
pub const HEADER_BYTES: usize = 40;

/// Flag: parent and root follow; without it the run is its own root.
pub(super) const HAS_PARENT: u8 = 1;
/// Flag: the queue follows; without it the run is in the default queue.
pub(super) const HAS_QUEUE: u8 = 1 << 1;
/// Flag: a block of options follows.
pub(super) const HAS_OPTIONS: u8 = 1 << 2;
/// Flag: a block with the record of attempts follows.
pub(super) const HAS_RECORD: u8 = 1 << 3;

/// Flag: a block with the history of failed attempts follows.
pub(super) const HAS_HISTORY: u8 = 1 << 4;
/// Flag: a block with the input follows.
pub(super) const HAS_INPUT: u8 = 1 << 5;

/// Flag: a block with the last checkpoint follows.
pub(super) const HAS_CHECKPOINT: u8 = 1 << 6;

const KNOWN_FLAGS: u8 =
    HAS_PARENT | HAS_QUEUE | HAS_OPTIONS | HAS_RECORD | HAS_HISTORY | HAS_INPUT | HAS_CHECKPOINT;

/// What the fixed header says of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    flags: u8,
    /// The kind of execution.
    pub lane: Lane,
    /// The place among the waiting.
    pub priority: Priority,
    /// Where the run is in its life.
    pub state: RunState,
    /// The identity of the run.
    pub id: RunId,
    /// What has been counted.
    pub tally: Tally,
    /// When the broker accepted the run.
    pub queued_at: Timestamp,
    /// When it is due.
    pub due_at: Timestamp,
}

impl Header {
    pub(super) fn of(run: &TaskRun) -> Self {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let record = run.record.as_ref();
        let flags = flag(run.lineage != Lineage::root_of(run.id), HAS_PARENT)
            | flag(run.queue != QueueName::DEFAULT, HAS_QUEUE)
            | flag(run.options.is_some(), HAS_OPTIONS)
            | flag(record.is_some_and(|it| !it.is_only_history()), HAS_RECORD)
            | flag(record.is_some_and(|it| !it.history.is_empty()), HAS_HISTORY)
            | flag(run.input.is_some(), HAS_INPUT)
            | flag(run.checkpoint.is_some(), HAS_CHECKPOINT);
        Self {
            flags,
            lane: run.lane,
            priority: run.priority,
            state: run.state,
            id: run.id,
            tally: run.tally,
            queued_at: run.queued_at,
            due_at: run.due_at,
        }
    }

    /// Reads the header of an envelope; nothing behind it is looked at.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes are too short, of another version, or hold an unknown number.
    pub fn read(bytes: &[u8]) -> Result<Self, WireError> {
        match bytes.first() {
            Some(&VERSION) => {}
            Some(version) if *version > VERSION => return Err(WireError::newer("a later version")),
            _ => return Err(WireError::malformed("no known version", 0)),
        }
        let header: &[u8; HEADER_BYTES] = bytes
            .first_chunk()
            .ok_or_else(|| WireError::malformed("a header cut short", bytes.len()))?;
        let [_, flags, kind, reserved, rest @ ..] = header;
        if flags & !KNOWN_FLAGS != 0 || *reserved != 0 {
            return Err(WireError::newer("an unknown flag"));
        }
        let unknown = |what| WireError::malformed(what, 2);
        let mut fields = Fields(rest);
        Ok(Self {
            flags: *flags,
            lane: Lane::from_number(kind & 0b11).ok_or_else(|| unknown("an unknown lane"))?,
            priority: Priority::from_number((kind >> 2) & 0b11)
                .ok_or_else(|| unknown("an unknown priority"))?,
            state: RunState::from_number(kind >> 4).ok_or_else(|| unknown("an unknown state"))?,
            id: RunId::from_u128(fields.number(16)),
            tally: Tally {
                attempt: fields.small(4),
                failures: fields.small(2),
                crashes: fields.small(1),
                parks: fields.small(1),
            },
            queued_at: fields.time(),
            due_at: fields.time(),
        })
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let kind = self.lane.number() | self.priority.number() << 2 | self.state.number() << 4;
        let Tally {
            attempt,
            failures,
            crashes,
            parks,
        } = self.tally;
        bytes.extend_from_slice(&[VERSION, self.flags, kind, 0]);
        bytes.extend_from_slice(&self.id.to_bytes());
        bytes.extend_from_slice(&attempt.to_be_bytes());
        bytes.extend_from_slice(&u16::try_from(failures).unwrap_or(u16::MAX).to_be_bytes());
        bytes.push(u8::try_from(crashes).unwrap_or(u8::MAX));
        bytes.push(u8::try_from(parks).unwrap_or(u8::MAX));
        write_time(bytes, self.queued_at);
        write_time(bytes, self.due_at);
    }

    pub(super) fn to_run(self, task: TaskName) -> TaskRun {
        let queued = QueuedTask::new(self.id, task, Payload::empty());
        let mut run = TaskRun::accept(queued, self.queued_at);
        run.lane = self.lane;
        run.priority = self.priority;
        run.state = self.state;
        run.tally = self.tally;
        run.due_at = self.due_at;
        run
    }
}

/// Takes big-endian numbers off the front of a header; the lengths are fixed by the format.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn number(&mut self, width: usize) -> u128 {
        let (field, rest) = self.0.split_at_checked(width).unwrap_or((&[], &[]));
        self.0 = rest;
        field
            .iter()
            .fold(0, |number, byte| (number << 8) | u128::from(*byte))
    }

    fn small(&mut self, width: usize) -> u32 {
        u32::try_from(self.number(width)).unwrap_or(u32::MAX)
    }

    fn time(&mut self) -> Timestamp {
        Timestamp::from_millis(u64::try_from(self.number(TIME_BYTES)).unwrap_or(u64::MAX))
    }
}

pub(super) fn write_time(bytes: &mut Vec<u8>, time: Timestamp) {
    let millis = time.as_millis().to_be_bytes();
    bytes.extend(millis.into_iter().skip(8 - TIME_BYTES));
}

/// Milliseconds in 48 bits reach beyond the year 9999.
const TIME_BYTES: usize = 6;
