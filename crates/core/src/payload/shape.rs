//! Walks MessagePack bytes without decoding them: completeness, depth, top-level keys.
//!
//! The walk is iterative and allocates at most one counter a level, so hostile bytes cost neither
//! stack nor memory. Source of the format: the MessagePack specification, section "Formats".

use super::error::PayloadError;

/// Checks that `bytes` hold exactly one value, nested at most `max_depth` levels.
pub(super) fn check(bytes: &[u8], max_depth: usize) -> Result<(), PayloadError> {
    let mut cursor = Cursor::new(bytes);
    let end = cursor.skip_value(max_depth)?;
    if end == bytes.len() {
        Ok(())
    } else {
        Err(PayloadError::malformed("trailing bytes", end))
    }
}

/// Returns whether a marker byte begins a map.
pub(super) fn is_map(marker: u8) -> bool {
    matches!(marker, 0x80..=0x8f | 0xde | 0xdf)
}

/// Returns the text keys of the map that `bytes` hold; `None` for anything else.
pub(super) fn map_keys(bytes: &[u8]) -> Option<Vec<String>> {
    let mut cursor = Cursor::new(bytes);
    let Token::Map(entries) = cursor.token().ok()? else {
        return None;
    };
    let mut keys = Vec::new();
    for _ in 0..entries {
        let Token::Text(length) = cursor.token().ok()? else {
            return None;
        };
        let key = cursor.take(length).ok()?;
        keys.push(std::str::from_utf8(key).ok()?.to_owned());
        cursor.skip_value(super::MAX_PAYLOAD_DEPTH).ok()?;
    }
    Some(keys)
}

/// What a marker byte and its length announce.
#[derive(Clone, Copy)]
enum Token {
    /// A value of this many bytes that holds no other values.
    Scalar(usize),
    /// UTF-8 text of this many bytes.
    Text(usize),
    /// An array of this many values.
    Array(usize),
    /// A map of this many pairs.
    Map(usize),
}

/// A place in bytes that hold values, one behind the other.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Enters a map; returns how many pairs follow, or `None` if there is no map.
    pub(super) fn map(&mut self) -> Option<usize> {
        match self.token().ok()? {
            Token::Map(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// Skips one whole value and returns its bytes.
    pub(super) fn value(&mut self, max_depth: usize) -> Option<&'a [u8]> {
        let start = self.at;
        let end = self.skip_value(max_depth).ok()?;
        self.bytes.get(start..end)
    }

    /// Skips one whole value and returns where it ends.
    fn skip_value(&mut self, max_depth: usize) -> Result<usize, PayloadError> {
        let mut open: Vec<usize> = Vec::new(); // values still missing, a level each
        loop {
            let children = self.skip_token()?;
            if children > 0 {
                if open.len() >= max_depth {
                    return Err(PayloadError::too_deep());
                }
                open.push(children);
                continue;
            }
            loop {
                match open.last_mut() {
                    None => return Ok(self.at),
                    Some(missing) if *missing > 1 => {
                        *missing -= 1;
                        break;
                    }
                    Some(_) => {
                        open.pop();
                    }
                }
            }
        }
    }

    /// Skips a marker with its own bytes and returns how many values must follow inside it.
    fn skip_token(&mut self) -> Result<usize, PayloadError> {
        let start = self.at;
        match self.token()? {
            Token::Scalar(length) => self.take(length).map(|_| 0),
            Token::Text(length) => {
                let text = self.take(length)?;
                std::str::from_utf8(text)
                    .map(|_| 0)
                    .map_err(|_| PayloadError::malformed("text that is not UTF-8", start))
            }
            Token::Array(items) => self.bounded(items),
            Token::Map(pairs) => self.bounded(pairs.saturating_mul(2)),
        }
    }

    /// Refuses a length that the remaining bytes cannot hold: each value takes at least one byte.
    fn bounded(&self, values: usize) -> Result<usize, PayloadError> {
        if values > self.bytes.len() - self.at {
            return Err(PayloadError::malformed("a length over the end", self.at));
        }
        Ok(values)
    }

    fn token(&mut self) -> Result<Token, PayloadError> {
        let marker = self.number(1)?;
        Ok(match marker {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => Token::Scalar(0),
            0x80..=0x8f => Token::Map(marker & 0x0f),
            0x90..=0x9f => Token::Array(marker & 0x0f),
            0xa0..=0xbf => Token::Text(marker & 0x1f),
            0xc4 => Token::Scalar(self.number(1)?),
            0xc5 => Token::Scalar(self.number(2)?),
            0xc6 => Token::Scalar(self.number(4)?),
            0xc7 => Token::Scalar(self.number(1)?.saturating_add(1)),
            0xc8 => Token::Scalar(self.number(2)?.saturating_add(1)),
            0xc9 => Token::Scalar(self.number(4)?.saturating_add(1)),
            0xcc | 0xd0 => Token::Scalar(1),
            0xcd | 0xd1 | 0xd4 => Token::Scalar(2),
            0xca | 0xce | 0xd2 => Token::Scalar(4),
            0xcb | 0xcf | 0xd3 => Token::Scalar(8),
            0xd5 => Token::Scalar(3),
            0xd6 => Token::Scalar(5),
            0xd7 => Token::Scalar(9),
            0xd8 => Token::Scalar(17),
            0xd9 => Token::Text(self.number(1)?),
            0xda => Token::Text(self.number(2)?),
            0xdb => Token::Text(self.number(4)?),
            0xdc => Token::Array(self.number(2)?),
            0xdd => Token::Array(self.number(4)?),
            0xde => Token::Map(self.number(2)?),
            0xdf => Token::Map(self.number(4)?),
            _ => {
                return Err(PayloadError::malformed(
                    "a byte that no value begins with",
                    self.at - 1,
                ));
            }
        })
    }

    /// Reads a big-endian number of `width` bytes, at most four.
    fn number(&mut self, width: usize) -> Result<usize, PayloadError> {
        let bytes = self.take(width)?;
        Ok(bytes
            .iter()
            .fold(0, |number, byte| (number << 8) | usize::from(*byte)))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], PayloadError> {
        let end = self.at.saturating_add(length);
        let part = self
            .bytes
            .get(self.at..end)
            .ok_or_else(|| PayloadError::malformed("the bytes end too early", self.bytes.len()))?;
        self.at = end;
        Ok(part)
    }
}
