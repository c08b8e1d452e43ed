//! Plots as SVG: lines over a logarithmic axis, and bars.

use std::fmt::Write as _;

use super::table::number;

/// A line of a plot.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// Where, and what was measured there; in the order of the first.
    pub(crate) points: Vec<(f64, f64)>,
}

/// What a plot shows.
#[derive(Debug)]
pub(crate) struct Plot {
    pub(crate) title: String,
    /// What grows to the right.
    pub(crate) across: String,
    /// The unit of what is measured.
    pub(crate) up: String,
    pub(crate) lines: Vec<Line>,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 48.0;

/// Colours that differ for everybody, the first for us.
const COLOURS: [&str; 5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7f7f7f"];

/// A logarithmic axis from one power of ten to another.
#[derive(Clone, Copy, Debug)]
struct Axis {
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let logs = values.filter(|it| *it > 0.0).map(f64::log10);
        let least = logs.clone().fold(f64::INFINITY, f64::min).floor();
        let most = logs.fold(f64::NEG_INFINITY, f64::max).ceil();
        let (least, most) = if least < most {
            (least, most)
        } else {
            (least, least + 1.0)
        };
        Self {
            least,
            most,
            from,
            to,
        }
    }

    fn place(self, value: f64) -> f64 {
        let share = (value.max(f64::MIN_POSITIVE).log10() - self.least) / (self.most - self.least);
        self.from + share * (self.to - self.from)
    }

    fn powers(self) -> impl Iterator<Item = f64> {
        let Self { least, most, .. } = self;
        std::iter::successors(Some(least), move |it| {
            (it + 1.0 <= most).then_some(it + 1.0)
        })
        .map(|power| 10_f64.powf(power))
    }
}

impl Plot {
    /// Returns the picture.
    pub(crate) fn svg(&self) -> String {
        let points = self.lines.iter().flat_map(|line| &line.points);
        let across = Axis::over(points.clone().map(|it| it.0), LEFT, WIDTH - RIGHT);
        let up = Axis::over(points.map(|it| it.1), HEIGHT - BOTTOM, TOP);
        let mut svg = begin(&self.title, HEIGHT);
        for value in across.powers() {
            let x = across.place(value);
            rule(&mut svg, (x, TOP), (x, HEIGHT - BOTTOM));
            text(
                &mut svg,
                (x, HEIGHT - BOTTOM + 16.0),
                "middle",
                &short(value),
            );
        }
        for value in up.powers() {
            let y = up.place(value);
            rule(&mut svg, (LEFT, y), (WIDTH - RIGHT, y));
            text(&mut svg, (LEFT - 6.0, y + 4.0), "end", &short(value));
        }
        let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
        text(&mut svg, (middle, HEIGHT - 10.0), "middle", &self.across);
        text(&mut svg, (LEFT, TOP - 8.0), "end", &self.up);
        for (at, line) in self.lines.iter().enumerate() {
            let colour = COLOURS[at % COLOURS.len()];
            curve(&mut svg, line, colour, across, up);
            legend(&mut svg, at, &line.name, colour);
        }
        svg + "</svg>\n"
    }
}

fn curve(svg: &mut String, line: &Line, colour: &str, across: Axis, up: Axis) {
    let places: Vec<(f64, f64)> = line
        .points
        .iter()
        .map(|&(at, value)| (across.place(at), up.place(value)))
        .collect();
    let path: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let _ = writeln!(
        svg,
        r#"<polyline fill="none" stroke="{colour}" stroke-width="2" points="{}"/>"#,
        path.join(" ")
    );
    for (x, y) in places {
        let _ = writeln!(
            svg,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "a handful of lines")]
fn legend(svg: &mut String, at: usize, name: &str, colour: &str) {
    let x = LEFT + 20.0 + at as f64 * 180.0;
    let _ = writeln!(
        svg,
        r#"<rect x="{x:.1}" y="{:.1}" width="12" height="3" fill="{colour}"/>"#,
        TOP - 16.0
    );
    text(svg, (x + 18.0, TOP - 10.0), "start", name);
}

/// Returns bars to the right, the longest as wide as the picture; each with its value behind it.
#[expect(clippy::cast_precision_loss, reason = "a handful of bars")]
pub(crate) fn bars(title: &str, unit: &str, values: &[(String, f64)]) -> String {
    const EACH: f64 = 26.0;
    const NAMES: f64 = 250.0;
    let most = values
        .iter()
        .map(|it| it.1)
        .fold(0.0, f64::max)
        .max(f64::MIN_POSITIVE);
    let mut svg = begin(title, TOP + values.len() as f64 * EACH);
    for (at, (name, value)) in values.iter().enumerate() {
        let y = TOP - 16.0 + at as f64 * EACH;
        let width = value / most * (WIDTH - NAMES - 130.0);
        let colour = if name.starts_with("aqueduct") {
            COLOURS[0]
        } else {
            COLOURS[4]
        };
        let _ = writeln!(
            svg,
            r#"<rect x="{NAMES}" y="{y:.1}" width="{width:.1}" height="18" fill="{colour}"/>"#
        );
        text(&mut svg, (NAMES - 6.0, y + 13.0), "end", name);
        let value = format!("{} {unit}", number(*value));
        text(&mut svg, (NAMES + width + 6.0, y + 13.0), "start", &value);
    }
    svg + "</svg>\n"
}

fn begin(title: &str, height: f64) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    let title = escaped(title);
    let _ = writeln!(
        svg,
        r##"<text x="12" y="22" font-size="14" font-weight="bold" fill="#222222">{title}</text>"##
    );
    svg
}

fn rule(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    let _ = writeln!(
        svg,
        r##"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="#dddddd"/>"##,
        from.0, from.1, to.0, to.1
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, said: &str) {
    let said = escaped(said);
    let _ = writeln!(
        svg,
        r##"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" fill="#444444">{said}</text>"##
    );
}

fn escaped(said: &str) -> String {
    said.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Returns a power of ten in few characters.
fn short(value: f64) -> String {
    match value {
        it if it >= 1e6 => format!("{} M", number(it / 1e6).trim_end_matches(".00")),
        it if it >= 1e3 => format!(
            "{} k",
            number(it / 1e3)
                .trim_end_matches(".00")
                .trim_end_matches(".0")
        ),
        it => number(it)
            .trim_end_matches(".00")
            .trim_end_matches(".0")
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Axis, Line, Plot, bars, short};

    #[test]
    fn an_axis_goes_from_power_to_power() {
        let axis = Axis::over([3.0, 2_000.0].into_iter(), 0.0, 100.0);
        assert_eq!(
            axis.powers().map(short).collect::<Vec<_>>(),
            ["1", "10", "100", "1 k", "10 k"]
        );
        assert!((axis.place(100.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn a_picture_has_its_lines_and_no_markup_of_others() {
        let line = Line {
            name: "a < b".to_owned(),
            points: vec![(1.0, 10.0), (100.0, 20.0)],
        };
        let plot = Plot {
            title: "rate".to_owned(),
            across: "depth".to_owned(),
            up: "runs/s".to_owned(),
            lines: vec![line],
        };
        let svg = plot.svg();
        assert!(svg.contains("<polyline") && svg.contains("a &lt; b"));
        assert_eq!(svg.matches("<circle").count(), 2);
        assert_eq!(
            bars("peers", "s", &[("x".to_owned(), 1.0)])
                .matches("<rect")
                .count(),
            2
        );
    }
}
