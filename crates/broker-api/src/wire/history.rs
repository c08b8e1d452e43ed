//! The history of a run as it is written: entries of a fixed form, so that a store can add one without a decoder.

use aqueduct_core::run::{FailedAttempt, Failure, FailureKind, History};
use aqueduct_core::{ConsumerId, Timestamp};

use super::error::WireError;
use super::header::write_time;
use super::read::Reader;

/// Encodes the entries, without the length of the block.
pub(super) fn write(history: &History) -> Vec<u8> {
    let mut bytes = Vec::new();
    for failed in history {
        let tail = failure_tail(&failed.failure);
        // A tail is 513 bytes at most.
        let length = u16::try_from(HEAD_BYTES + tail.len()).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&failed.attempt.to_be_bytes());
        write_time(&mut bytes, failed.ended_at);
        bytes.extend_from_slice(&failed.consumer.to_bytes());
        bytes.extend_from_slice(&tail);
    }
    bytes
}

/// Decodes the entries of a block that begins at `start`.
pub(super) fn read(block: &[u8], start: usize) -> Result<History, WireError> {
    let mut reader = Reader::new(block, 0);
    let mut history = History::default();
    while !reader.is_at_end() {
        let length = usize::try_from(reader.number(2)?).unwrap_or(usize::MAX);
        let attempt = u32::try_from(reader.number(4)?).unwrap_or(u32::MAX);
        let ended_at = Timestamp::from_millis(u64::try_from(reader.number(6)?).unwrap_or(u64::MAX));
        let consumer = ConsumerId::from_u128(reader.number(16)?);
        let kind = u8::try_from(reader.number(1)?).unwrap_or(u8::MAX);
        let kind = FailureKind::from_number(kind)
            .ok_or_else(|| WireError::newer("an unknown kind of failure"))?;
        let message = length
            .checked_sub(HEAD_BYTES + 1)
            .ok_or_else(|| WireError::malformed("a failed attempt cut short", start))?;
        let message = std::str::from_utf8(reader.take(message)?)
            .map_err(|error| WireError::undecodable("a message that is not UTF-8", start, error))?;
        let failure = Failure::new(kind, message);
        history.push(FailedAttempt::new(attempt, ended_at, consumer, &failure));
    }
    Ok(history)
}

/// Encodes what a failure is in the history: its kind, and its message, cut.
///
/// A store puts it behind the attempt, the time and the consumer.
#[must_use]
pub fn failure_tail(failure: &Failure) -> Vec<u8> {
    let failure = failure.cut(aqueduct_core::run::MAX_HISTORY_MESSAGE_BYTES);
    let mut tail = vec![failure.kind().number()];
    tail.extend_from_slice(failure.message().as_bytes());
    tail
}

/// The bytes of an entry between its length and its kind: attempt, time, consumer.
const HEAD_BYTES: usize = 4 + 6 + 16;
