//! `docs/BENCHMARKS.md` and its plots, made from the results that are kept.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::GROUPS;
use super::plot::{self, Line, Plot};
use super::result::{self, Group, Row};
use super::table::{self, number};

/// A file that is made, from the top of the repository, and its text.
pub(crate) type Made = (PathBuf, String);

/// What the page begins with.
const HEAD: &str = "\
# Benchmarks

Made by `cargo xtask bench` and `cargo xtask docgen` from the results in [benchmarks](benchmarks), which are JSON; not
written by hand.

Each figure is the median of several measurements, three as a rule, with half of the widest difference between them behind
±; without ± it was measured once. Beside it stands a limit that was measured in the same run, on the same cores, in turns
with it: bare tokio, the same bytes through the same client with bare Redis commands, a bare pipe. So a figure from another
machine differs, and its ratio hardly. A bar is what the figure must be at least (≥) or at most (≤). Redis keeps nothing on
disk here, is on the same machine and has the same cores: a server of its own is faster.

## To repeat

```sh
cargo xtask bench                # everything but the peers, some minutes; writes the results
cargo xtask bench --quick        # a minute, to see that all works: few runs, one repetition, nothing is kept
cargo xtask bench --resume       # goes on where it was interrupted
cargo xtask bench redis          # one group; writes its results
cargo xtask bench redis drain    # one measurement, as often as you like; nothing is kept
cargo xtask bench peers          # queues of others, built from the package registry
cargo xtask docgen               # this page from the results
```

The first call builds for minutes. A redis-server is installed from the packages of the system if there is none; `costs`
needs valgrind.
";

/// What is said of a group before its table.
fn preface(group: &str) -> &'static str {
    match group {
        "memory" => {
            "No-op tasks with 100 bytes of parameters, from `queue` to settled, in one process."
        }
        "latency" => "One run at a time, in applications that had nothing to do.",
        "redis" => {
            "One producer, one consumer, no-op tasks with 100 bytes of parameters, from `queue` to settled."
        }
        "cpu" => {
            "Worker processes that echo, beside a bare pipe to a process that echoes the same bytes."
        }
        "scale" => {
            "The whole life of no-op runs with 100 bytes of parameters, while one thing grows. A queue has no shards: a \
             namespace is in one slot ([ADR 9](adr/0009-one-slot-a-namespace.md)). Several namespaces share a cluster: the \
             last series is what that saves its busiest server; which server a namespace is on follows from its name."
        }
        "costs" => {
            "Allocations and instructions, counted: neighbours on the machine do not change them. Instructions are those \
             of valgrind, of the whole process on one thread, start and end left out. Processor time, commands and reads \
             of Redis, and bytes of a queued run, are above with its other figures."
        }
        "peers" => {
            "Queues of others that anybody can install from the package registry: the same no-op, the same payload, \
             the same server, in the same run. [tests/peers](../tests/peers/README.md) says how each is set, and what it \
             does not do. The drain is of 20,000 jobs; of 5,000 for apalis, whose fetch fails from about 8,000 on."
        }
        _ => "",
    }
}

/// Returns the page and its plots.
pub(crate) fn made() -> anyhow::Result<Vec<Made>> {
    let mut page = HEAD.to_owned();
    let mut files = Vec::new();
    for (name, title) in GROUPS {
        let Some(group) = result::read(&result::kept(), name)? else {
            continue;
        };
        let _ = write!(page, "\n## {title}\n\n{}\n\n", preface(name));
        let plots = plots(name, &group.rows);
        if group.rows.iter().any(|row| row.point.is_none()) {
            let _ = writeln!(page, "{}", table::markdown(&group.rows));
        }
        for (file, title, svg) in plots {
            let _ = writeln!(page, "![{title}](benchmarks/{file})\n");
            files.push((PathBuf::from("docs/benchmarks").join(file), svg));
        }
        page.push_str(&points(&group.rows));
        page.push_str(&taken(&group));
    }
    files.push((PathBuf::from("docs/BENCHMARKS.md"), page));
    Ok(files)
}

fn taken(group: &Group) -> String {
    let Group {
        machine,
        commit,
        seconds,
        ..
    } = group;
    format!(
        "Taken at {commit} on {}, in {seconds} s.\n",
        machine.sentence()
    )
}

/// Returns the plots of a group: file, title, picture.
fn plots(group: &str, rows: &[Row]) -> Vec<(String, String, String)> {
    if group == "peers" {
        return peers(rows);
    }
    let series = by_series(rows);
    series
        .into_iter()
        .map(|(name, rows)| {
            let (title, across) = titles(&name);
            let plot = Plot {
                title: title.to_owned(),
                across: across.to_owned(),
                up: unit(&rows).to_owned(),
                lines: lines(&rows),
            };
            (format!("{name}.svg"), title.to_owned(), plot.svg())
        })
        .collect()
}

