//! Figures beside their limits.

use std::fmt;

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Row>);

#[derive(Debug)]
struct Row {
    what: String,
    value: f64,
    limit: Limit,
    unit: &'static str,
}

/// What a figure must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    AtLeast(f64),
    AtMost(f64),
    None,
}

impl Table {
    /// Adds a figure, and prints it at once.
    #[expect(clippy::print_stderr, reason = "progress is not the table")]
    pub(crate) fn add(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        limit: Limit,
    ) {
        let row = Row {
            what: what.into(),
            value,
            limit,
            unit,
        };
        eprintln!("{row}");
        self.0.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            value,
            limit,
            unit,
        } = self;
        let (holds, limit) = match limit {
            Limit::AtLeast(limit) => (value >= limit, format!("at least {limit}")),
            Limit::AtMost(limit) => (value <= limit, format!("at most {limit}")),
            Limit::None => (true, String::new()),
        };
        let mark = if holds { "" } else { "  <- missed" };
        write!(f, "{what:<60} {value:>14.3} {unit:<22} {limit}{mark}")
    }
}

/// Returns the middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Returns a number of things as a figure.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn figure(count: usize) -> f64 {
    count as f64
}
