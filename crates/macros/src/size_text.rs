//! Reads amounts of memory: `"512MiB"`, `"2 GB"`.

/// Reads an amount in bytes.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.trim_end_matches(|char: char| !char.is_ascii_digit());
    let unit = text.get(digits.len()..).unwrap_or_default().trim();
    let wrong = || format!("\"{text}\" is not an amount of memory; write one such as \"512MiB\"");
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let known = UNITS.iter().find(|(name, _)| *name == unit);
    let (_, bytes) = known.ok_or_else(wrong)?;
    number.checked_mul(*bytes).ok_or_else(wrong)
}

const UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_a_number_and_a_unit() {
        assert_eq!(parse("512MiB"), Ok(512 << 20));
        assert_eq!(parse(" 2 GB"), Ok(2_000_000_000));
        for wrong in ["", "MiB", "512", "5 apples", "-1MiB", "99999999999GiB"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
