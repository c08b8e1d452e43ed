//! Figures as a table in Markdown.

use std::fmt::Write as _;

use super::result::Row;

/// Returns the table of those rows that are no points of a line.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text =
        String::from("| | median | ± | of the limit | limit | bar |\n|---|--:|--:|--:|---|--:|\n");
    for row in rows.iter().filter(|row| row.point.is_none()) {
        let _ = writeln!(text, "{}", line(row));
    }
    text
}

fn line(row: &Row) -> String {
    let Row {
        what, unit, median, ..
    } = row;
    let spread = spread(row.spread, row.values.len());
    let ratio = row.ratio.map_or(String::new(), |it| format!("{it:.2} ×"));
    let limit = row.limit.as_ref().map_or(String::new(), |limit| {
        format!("{} ({} {unit})", limit.what, number(limit.median))
    });
    let at = if row.more_is_better { "≥" } else { "≤" };
    let bars = [
        row.bar.map(|bar| format!("{at} {}", number(bar))),
        row.ratio_bar.map(|bar| format!("{at} {bar} ×")),
    ];
    let mut bar = bars.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if !row.holds() {
        bar = format!("**{bar} missed**");
    }
    format!(
        "| {what} | {} {unit} | {spread} | {ratio} | {limit} | {bar} |",
        number(*median)
    )
}

/// Returns half the widest difference, in percent, or nothing if there was only one measurement.
pub(crate) fn spread(share: f64, values: usize) -> String {
    if values < 2 {
        return String::new();
    }
    format!("{:.0} %", share * 50.0)
}

/// Returns a number as people read it: `1,234,567`, `12.3`, `0.004`.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        size if size < 0.1 => 4,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = match text.split_once('.') {
        Some((whole, rest)) => (whole, format!(".{rest}")),
        None => (text.as_str(), String::new()),
    };
    let mut grouped = String::new();
    for (at, char) in whole.chars().enumerate() {
        let left = whole.len() - at;
        if at > 0 && left % 3 == 0 && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(char);
    }
    grouped + &rest
}

#[cfg(test)]
mod tests {
    use super::{markdown, number};
    use crate::bench::result::Row;

    #[test]
    fn numbers_are_grouped_and_short() {
        let shown = [1_234_567.8, 999.6, 12.34, 1.234, 0.00421, 0.0, -1_234.0].map(number);
        let expected = [
            "1,234,568",
            "1,000",
            "12.3",
            "1.23",
            "0.0042",
            "0",
            "-1,234",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_row_that_misses_its_bar_says_so() {
        let mut row = Row::cost("idle", "ms", 2.0, ("bare", 0.5));
        row.bar = Some(1.0);
        let table = markdown(&[row]);
        assert!(
            table
                .ends_with("| idle | 2.00 ms |  | 4.00 × | bare (0.50 ms) | **≤ 1.00 missed** |\n"),
            "{table}"
        );
    }
}
