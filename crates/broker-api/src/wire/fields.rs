//! Single fields of the record of attempts, for a broker that puts records together where it stores them.

use aqueduct_core::Payload;
use aqueduct_core::run::{Failure, Reason};
use serde::{Deserialize, Serialize};

use super::error::WireError;

/// Encodes a failure as the field of a record: key and value, without the head of the map.
///
/// # Errors
///
/// Returns an error if it cannot be encoded.
pub fn failure_field(failure: &Failure) -> Result<Vec<u8>, WireError> {
    #[derive(Serialize)]
    struct One<'a> {
        failure: &'a Failure,
    }
    field(&One { failure })
}

/// Encodes a reason as the field of a record: key and value, without the head of the map.
///
/// # Errors
///
/// Returns an error if it cannot be encoded.
pub fn reason_field(reason: &Reason) -> Result<Vec<u8>, WireError> {
    #[derive(Serialize)]
    struct One<'a> {
        reason: &'a Reason,
    }
    field(&One { reason })
}

/// Encodes a result as the field of a record: key and value, without the head of the map.
///
/// # Errors
///
/// Returns an error if it cannot be encoded.
pub fn result_field(result: &Payload) -> Result<Vec<u8>, WireError> {
    #[derive(Serialize)]
    struct One<'a> {
        #[serde(with = "serde_bytes")]
        result: &'a [u8],
    }
    field(&One {
        result: result.as_bytes(),
    })
}

/// Decodes a field that [`reason_field`] has encoded.
///
/// # Errors
///
/// Returns an error if it is no such field.
pub fn read_reason_field(field: &[u8]) -> Result<Reason, WireError> {
    #[derive(Deserialize)]
    struct One {
        reason: Reason,
    }
    let mut map = vec![MAP_OF_ONE];
    map.extend_from_slice(field);
    let one: One = rmp_serde::from_slice(&map)
        .map_err(|error| WireError::undecodable("no reason", 0, error))?;
    Ok(one.reason)
}

fn field(one: &impl Serialize) -> Result<Vec<u8>, WireError> {
    let mut map = rmp_serde::to_vec_named(one).map_err(WireError::unencodable)?;
    map.remove(0);
    Ok(map)
}

/// The head of a map with one field.
const MAP_OF_ONE: u8 = 0x81;
