//! The replies of scripts as answers of the contract.

pub(crate) mod admin;

use aqueduct_broker_api::wire::{self, WireError};
use aqueduct_broker_api::{BrokerError, BrokerErrorKind, Cancel, Enqueued, Settled};
use aqueduct_core::{RunId, RunState, TaskRun, Timestamp};

use crate::link::{LinkError, Reply};
use crate::whole;

/// Reads a run as it is stored.
pub(crate) fn run(bytes: &[u8]) -> Result<TaskRun, WireError> {
    wire::decode(&whole::unburdened(bytes))
}

/// Reads a held run, which is stored as it was before its claim, and what it reports: the time in six bytes and
/// how far it is, or nothing.
pub(crate) fn held_run(bytes: &[u8], report: &[u8]) -> Result<TaskRun, WireError> {
    let mut run = run(bytes)?;
    run.state = RunState::Running;
    run.tally.attempt = run.tally.attempt.saturating_add(1);
    if let Some((at, progress)) = report.split_first_chunk::<6>() {
        let progress = wire::decode_progress(progress, time(at))?;
        run.progress = Some(Box::new(progress));
    }
    Ok(run)
}

/// Reads a time: milliseconds, big-endian.
pub(crate) fn time(bytes: &[u8]) -> Timestamp {
    let millis = bytes
        .iter()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte));
    Timestamp::from_millis(millis)
}

/// Reads the answers to an enqueue: a digit, `F`, or another letter with an id.
pub(crate) fn enqueued(bytes: &[u8]) -> Result<Vec<Enqueued>, LinkError> {
    let mut answers = Vec::new();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        answers.push(match first {
            b'D' => Enqueued::Duplicate(take_id(&mut rest)?),
            b'R' => Enqueued::Replaced(take_id(&mut rest)?),
            b'C' => Enqueued::KeyTaken(take_id(&mut rest)?),
            // Whoever asked knows the limit.
            b'F' => Enqueued::QueueFull { limit: None },
            digit => Enqueued::Accepted(state(digit.wrapping_sub(b'0'))?),
        });
    }
    Ok(answers)
}

fn take_id(rest: &mut &[u8]) -> Result<RunId, LinkError> {
    let (id, after) = rest
        .split_first_chunk()
        .ok_or_else(|| wrong("an answer is cut short"))?;
    *rest = after;
    Ok(RunId::from_bytes(*id))
}

/// Reads what became of settlements: a byte each.
pub(crate) fn settled(bytes: &[u8]) -> Result<Vec<Settled>, LinkError> {
    let one = |byte: &u8| match *byte {
        LEASE_LOST => Ok(Settled::LeaseLost),
        number => Ok(Settled::Applied(state(number)?)),
    };
    bytes.iter().map(one).collect()
}

/// Reads runs that are to end: id and reason, one after the other.
pub(crate) fn cancels(reply: Reply) -> Result<Vec<Cancel>, LinkError> {
    let mut cancels = Vec::new();
    let mut parts = reply.into_list()?;
    while let (Some(id), Some(reason)) = (parts.next(), parts.next()) {
        let reason =
            wire::read_reason_field(&reason.into_bytes()?).map_err(|_| wrong("a reason"))?;
        cancels.push(Cancel::new(run_id(&id.into_bytes()?)?, reason));
    }
    Ok(cancels)
}

/// Reads ids that stand side by side.
pub(crate) fn run_ids(bytes: &[u8]) -> Vec<RunId> {
    let (ids, _) = bytes.as_chunks();
    ids.iter().map(|id| RunId::from_bytes(*id)).collect()
}

pub(crate) fn run_id(bytes: &[u8]) -> Result<RunId, LinkError> {
    let id = bytes.try_into().map_err(|_| wrong("an id"))?;
    Ok(RunId::from_bytes(id))
}

pub(crate) fn state(number: u8) -> Result<RunState, LinkError> {
    RunState::from_number(number).ok_or_else(|| wrong("a state"))
}

/// Takes the next part of a reply.
pub(crate) fn next(parts: &mut impl Iterator<Item = Reply>) -> Result<Reply, LinkError> {
    parts.next().ok_or_else(|| wrong("a part is missing"))
}

/// The error of stored bytes that cannot be read.
pub(crate) fn unreadable(operation: &'static str, error: WireError) -> BrokerError {
    BrokerError::new(
        BrokerErrorKind::InvalidData,
        operation,
        "what is stored cannot be read",
    )
    .with_source(error)
}

fn wrong(what: &str) -> LinkError {
    LinkError::unexpected(what)
}

/// Stands for a settlement whose lease was lost.
const LEASE_LOST: u8 = 255;
