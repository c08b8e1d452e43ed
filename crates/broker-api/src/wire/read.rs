//! Reads the parts of an envelope that follow the header; every length is checked first.

use std::io::Cursor;
use std::str::FromStr;

use aqueduct_core::name::InvalidName;
use aqueduct_core::{Payload, RunId};
use serde::de::DeserializeOwned;

use super::error::WireError;

pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Reads a name: one byte of length, then text.
    pub(super) fn name<N: FromStr<Err = InvalidName>>(&mut self) -> Result<N, WireError> {
        let start = self.at;
        let length = self.take(1)?.first().copied().unwrap_or_default();
        let text = self.take(usize::from(length))?;
        let text = std::str::from_utf8(text)
            .map_err(|error| WireError::undecodable("a name that is not UTF-8", start, error))?;
        text.parse()
            .map_err(|error| WireError::undecodable("an invalid name", start, error))
    }

    pub(super) fn run_id(&mut self) -> Result<RunId, WireError> {
        let start = self.at;
        let id = self.take(16)?.first_chunk().copied();
        id.map(RunId::from_bytes)
            .ok_or_else(|| WireError::malformed("a run id cut short", start))
    }

    /// Reads a block: four bytes of length, then one MessagePack value.
    pub(super) fn block<T: DeserializeOwned>(&mut self) -> Result<T, WireError> {
        let start = self.at;
        let block = self.raw_block()?;
        let mut decoder = rmp_serde::Deserializer::new(Cursor::new(block));
        decoder.set_max_depth(MAX_BLOCK_DEPTH);
        let value = T::deserialize(&mut decoder).map_err(|error| {
            WireError::undecodable("a block that cannot be decoded", start, error)
        })?;
        if decoder.position() == block.len() as u64 {
            Ok(value)
        } else {
            Err(WireError::malformed("a block with trailing bytes", start))
        }
    }

    /// Reads a block as it is: four bytes of length, then its bytes.
    pub(super) fn raw_block(&mut self) -> Result<&'a [u8], WireError> {
        let length = usize::try_from(self.number(4)?).unwrap_or(usize::MAX);
        self.take(length)
    }

    /// Reads a block that is the input of a run.
    pub(super) fn input(&mut self) -> Result<Payload, WireError> {
        let start = self.at;
        Payload::gathered(self.raw_block()?)
            .map_err(|error| WireError::undecodable("an invalid input", start, error))
    }

    /// Reads a number of so many bytes, at most 16.
    pub(super) fn number(&mut self, width: usize) -> Result<u128, WireError> {
        let bytes = self.take(width)?.iter();
        Ok(bytes.fold(0, |number, byte| (number << 8) | u128::from(*byte)))
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Reads what is left as the payload.
    pub(super) fn rest(&mut self) -> Result<Payload, WireError> {
        let start = self.at;
        let rest = self.take(self.bytes.len() - start)?;
        Payload::from_bytes(rest)
            .map_err(|error| WireError::undecodable("an invalid payload", start, error))
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let end = self.at.saturating_add(length);
        let part = self
            .bytes
            .get(self.at..end)
            .ok_or_else(|| WireError::malformed("the end came too early", self.bytes.len()))?;
        self.at = end;
        Ok(part)
    }
}

/// How deep the values of a block may be nested: they are flat, and hostile bytes are not.
const MAX_BLOCK_DEPTH: usize = 16;
