//! A queued task as bytes, for a broker that stamps the times where it stores the run.

use aqueduct_core::{QueuedTask, TaskRun, Timestamp};

use super::error::WireError;
use super::header::HEADER_BYTES;

/// The bytes of a run that no broker has accepted yet: all but its times.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueuedBytes {
    /// The header up to the times, in the state `queued`.
    pub head: Vec<u8>,
    /// Everything behind the times.
    pub tail: Vec<u8>,
    /// Where in `tail` the deadline stands, if the run has one: eight bytes, big-endian milliseconds.
    pub deadline_at: Option<usize>,
}

/// Encodes a queued task without its times.
///
/// Between `head` and `tail` belong, of six bytes each, the time of acceptance and the due time.
///
/// # Errors
///
/// Returns an error if an option of the task cannot be encoded.
pub fn encode_queued(task: &QueuedTask) -> Result<QueuedBytes, WireError> {
    let mut task = task.clone();
    task.due = aqueduct_core::queue::Due::Now;
    let has_deadline = task.expires_in.take().is_some()
        || task
            .options
            .as_ref()
            .is_some_and(|options| options.deadline.is_some());
    if has_deadline {
        task.options_mut().deadline = Some(PLACEHOLDER);
    }
    let mut head = super::encode(&TaskRun::accept(task, Timestamp::MIN))?;
    let tail = head.split_off(HEADER_BYTES);
    head.truncate(TIMES_AT);
    let deadline_at = if has_deadline {
        Some(find_deadline(&tail)?)
    } else {
        None
    };
    Ok(QueuedBytes {
        head,
        tail,
        deadline_at,
    })
}

/// Finds the placeholder: the options are the first place where its bytes can stand.
fn find_deadline(tail: &[u8]) -> Result<usize, WireError> {
    let number = PLACEHOLDER.as_millis().to_be_bytes();
    let is_placeholder = |window: &[u8]| {
        window
            .split_first()
            .is_some_and(|(marker, rest)| *marker == U64_MARKER && *rest == number)
    };
    let at = tail.windows(1 + number.len()).position(is_placeholder);
    at.map(|at| at + 1)
        .ok_or_else(|| WireError::malformed("no deadline", HEADER_BYTES))
}

/// A time that no deadline has; it takes eight bytes, as every time after 1970-02-19 does.
const PLACEHOLDER: Timestamp = Timestamp::MAX;

/// What MessagePack puts before a number of eight bytes.
const U64_MARKER: u8 = 0xcf;

/// Where the two times of a header begin.
const TIMES_AT: usize = 28;
