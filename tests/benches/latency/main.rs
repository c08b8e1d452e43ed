//! `cargo xtask bench latency`: how long idle applications take to begin and to tell, beside bare hand-overs.

mod bare;
mod ended;
mod samples;
mod start;

use aqueduct::Broker;
use integration::bench::{Figure, Measured, Report, repetitions, size};

use samples::Samples;

/// Hand-overs of one measurement.
const SAMPLES: usize = 700;

/// Repetitions; the table shows medians of percentiles.
const REPETITIONS: usize = 3;

fn main() -> anyhow::Result<()> {
    integration::bench::run(async |wanted, report| {
        if wanted.has("memory") {
            memory(report).await?;
        }
        if wanted.has("redis") {
            redis(report).await?;
        }
        Ok(())
    })
}

async fn memory(report: &mut Report) -> anyhow::Result<()> {
    let (mut bare, mut ours) = (Samples::default(), Samples::default());
    for _ in 0..repetitions(REPETITIONS) {
        bare.add(bare::channel(size(SAMPLES)).await?);
        ours.add(start::measure(Broker::memory(), size(SAMPLES)).await?);
    }
    let limit = "bare tokio: a channel to a task that sleeps";
    let what = "in memory, queued to started";
    let kind = Kind {
        what,
        limit,
        unit: ("µs", 1e6),
        bar: 200.0,
    };
    kind.show(report, &ours, &bare);
    Ok(())
}

async fn redis(report: &mut Report) -> anyhow::Result<()> {
    let server = Measured::start()?;
    let (mut bare, mut ours) = (Samples::default(), Samples::default());
    let (mut pings, mut told) = (Samples::default(), Samples::default());
    for _ in 0..repetitions(REPETITIONS) {
        bare.add(bare::blpop(&server, size(SAMPLES)).await?);
        ours.add(start::measure(server.broker().await?, size(SAMPLES)).await?);
        pings.add(bare::ping(&server, size(SAMPLES)).await?);
        told.add(ended::measure(server.broker().await?, size(SAMPLES)).await?);
    }
    let limit = "bare RPUSH to a BLPOP that waits";
    let what = "in Redis, queued to started";
    let kind = Kind {
        what,
        limit,
        unit: ("ms", 1e3),
        bar: 1.0,
    };
    kind.show(report, &ours, &bare);
    let what = "in Redis, ended to told whoever waits";
    let limit = "a bare round trip";
    let kind = Kind {
        what,
        limit,
        unit: ("ms", 1e3),
        bar: 2.0,
    };
    kind.show(report, &told, &pings);
    Ok(())
}

/// What is measured.
struct Kind {
    what: &'static str,
    limit: &'static str,
    /// The unit, and how many there are in a second.
    unit: (&'static str, f64),
    /// Of the tail.
    bar: f64,
}

impl Kind {
    /// Adds the middle and the tail.
    fn show(&self, report: &mut Report, ours: &Samples, bare: &Samples) {
        let (unit, scale) = self.unit;
        for (name, percent) in [("p50", 50), ("p99", 99)] {
            let values = ours.percentiles(percent, scale);
            let figure = Figure::cost(format!("{}: {name}", self.what), unit, values)
                .beside(self.limit, &bare.percentiles(percent, scale));
            report.add(if percent == 99 {
                figure.bar(self.bar)
            } else {
                figure
            });
        }
    }
}
