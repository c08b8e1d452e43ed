//! Durations as people write them: `250ms`, `5m`, `1h 30m`, `2d`.
//!
//! Uses nothing but the standard library: the macros crate compiles this same file, so that a text
//! in an attribute is checked by the code that reads it at run time.

use std::time::Duration;

/// The units, the largest first, in milliseconds.
const UNITS: [(&str, u64); 6] = [
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads a duration; an error says what is wrong.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let example = "write it as `250ms`, `5m` or `1h 30m`; units are ms, s, m, h, d, w";
    let mut rest = text.trim_start();
    let mut millis = 0_u64;
    if rest.is_empty() {
        return Err(format!("a duration is missing; {example}"));
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let is_outside = |letter: char| !letter.is_alphabetic();
        let letters = tail.find(is_outside).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let number: u64 = number
            .parse()
            .map_err(|_| format!("\"{text}\" is not a duration; {example}"))?;
        let Some((_, size)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            let problem = match unit {
                "" => format!("{number} has no unit"),
                _ => format!("unknown unit \"{unit}\""),
            };
            return Err(format!(
                "\"{text}\" is not a duration: {problem}; {example}"
            ));
        };
        millis = number
            .checked_mul(*size)
            .and_then(|part| millis.checked_add(part))
            .ok_or_else(|| format!("the duration \"{text}\" is too long"))?;
        rest = tail.trim_start();
    }
    Ok(Duration::from_millis(millis))
}
