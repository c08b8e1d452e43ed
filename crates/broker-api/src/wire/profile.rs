//! The profile of a consumer as bytes: the version, then a MessagePack map.

use super::error::WireError;
use crate::profile::{ConsumerProfile, MAX_PROFILE_BYTES};

/// Encodes a profile.
///
/// # Errors
///
/// Returns an error if it cannot be encoded, or takes more than [`MAX_PROFILE_BYTES`].
pub fn encode_profile(profile: &ConsumerProfile) -> Result<Vec<u8>, WireError> {
    let map = rmp_serde::to_vec_named(profile).map_err(WireError::unencodable)?;
    let bytes = [&[super::VERSION], map.as_slice()].concat();
    if bytes.len() > MAX_PROFILE_BYTES {
        return Err(WireError::too_large(bytes.len()));
    }
    Ok(bytes)
}

/// Decodes a profile; fields that a later release adds are passed over.
///
/// # Errors
///
/// Returns an error that says what is wrong; an unknown version is its own kind.
pub fn decode_profile(bytes: &[u8]) -> Result<ConsumerProfile, WireError> {
    if bytes.len() > MAX_PROFILE_BYTES {
        return Err(WireError::too_large(bytes.len()));
    }
    match bytes.split_first() {
        Some((&super::VERSION, map)) => rmp_serde::from_slice(map)
            .map_err(|error| WireError::undecodable("no profile", 1, error)),
        Some((version, _)) if *version > super::VERSION => Err(WireError::newer("a later version")),
        _ => Err(WireError::malformed("no known version", 0)),
    }
}
