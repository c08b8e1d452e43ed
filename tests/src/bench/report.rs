//! Figures: printed as they come, and written as JSON for whoever makes tables of them.

use std::fmt;

use serde::Serialize;

use super::is_quick;

/// Figures in the order in which they were measured.
#[derive(Debug, Default)]
pub struct Report(Vec<Row>);

/// One figure: what was measured, beside what there could be at most.
#[derive(Debug)]
pub struct Figure(Row);

/// As it is written.
#[derive(Debug, Serialize)]
struct Row {
    what: String,
    unit: &'static str,
    more_is_better: bool,
    median: f64,
    /// The widest difference, as a share of the median.
    spread: f64,
    values: Vec<f64>,
    limit: Option<Limit>,
    /// The median as a multiple of the limit's.
    ratio: Option<f64>,
    bar: Option<f64>,
    /// What the ratio must be.
    ratio_bar: Option<f64>,
    point: Option<Point>,
}

/// What the same machine does in the same run with nothing of ours in the way.
#[derive(Debug, Serialize)]
struct Limit {
    what: String,
    median: f64,
    spread: f64,
}

/// Where a figure is on a line of a plot.
#[derive(Debug, Serialize)]
struct Point {
    series: &'static str,
    line: &'static str,
    at: f64,
}

impl Figure {
    /// A rate: more is better.
    #[must_use]
    pub fn rate(what: impl Into<String>, unit: &'static str, values: Vec<f64>) -> Self {
        Self::new(what.into(), unit, values, true)
    }

    /// A cost: less is better.
    #[must_use]
    pub fn cost(what: impl Into<String>, unit: &'static str, values: Vec<f64>) -> Self {
        Self::new(what.into(), unit, values, false)
    }

    fn new(what: String, unit: &'static str, values: Vec<f64>, more_is_better: bool) -> Self {
        Self(Row {
            what,
            unit,
            more_is_better,
            median: median(&values),
            spread: spread(&values),
            values,
            limit: None,
            ratio: None,
            bar: None,
            ratio_bar: None,
            point: None,
        })
    }

    /// Puts a limit beside it that was measured in the same run, in the same unit.
    #[must_use]
    pub fn beside(mut self, what: impl Into<String>, values: &[f64]) -> Self {
        let limit = median(values);
        self.0.ratio = (limit > 0.0).then(|| self.0.median / limit);
        self.0.limit = Some(Limit {
            what: what.into(),
            median: limit,
            spread: spread(values),
        });
        self
    }

    /// Says what it must be: at least this, or at most, if it is a cost. In a hurry nothing is judged.
    #[must_use]
    pub fn bar(mut self, bar: f64) -> Self {
        self.0.bar = (!is_quick()).then_some(bar);
        self
    }

    /// Says what the ratio to the limit must be: at least this, or at most, if it is a cost.
    #[must_use]
    pub fn ratio_bar(mut self, bar: f64) -> Self {
        self.0.ratio_bar = (!is_quick()).then_some(bar);
        self
    }

    /// Makes it a point of a line: of a series, at so many of what grows.
    #[must_use]
    pub fn at(mut self, series: &'static str, line: &'static str, at: f64) -> Self {
        self.0.point = Some(Point { series, line, at });
        self
    }

    /// Returns the median.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.0.median
    }
}

impl Report {
    /// Adds a figure, and prints it at once.
    #[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
    pub fn add(&mut self, figure: Figure) {
        println!("{}", figure.0);
        self.0.push(figure.0);
    }

    /// Writes the figures to the file that the environment names, if it does.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be written.
    pub fn finish(self) -> anyhow::Result<()> {
        if let Some(path) = std::env::var_os(super::OUT) {
            std::fs::write(path, serde_json::to_vec_pretty(&self.0)?)?;
        }
        Ok(())
    }
}

impl Row {
    fn holds(&self) -> bool {
        let holds = |value: f64, bar: f64| {
            if self.more_is_better {
                value >= bar
            } else {
                value <= bar
            }
        };
        let ratio = self.ratio.zip(self.ratio_bar);
        self.bar.is_none_or(|bar| holds(self.median, bar))
            && ratio.is_none_or(|(ratio, bar)| holds(ratio, bar))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, unit, spread) = (&self.what, self.unit, self.spread * 100.0);
        let digits = if self.median.abs() < 100.0 { 2 } else { 0 };
        write!(
            f,
            "{what:<58} {:>13.digits$} {unit:<14} ±{:>3.0}%",
            self.median,
            spread / 2.0
        )?;
        if let (Some(limit), Some(ratio)) = (&self.limit, self.ratio) {
            write!(f, "  {ratio:.2} x {}", limit.what)?;
        }
        if !self.holds() {
            f.write_str("  <- missed")?;
        }
        Ok(())
    }
}

/// Returns the middle one; of an even number the mean of the two.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    if sorted.len().is_multiple_of(2) && middle > 0 {
        return f64::midpoint(at(middle - 1), at(middle));
    }
    at(middle)
}

fn spread(values: &[f64]) -> f64 {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let median = median(values);
    if median > 0.0 && most >= least {
        (most - least) / median
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Figure, median};

    #[test]
    fn a_figure_stands_beside_its_limit() {
        let figure = Figure::rate("drain", "runs/s", vec![90.0, 110.0, 100.0])
            .beside("bare", &[400.0, 200.0])
            .ratio_bar(0.5)
            .0;
        assert_eq!((figure.median, figure.spread), (100.0, 0.2));
        assert_eq!(figure.ratio, Some(100.0 / 300.0));
        assert!(!figure.holds() && figure.to_string().contains("0.33 x bare  <- missed"));
    }

    #[test]
    fn a_cost_holds_below_its_bar() {
        let cost = |bar| Figure::cost("memory", "bytes", vec![60.0]).bar(bar).0;
        assert!(cost(60.0).holds() && !cost(59.0).holds());
    }

    #[test]
    fn medians_of_none_one_and_two() {
        let medians = (median(&[]), median(&[3.0]), median(&[3.0, 1.0]));
        assert_eq!(medians, (0.0, 3.0, 2.0));
    }
}
