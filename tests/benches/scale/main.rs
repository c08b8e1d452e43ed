//! `cargo xtask bench scale`: what grows, and what a run costs then.
//!
//! Each point is the whole life of some runs: queued in batches, executed, settled. Shards are not among
//! what grows: a namespace is in one slot (`docs/adr/0009-one-slot-a-namespace.md`), and namespaces are in several.

mod bare;
mod load;
mod namespaces;

use integration::bench::{Figure, Measured, Report, figure, is_quick, repetitions};

use load::{Load, Place, rate};

/// Repetitions of each point.
const REPETITIONS: usize = 3;

/// What a series changes of the load, at so many.
type Change = fn(Load, usize) -> Load;

/// What grows, and how far.
struct Series {
    name: &'static str,
    what: &'static str,
    points: &'static [usize],
    change: Change,
}

const SERIES: [Series; 5] = [
    Series {
        name: "depth",
        what: "runs that wait in another queue",
        points: &[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000],
        change: |load, at| Load {
            backlog: at,
            ..load
        },
    },
    Series {
        name: "consumers",
        what: "consumers in one process",
        points: &[1, 2, 4, 8, 16],
        change: |load, at| Load {
            consumers: at,
            concurrency: 256,
            ..load
        },
    },
    Series {
        name: "tasks",
        what: "tasks, each queued as often",
        points: &[1, 10, 100, 1_000, 10_000],
        change: |load, at| Load { tasks: at, ..load },
    },
    Series {
        name: "concurrency",
        what: "runs at a time",
        points: &[1, 10, 100, 1_000, 10_000],
        change: |load, at| Load {
            concurrency: at,
            runs: runs_at(at),
            ..load
        },
    },
    Series {
        name: "payload",
        what: "bytes of parameters",
        points: &[10, 100, 1_000, 10_000, 100_000, 1_000_000],
        change: |load, at| Load {
            bytes: at,
            runs: runs_of(at),
            ..load
        },
    },
];

/// Fewer runs where one is done after the other.
fn runs_at(concurrency: usize) -> usize {
    (concurrency * 2_000).clamp(10_000, RUNS)
}

/// Fewer runs where each is large: at most so many bytes in all.
fn runs_of(bytes: usize) -> usize {
    (50_000_000 / bytes).clamp(50, RUNS)
}

/// Runs of one point.
const RUNS: usize = 100_000;

fn main() -> anyhow::Result<()> {
    integration::bench::run(async |wanted, report| {
        for series in SERIES.iter().filter(|series| wanted.has(series.name)) {
            let server = Measured::start()?;
            measure(series, &Place::Memory, report).await?;
            measure(series, &Place::Redis(&server), report).await?;
        }
        if wanted.has(namespaces::SERIES) {
            namespaces::measure(report).await?;
        }
        Ok(())
    })
}

/// Measures the points of a series at one place; the first is what the others are compared with, except
/// where the limit is another at each.
async fn measure(series: &Series, place: &Place<'_>, report: &mut Report) -> anyhow::Result<()> {
    let mut first = Vec::new();
    for &at in series.points {
        let mut load = (series.change)(Load::default(), at);
        if is_quick() {
            load.runs = load.runs.div_ceil(10);
            load.backlog /= 10;
        }
        let (mut rates, mut limits) = (Vec::new(), Vec::new());
        for _ in 0..repetitions(REPETITIONS) {
            rates.push(rate(place, &load).await?);
            if series.name == "payload" {
                limits.push(bare::rate(place, &load).await?);
            }
        }
        if first.is_empty() {
            first.clone_from(&rates);
        }
        let (line, limit) = match place {
            Place::Memory => ("in memory", "bare tokio: spawn + channel"),
            Place::Redis(_) => ("in Redis", "bare RPUSH and LPOP"),
        };
        let what = format!("{line}: {} = {at}", series.what);
        let point = Figure::rate(what, "runs/s", rates);
        let point = if limits.is_empty() {
            point.beside(format!("with {}", series.points[0]), &first)
        } else {
            point.beside(limit, &limits)
        };
        report.add(point.at(series.name, line, figure(at)));
    }
    Ok(())
}
