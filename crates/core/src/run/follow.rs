//! What follows a run, and what a run follows: how ends become the input of a follow-up. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::RunId;
use crate::name::TaskName;
use crate::payload::MAX_PAYLOAD_BYTES;
use crate::payload::Payload;
use crate::run::TaskRun;
use crate::run::failure::Failure;
use crate::run::settlement::Reason;
use crate::run::state::RunState;

/// The follow-up that waits for the end of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FollowedBy {
    /// The follow-up.
    pub run: RunId,
    /// Which of the runs that it waits for this one is, from 0.
    pub place: u16,
    /// Whether it takes the value of this one.
    pub takes_value: bool,
}

/// What a follow-up waits for, and what it takes from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Follows {
    /// The runs that it waits for, in the order of their values.
    pub runs: Vec<RunId>,
    /// What it takes as its input.
    pub takes: Takes,
    /// Whether it runs however they end; else the first that does not succeed cancels it.
    pub runs_anyway: bool,
    /// How long after the last of them it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Duration>,
}

/// What a follow-up takes from the runs that it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "brokers must handle every case")]
pub enum Takes {
    /// Nothing: only their ends count.
    Nothing,
    /// The value of the one run.
    Value,
    /// The list of their values.
    Values,
}

/// How a run ended that did not succeed, for a follow-up that runs anyway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("`{task}` {}{}", verb(*.state), self.why())]
#[non_exhaustive]
pub struct Unsuccessful {
    /// The task of the run.
    pub task: TaskName,
    /// Its final state; `Cancelled` for one that was removed.
    pub state: RunState,
    /// Why its last failed attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Why it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// The parts of an input, as the runs end that give them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    parts: BTreeMap<u16, Vec<u8>>,
    bytes: usize,
}

impl FollowedBy {
    /// Says that `run` waits, with this run as number `place` of those that it waits for.
    #[must_use]
    pub fn new(run: RunId, place: u16, takes_value: bool) -> Self {
        Self {
            run,
            place,
            takes_value,
        }
    }
}

impl Follows {
    /// Says that a run waits until these have succeeded.
    #[must_use]
    pub fn new(runs: Vec<RunId>, takes: Takes) -> Self {
        Self {
            runs,
            takes,
            runs_anyway: false,
            delay: None,
        }
    }

    /// Says that it runs however they end.
    #[must_use]
    pub fn anyway(mut self) -> Self {
        self.runs_anyway = true;
        self
    }

    /// Returns the part of the input that an ended run gives, or why the follow-up does not run.
    ///
    /// # Errors
    ///
    /// Returns the reason if the run did not succeed and the follow-up does not run anyway.
    pub fn part_of(&self, ended: &TaskRun) -> Result<Vec<u8>, Reason> {
        let succeeded = ended.state == RunState::Succeeded;
        if !succeeded && !self.runs_anyway {
            return Err(Reason::new(format!(
                "it follows `{}` (run {}), which {}",
                ended.task,
                ended.id,
                verb(ended.state)
            )));
        }
        if self.takes == Takes::Nothing {
            return Ok(Vec::new());
        }
        let record = ended.record.as_deref();
        let value = record.and_then(|record| record.result.as_ref());
        let value = value.map_or(NIL, |value| value.as_bytes());
        Ok(match (self.runs_anyway, succeeded) {
            (false, _) => value.to_vec(),
            (true, true) => [OK, value].concat(),
            (true, false) => [ERR, &Unsuccessful::of(ended).encoded()].concat(),
        })
    }
}

impl Gathered {
    /// Adds the part of the run at a place; what is there already stays.
    pub fn add(&mut self, place: u16, part: Vec<u8>) {
        if self.parts.contains_key(&place) {
            return;
        }
        self.bytes = self.bytes.saturating_add(part.len());
        // What is too large is not sent to anybody: it need not be remembered.
        let part = if self.is_too_large() {
            Vec::new()
        } else {
            part
        };
        self.parts.insert(place, part);
    }

    /// Returns whether every run that is waited for has ended.
    #[must_use]
    pub fn is_complete(&self, follows: &Follows) -> bool {
        self.parts.len() >= follows.runs.len()
    }

    /// Puts the parts together, in the order of the runs.
    ///
    /// # Errors
    ///
    /// Returns why the follow-up does not run if they are too large together.
    pub fn into_input(self, follows: &Follows) -> Result<Option<Payload>, Reason> {
        let mut bytes = match follows.takes {
            Takes::Nothing => return Ok(None),
            Takes::Value => Vec::new(),
            Takes::Values => list_head(follows.runs.len()),
        };
        for part in self.parts.values() {
            bytes.extend_from_slice(part);
        }
        if !self.is_too_large()
            && let Ok(input) = Payload::gathered(&bytes)
        {
            return Ok(Some(input));
        }
        Err(Reason::new(TOO_LARGE))
    }

    fn is_too_large(&self) -> bool {
        self.bytes > MAX_PAYLOAD_BYTES
    }
}

impl Unsuccessful {
    /// Returns what is told of a run that did not succeed.
    #[must_use]
    pub fn of(ended: &TaskRun) -> Self {
        let record = ended.record.as_deref();
        let is_removed = !ended.state.is_final();
        Self {
            task: ended.task.clone(),
            state: if is_removed {
                RunState::Cancelled
            } else {
                ended.state
            },
            failure: record.and_then(|record| record.failure.clone()),
            reason: if is_removed {
                Some(Reason::new(REMOVED))
            } else {
                record.and_then(|record| record.reason.clone())
            },
        }
    }

    fn encoded(&self) -> Vec<u8> {
        // Texts with bounds always can be encoded.
        Payload::encode(self).map_or_else(|_| NIL.to_vec(), |it| it.as_bytes().to_vec())
    }

    fn why(&self) -> String {
        match (&self.failure, &self.reason) {
            (_, Some(reason)) => format!(": {reason}"),
            (Some(failure), None) => format!(": {failure}"),
            (None, None) => String::new(),
        }
    }
}

/// Returns how a run ended, in words; of one that has not, that it was removed.
fn verb(state: RunState) -> &'static str {
    match state {
        RunState::Succeeded => "succeeded",
        RunState::Failed => "failed",
        RunState::Cancelled => "was cancelled",
        RunState::Expired => "has expired",
        _ => "was removed",
    }
}

/// Returns what MessagePack puts before a list of so many values, which are the runs of a request at most.
fn list_head(length: usize) -> Vec<u8> {
    let length = u16::try_from(length).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    if length < 16 {
        vec![0x90 | low]
    } else {
        vec![0xdc, high, low]
    }
}

/// The value of a run that returned none.
const NIL: &[u8] = &[0xc0];

/// What MessagePack puts before the value of `Ok` and of `Err`.
const OK: &[u8] = b"\x81\xa2Ok";
const ERR: &[u8] = b"\x81\xa3Err";

/// Why a run that was removed did not succeed.
const REMOVED: &str = "it was removed before it ended";

/// Why a follow-up does not run whose input is too large.
const TOO_LARGE: &str = "the results of the runs that it follows are over the limit of a payload together: \
                         store them elsewhere and return where";
