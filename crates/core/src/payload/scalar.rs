//! Reads one value out of a payload as text, without decoding the rest.

use super::MAX_PAYLOAD_DEPTH;
use super::shape::Cursor;

/// Returns as text the value at a path of names with dots between; an error says in words why there is none.
pub(super) fn text_at(bytes: &[u8], path: &str) -> Result<String, String> {
    let mut value = bytes;
    let mut walked = 0;
    for name in path.split('.') {
        value = entry(value, name).map_err(|absence| match absence {
            Absence::NoEntry if walked == 0 => {
                format!("the parameter `{name}` is not given, and a default makes no key")
            }
            Absence::NoEntry => format!("`{}` has no field `{name}`", walked_to(path, walked)),
            Absence::NoMap(kind) if walked == 0 => format!("the parameters are {kind}, not a map"),
            Absence::NoMap(kind) => {
                let place = walked_to(path, walked);
                format!("`{place}` is {kind}, which has no field `{name}`")
            }
        })?;
        walked += name.len() + 1;
    }
    text_of(value).map_err(|kind| {
        format!(
            "`{path}` is {kind}; a key is made of texts, whole numbers, booleans and byte strings"
        )
    })
}

/// Why there is no such entry.
enum Absence {
    NoEntry,
    NoMap(&'static str),
}

/// Returns the value of one entry of a map, as bytes.
fn entry<'a>(map: &'a [u8], name: &str) -> Result<&'a [u8], Absence> {
    let mut cursor = Cursor::new(map);
    let Some(entries) = cursor.map() else {
        return Err(Absence::NoMap(kind_of(map)));
    };
    for _ in 0..entries {
        let key = cursor.value(MAX_PAYLOAD_DEPTH).ok_or(Absence::NoEntry)?;
        let value = cursor.value(MAX_PAYLOAD_DEPTH).ok_or(Absence::NoEntry)?;
        if text(key).is_some_and(|key| key == name) {
            return Ok(value);
        }
    }
    Err(Absence::NoEntry)
}

/// The part of a path that was walked, without the dot behind it.
fn walked_to(path: &str, walked: usize) -> &str {
    path.get(..walked.saturating_sub(1)).unwrap_or(path)
}

/// Writes one value as text; an error is its kind, in words.
fn text_of(value: &[u8]) -> Result<String, &'static str> {
    let Some((marker, body)) = value.split_first() else {
        return Err("nothing");
    };
    let unsigned = || {
        body.iter()
            .fold(0_u64, |number, byte| (number << 8) | u64::from(*byte))
    };
    Ok(match marker {
        0x00..=0x7f => marker.to_string(),
        0xe0..=0xff => marker.cast_signed().to_string(),
        0xc2 => "false".to_owned(),
        0xc3 => "true".to_owned(),
        0xcc..=0xcf => unsigned().to_string(),
        0xd0..=0xd3 => {
            let unused = 64 - 8 * body.len().min(8);
            ((unsigned() << unused).cast_signed() >> unused).to_string()
        }
        0xc4..=0xc6 => {
            let length = 1 << (marker - 0xc4);
            hexadecimal(body.get(length..).unwrap_or_default())
        }
        _ => text(value).ok_or_else(|| kind_of(value))?.to_owned(),
    })
}

/// Returns a text without its marker and length.
fn text(value: &[u8]) -> Option<&str> {
    let header = match value.first()? {
        0xa0..=0xbf => 1,
        0xd9 => 2,
        0xda => 3,
        0xdb => 5,
        _ => return None,
    };
    std::str::from_utf8(value.get(header..)?).ok()
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    halves.map(digit).collect()
}

/// Says what kind of value begins with these bytes.
fn kind_of(value: &[u8]) -> &'static str {
    match value.first() {
        Some(0x80..=0x8f | 0xde | 0xdf) => "a map",
        Some(0x90..=0x9f | 0xdc | 0xdd) => "a list",
        Some(0xc0) | None => "nothing",
        Some(0xc2 | 0xc3) => "a boolean",
        Some(0xc4..=0xc6) => "a byte string",
        Some(0xca | 0xcb) => "a floating-point number",
        Some(0xa0..=0xbf | 0xd9..=0xdb) => "a text",
        Some(0xc7..=0xc9 | 0xd4..=0xd8) => "an extension",
        Some(_) => "a whole number",
    }
}
