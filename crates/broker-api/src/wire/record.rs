//! The record of attempts as it is written.

use aqueduct_core::run::{Failure, Reason, RunRecord};
use aqueduct_core::{Payload, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::WireError;

/// [`RunRecord`] on the wire; separate, so that the one can change without the other.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct WireRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none", with = "serde_bytes")]
    result: Option<Vec<u8>>,
}

impl WireRecord {
    pub(super) fn of(record: &RunRecord) -> Self {
        Self {
            ended_at: record.ended_at,
            failure: record.failure.clone(),
            reason: record.reason.clone(),
            result: record
                .result
                .as_ref()
                .map(|result| result.as_bytes().to_vec()),
        }
    }

    pub(super) fn into_record(self) -> Result<RunRecord, WireError> {
        let mut record = RunRecord::default();
        record.ended_at = self.ended_at;
        record.failure = self.failure;
        record.reason = self.reason;
        record.result = self
            .result
            .map(|bytes| Payload::from_bytes(&bytes))
            .transpose()
            .map_err(|error| WireError::undecodable("an invalid result", 0, error))?;
        Ok(record)
    }
}
