//! The error of encoding, checking and decoding payloads.

use std::error::Error;
use std::fmt;

use super::MAX_PAYLOAD_DEPTH;

/// Why a value cannot be encoded, or bytes cannot be used as a payload.
#[derive(Debug)]
pub struct PayloadError {
    kind: PayloadErrorKind,
    message: String,
}

/// The ways in which a payload can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadErrorKind {
    /// The value cannot be expressed in MessagePack.
    Unencodable,
    /// The encoded value is over the size limit.
    TooLarge,
    /// Maps and arrays are nested too deeply.
    TooDeep,
    /// The bytes are not one complete MessagePack value.
    Malformed,
    /// The value does not fit the type that was asked for.
    Mismatch,
}

impl PayloadError {
    pub(super) fn unencodable(error: &rmp_serde::encode::Error) -> Self {
        let message = format!("the value cannot be encoded: {error}");
        Self {
            kind: PayloadErrorKind::Unencodable,
            message,
        }
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!(
            "the encoded value is over the limit of {limit} bytes; store it elsewhere and pass a reference"
        );
        Self {
            kind: PayloadErrorKind::TooLarge,
            message,
        }
    }

    pub(super) fn too_deep() -> Self {
        let message = format!("maps and arrays are nested over {MAX_PAYLOAD_DEPTH} levels deep");
        Self {
            kind: PayloadErrorKind::TooDeep,
            message,
        }
    }

    pub(super) fn malformed(what: &str, offset: usize) -> Self {
        let message = format!("not one complete MessagePack value: {what} at byte {offset}");
        Self {
            kind: PayloadErrorKind::Malformed,
            message,
        }
    }

    pub(super) fn mismatch(error: &serde_path_to_error::Error<rmp_serde::decode::Error>) -> Self {
        let problem = match error.inner() {
            rmp_serde::decode::Error::TypeMismatch(marker) => {
                format!("{} does not fit", kind_of(&format!("{marker:?}")))
            }
            other => other.to_string(),
        };
        let place = error.path().to_string();
        // Serde names the field by itself if it is unknown, missing or there twice.
        let is_named = place == "." || place == "?" || problem.contains(&format!("`{place}`"));
        let message = if is_named {
            problem
        } else {
            format!("`{place}`: {problem}")
        };
        Self {
            kind: PayloadErrorKind::Mismatch,
            message,
        }
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn kind(&self) -> PayloadErrorKind {
        self.kind
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for PayloadError {}

/// Returns what a MessagePack marker stands for, in words.
fn kind_of(marker: &str) -> &'static str {
    let name = marker.split('(').next().unwrap_or(marker);
    match name.trim_end_matches(|char: char| char.is_ascii_digit()) {
        "FixPos" | "FixNeg" | "U" | "I" => "a whole number",
        "F" => "a floating-point number",
        "FixStr" | "Str" => "a text",
        "FixMap" | "Map" => "a map",
        "FixArray" | "Array" => "a list",
        "Bin" => "a byte string",
        "True" | "False" => "a boolean",
        "Null" => "nil",
        _ => "a value of this kind",
    }
}
