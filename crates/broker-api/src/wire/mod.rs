//! The wire format of a run: a versioned envelope with a fixed header, readable without a decoder.
//!
//! `docs/WIRE.md` describes it byte by byte, so that another language can produce runs. This module
//! and `aqueduct_core::payload` are the only code that makes bytes which outlive a process.

mod checkpoint;
mod error;
mod fields;
mod header;
mod history;
mod introduction;
mod progress;
mod queued;
mod read;
mod record;
mod schedule;

pub use error::WireError;
pub use fields::{failure_field, read_reason_field, reason_field, result_field};
pub use header::{HEADER_BYTES, Header, VERSION};
pub use history::failure_tail;
pub use introduction::{decode_introduction, encode_introduction};
pub use progress::{decode_progress, encode_progress};
pub use queued::{QueuedBytes, encode_queued};
pub use schedule::{decode_definition, encode_definition};

use aqueduct_core::run::{Lineage, TaskRun};

use header::{
    HAS_CHECKPOINT, HAS_HISTORY, HAS_INPUT, HAS_OPTIONS, HAS_PARENT, HAS_QUEUE, HAS_RECORD,
};
use read::Reader;
use record::WireRecord;

/// The largest envelope: the largest parameters, input and result, and room for everything else.
pub const MAX_ENVELOPE_BYTES: usize = aqueduct_core::payload::MAX_PAYLOAD_BYTES * 3 + 96 * 1024;

/// Encodes a run.
///
/// # Errors
///
/// Returns an error if an option or the record of the run cannot be encoded.
pub fn encode(run: &TaskRun) -> Result<Vec<u8>, WireError> {
    let header = Header::of(run);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + TYPICAL_EXTRA_BYTES + run.payload.len());
    header.write(&mut bytes);
    write_text(&mut bytes, run.task.as_str())?;
    if header.has(HAS_PARENT) {
        let parent = run.lineage.parent.unwrap_or(run.lineage.root);
        bytes.extend_from_slice(&parent.to_bytes());
        bytes.extend_from_slice(&run.lineage.root.to_bytes());
    }
    if header.has(HAS_QUEUE) {
        write_text(&mut bytes, run.queue.as_str())?;
    }
    if let Some(options) = &run.options {
        let options = rmp_serde::to_vec_named(options.as_ref()).map_err(WireError::unencodable)?;
        write_block(&mut bytes, &options)?;
    }
    if let Some(record) = &run.record {
        if header.has(HAS_RECORD) {
            let record =
                rmp_serde::to_vec_named(&WireRecord::of(record)).map_err(WireError::unencodable)?;
            write_block(&mut bytes, &record)?;
        }
        if header.has(HAS_HISTORY) {
            write_block(&mut bytes, &history::write(&record.history))?;
        }
    }
    if let Some(input) = &run.input {
        write_block(&mut bytes, input.as_bytes())?;
    }
    if let Some(checkpoint) = &run.checkpoint {
        write_block(&mut bytes, &checkpoint::write(checkpoint))?;
    }
    bytes.extend_from_slice(run.payload.as_bytes());
    Ok(bytes)
}

/// Decodes a run.
///
/// # Errors
///
/// Returns an error that says what is wrong and where; an unknown version is its own kind, so that
/// the run can be set aside for a newer reader.
pub fn decode(bytes: &[u8]) -> Result<TaskRun, WireError> {
    if bytes.len() > MAX_ENVELOPE_BYTES {
        return Err(WireError::too_large(bytes.len()));
    }
    let header = Header::read(bytes)?;
    let mut reader = Reader::new(bytes, HEADER_BYTES);
    let task = reader.name()?;
    let mut run = header.to_run(task);
    if header.has(HAS_PARENT) {
        let (parent, root) = (reader.run_id()?, reader.run_id()?);
        run.lineage = Lineage::child_of(parent, root);
    }
    if header.has(HAS_QUEUE) {
        run.queue = reader.name()?;
    }
    if header.has(HAS_OPTIONS) {
        run.options = Some(Box::new(reader.block()?));
    }
    if header.has(HAS_RECORD) {
        run.record = Some(Box::new(reader.block::<WireRecord>()?.into_record()?));
    }
    if header.has(HAS_HISTORY) {
        let start = reader.at();
        run.record_mut().history = history::read(reader.raw_block()?, start)?;
    }
    if header.has(HAS_INPUT) {
        run.input = Some(reader.input()?);
    }
    if header.has(HAS_CHECKPOINT) {
        let start = reader.at();
        let checkpoint = checkpoint::read(reader.raw_block()?, start)?;
        run.checkpoint = Some(Box::new(checkpoint));
    }
    run.payload = reader.rest()?;
    Ok(run)
}

fn write_text(bytes: &mut Vec<u8>, text: &str) -> Result<(), WireError> {
    let length = u8::try_from(text.len()).map_err(|_| WireError::too_large(text.len()))?;
    bytes.push(length);
    bytes.extend_from_slice(text.as_bytes());
    Ok(())
}

fn write_block(bytes: &mut Vec<u8>, block: &[u8]) -> Result<(), WireError> {
    let length = u32::try_from(block.len()).map_err(|_| WireError::too_large(block.len()))?;
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(block);
    Ok(())
}

/// Room for the task name and a little more, so that most runs need one allocation.
const TYPICAL_EXTRA_BYTES: usize = 48;
