//! The definition of a schedule as bytes: a MessagePack map, then the parameters of its runs.

use std::time::Duration;

use aqueduct_core::run::RunOptions;
use aqueduct_core::schedule::Overlap;
use aqueduct_core::{Lane, Priority, QueueName, Schedule, ScheduleName, TaskName};
use serde::{Deserialize, Serialize};

use super::error::WireError;
use super::read::Reader;
use super::write_block;
use crate::schedules::{ScheduleDefinition, ScheduleVersion};

/// [`ScheduleDefinition`] on the wire, name, version and parameters aside.
#[derive(Debug, Serialize, Deserialize)]
struct WireDefinition {
    schedule: Schedule,
    task: TaskName,
    queue: QueueName,
    lane: Lane,
    priority: Priority,
    /// Without it a definition is the bytes that it always was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    options: Option<Box<RunOptions>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_in: Option<Duration>,
    #[serde(default, skip_serializing_if = "Overlap::is_allowed")]
    overlap: Overlap,
}

/// Encodes a definition, without its name and its version: those are the key and the fence.
///
/// # Errors
///
/// Returns an error if it cannot be encoded.
pub fn encode_definition(definition: &ScheduleDefinition) -> Result<Vec<u8>, WireError> {
    let block = rmp_serde::to_vec_named(&WireDefinition {
        schedule: definition.schedule.clone(),
        task: definition.task.clone(),
        queue: definition.queue.clone(),
        lane: definition.lane,
        priority: definition.priority,
        options: definition.options.clone(),
        expires_in: definition.expires_in,
        overlap: definition.overlap,
    });
    let mut bytes = vec![super::VERSION];
    write_block(&mut bytes, &block.map_err(WireError::unencodable)?)?;
    bytes.extend_from_slice(definition.payload.as_bytes());
    Ok(bytes)
}

/// Decodes the definition of that name and version.
///
/// # Errors
///
/// Returns an error that says what is wrong and where; an unknown version is its own kind.
pub fn decode_definition(
    name: ScheduleName,
    version: ScheduleVersion,
    bytes: &[u8],
) -> Result<ScheduleDefinition, WireError> {
    match bytes.first() {
        Some(&super::VERSION) => {}
        Some(newer) if *newer > super::VERSION => return Err(WireError::newer("a later version")),
        _ => return Err(WireError::malformed("no known version", 0)),
    }
    let mut reader = Reader::new(bytes, 1);
    let WireDefinition {
        schedule,
        task,
        queue,
        lane,
        priority,
        options,
        expires_in,
        overlap,
    } = reader.block()?;
    Ok(ScheduleDefinition::new(name, schedule, task)
        .with_version(version)
        .with_payload(reader.rest()?)
        .with_place(queue, lane, priority)
        .with_options(options.map(|it| *it).unwrap_or_default())
        .with_expiry(expires_in)
        .with_overlap(overlap))
}
