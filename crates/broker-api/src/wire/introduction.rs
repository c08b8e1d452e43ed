//! The introduction of a consumer as bytes: the version, then a MessagePack map.

use super::error::WireError;
use crate::introduction::{Introduction, MAX_INTRODUCTION_BYTES};

/// Encodes a introduction.
///
/// # Errors
///
/// Returns an error if it cannot be encoded, or takes more than [`MAX_INTRODUCTION_BYTES`].
pub fn encode_introduction(introduction: &Introduction) -> Result<Vec<u8>, WireError> {
    let map = rmp_serde::to_vec_named(introduction).map_err(WireError::unencodable)?;
    let bytes = [&[super::VERSION], map.as_slice()].concat();
    if bytes.len() > MAX_INTRODUCTION_BYTES {
        return Err(WireError::too_large(bytes.len()));
    }
    Ok(bytes)
}

/// Decodes a introduction; fields that a later release adds are passed over.
///
/// # Errors
///
/// Returns an error that says what is wrong; an unknown version is its own kind.
pub fn decode_introduction(bytes: &[u8]) -> Result<Introduction, WireError> {
    if bytes.len() > MAX_INTRODUCTION_BYTES {
        return Err(WireError::too_large(bytes.len()));
    }
    match bytes.split_first() {
        Some((&super::VERSION, map)) => rmp_serde::from_slice(map)
            .map_err(|error| WireError::undecodable("no introduction", 1, error)),
        Some((version, _)) if *version > super::VERSION => Err(WireError::newer("a later version")),
        _ => Err(WireError::malformed("no known version", 0)),
    }
}
