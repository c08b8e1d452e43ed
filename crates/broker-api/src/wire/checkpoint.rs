//! The last checkpoint of a run as it is written: attempt, number and time, then the value.

use aqueduct_core::run::Checkpoint;
use aqueduct_core::{Payload, Timestamp};

use super::error::WireError;
use super::header::write_time;
use super::read::Reader;

/// Encodes a checkpoint, without the length of the block.
pub(super) fn write(checkpoint: &Checkpoint) -> Vec<u8> {
    let mut bytes = checkpoint.attempt.to_be_bytes().to_vec();
    bytes.extend_from_slice(&checkpoint.number.to_be_bytes());
    write_time(&mut bytes, checkpoint.at);
    bytes.extend_from_slice(checkpoint.value.as_bytes());
    bytes
}

/// Decodes a block that begins at `start`.
pub(super) fn read(block: &[u8], start: usize) -> Result<Checkpoint, WireError> {
    let mut reader = Reader::new(block, 0);
    let number = |number: u128| u32::try_from(number).unwrap_or(u32::MAX);
    let attempt = number(reader.number(4)?);
    let place = number(reader.number(4)?);
    let at = u64::try_from(reader.number(6)?).unwrap_or(u64::MAX);
    let value = Payload::from_bytes(reader.take(block.len() - reader.at())?)
        .map_err(|error| WireError::undecodable("an invalid checkpoint", start, error))?;
    let at = Timestamp::from_millis(at);
    Ok(Checkpoint::new(attempt, place, at, value))
}