/// Returns the title of a series, and what grows in it.
fn titles(series: &str) -> (&'static str, &'static str) {
    match series {
        "depth" => (
            "Runs a second behind a backlog",
            "runs that wait in another queue",
        ),
        "consumers" => (
            "Runs a second with more consumers, in one process",
            "consumers",
        ),
        "tasks" => (
            "Runs a second with more tasks",
            "tasks, each queued as often",
        ),
        "concurrency" => ("Runs a second with more at a time", "runs at a time"),
        "payload" => (
            "Runs a second with larger parameters",
            "bytes of parameters",
        ),
        "namespaces" => (
            "What a run costs a cluster with more namespaces",
            "namespaces that share the runs",
        ),
        _ => ("Runs a second", "how many"),
    }
}

/// Returns the unit of a series.
fn unit<'r>(rows: &[&'r Row]) -> &'r str {
    rows.first().map_or("", |row| &row.unit)
}

fn by_series(rows: &[Row]) -> Vec<(String, Vec<&Row>)> {
    let mut series: Vec<(String, Vec<&Row>)> = Vec::new();
    for row in rows {
        let Some(point) = &row.point else { continue };
        match series.iter_mut().find(|it| it.0 == point.series) {
            Some((_, rows)) => rows.push(row),
            None => series.push((point.series.clone(), vec![row])),
        }
    }
    series
}

/// Returns the lines of a series, and those of its limits where they are another at each point.
fn lines(rows: &[&Row]) -> Vec<Line> {
    let mut lines: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for row in rows {
        let Some(point) = &row.point else { continue };
        let ours = lines.entry(point.line.clone()).or_default();
        ours.push((point.at, row.median));
        if let Some(limit) = row.limit.as_ref().filter(|it| it.what.starts_with("bare")) {
            let theirs = lines.entry(format!("~{}", limit.what)).or_default();
            theirs.push((point.at, limit.median));
        }
    }
    // The mark kept limits behind what is ours.
    let name = |name: String| {
        name.trim_start_matches('~')
            .replace(": spawn + channel", "")
    };
    let lines = lines.into_iter();
    lines
        .map(|(it, points)| Line {
            name: name(it),
            points,
        })
        .collect()
}

/// Returns a table for each series: what grows downwards, a column for each line.
fn points(rows: &[Row]) -> String {
    let mut text = String::new();
    for (name, rows) in by_series(rows) {
        let (title, across) = titles(&name);
        let mut names: Vec<&str> = Vec::new();
        let mut at: Vec<f64> = Vec::new();
        for point in rows.iter().filter_map(|row| row.point.as_ref()) {
            if !names.contains(&point.line.as_str()) {
                names.push(&point.line);
            }
            if !at.iter().any(|it| it.total_cmp(&point.at).is_eq()) {
                at.push(point.at);
            }
        }
        let _ = writeln!(text, "<details><summary>{title}: figures</summary>\n");
        let heads: Vec<String> = names
            .iter()
            .map(|it| format!(" {it}, {} | ± | of the limit |", unit(&rows)))
            .collect();
        let rules = "--:|--:|--:|".repeat(names.len());
        let _ = writeln!(text, "| {across} |{}\n|--:|{rules}", heads.concat());
        for place in at {
            let is_here = |row: &&&Row, name: &str| {
                row.point
                    .as_ref()
                    .is_some_and(|it| it.line == name && it.at.total_cmp(&place).is_eq())
            };
            let cells = names.iter().map(|name| {
                let row = rows.iter().find(|row| is_here(row, name));
                row.map_or_else(|| " | | |".to_owned(), |row| cell(row))
            });
            let _ = writeln!(text, "| {} |{}", number(place), cells.collect::<String>());
        }
        let limit = limits(&names, &rows);
        let _ = writeln!(text, "{limit}\n</details>\n");
    }
    text
}

/// Returns what each line of a series is compared with.
fn limits(names: &[&str], rows: &[&Row]) -> String {
    let of = |name: &&str| {
        let is_on_line = |row: &&&Row| row.point.as_ref().is_some_and(|it| it.line == **name);
        let limit = rows.iter().find(is_on_line)?.limit.as_ref()?;
        Some(format!("{name}: {}", limit.what))
    };
    let limits: Vec<String> = names.iter().filter_map(of).collect();
    format!("\nThe limit, {}.\n", limits.join("; "))
}

fn cell(row: &Row) -> String {
    let spread = table::spread(row.spread, row.values.len());
    let ratio = row.ratio.map_or(String::new(), |it| format!("{it:.2} ×"));
    format!(" {} | {spread} | {ratio} |", number(row.median))
}

/// A thing that peers are compared by.
struct Kind<'r> {
    name: &'r str,
    unit: &'r str,
    bars: Vec<(String, f64)>,
}

/// Returns a picture for each such thing: `drain: apalis, defaults`.
fn peers(rows: &[Row]) -> Vec<(String, String, String)> {
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    for row in rows {
        let Some((name, peer)) = row.what.split_once(": ") else {
            continue;
        };
        let bar = (peer.to_owned(), row.median);
        match kinds.iter_mut().find(|it| it.name == name) {
            Some(kind) => kind.bars.push(bar),
            None => kinds.push(Kind {
                name,
                unit: &row.unit,
                bars: vec![bar],
            }),
        }
    }
    let picture = |Kind { name, unit, bars }: Kind<'_>| {
        let file = format!("peers-{}.svg", name.replace(' ', "-"));
        (file, name.to_owned(), plot::bars(name, unit, &bars))
    };
    kinds.into_iter().map(picture).collect()
}
