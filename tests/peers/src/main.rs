//! `cargo xtask bench peers`: other people's queues and ours, on the same server in the same run.

mod apalis;
mod ours;
mod peer;
mod rsmq;
mod sidekiq;

use integration::bench::{Figure, Measured, Report, Wanted, repetitions};
use peer::{Found, Peer};

/// Repetitions; the table shows medians.
const REPETITIONS: usize = 3;

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let wanted = Wanted::from_args();
    let server = Measured::start()?;
    let peers: Vec<Box<dyn Peer>> = vec![
        Box::new(ours::Ours::default_settings()),
        Box::new(ours::Ours::fast()),
        Box::new(apalis::Apalis::default_settings()),
        Box::new(apalis::Apalis::fast()),
        Box::new(sidekiq::Sidekiq::default_settings()),
        Box::new(sidekiq::Sidekiq::fast()),
        Box::new(rsmq::Rsmq::default_settings()),
        Box::new(rsmq::Rsmq::fast()),
    ];
    let peers: Vec<_> = peers
        .into_iter()
        .filter(|peer| wanted.has(peer.name().split(',').next().unwrap_or_default()))
        .collect();
    // In turns, so that noise hits all alike.
    let mut all: Vec<Vec<Found>> = peers.iter().map(|_| Vec::new()).collect();
    for _ in 0..repetitions(REPETITIONS) {
        for (peer, found) in peers.iter().zip(&mut all) {
            eprintln!("{}", peer.name());
            found.push(peer::measure(&**peer, &server).await?);
        }
    }
    let mut report = Report::default();
    for kind in KINDS {
        // What the others are compared with: our fastest, which is the second.
        let ours = all.get(1).map(|found| kind.of(found)).unwrap_or_default();
        for (peer, found) in peers.iter().zip(&all) {
            report.add(kind.figure(peer.name(), found, &ours));
        }
    }
    report.finish()
}

/// One thing that is compared.
struct Kind {
    what: &'static str,
    unit: &'static str,
    more_is_better: bool,
    of: fn(&Found) -> f64,
}

const KINDS: [Kind; 5] = [
    Kind {
        what: "enqueue one by one",
        unit: "jobs/s",
        more_is_better: true,
        of: |it| it.single,
    },
    Kind {
        what: "enqueue many",
        unit: "jobs/s",
        more_is_better: true,
        of: |it| it.many,
    },
    Kind {
        what: "drain",
        unit: "jobs/s",
        more_is_better: true,
        of: |it| it.drain,
    },
    Kind {
        what: "processor time of Redis to drain",
        unit: "µs/job",
        more_is_better: false,
        of: |it| it.cpu,
    },
    Kind {
        what: "memory of a queued job",
        unit: "bytes",
        more_is_better: false,
        of: |it| it.bytes,
    },
];

impl Kind {
    fn of(&self, found: &[Found]) -> Vec<f64> {
        found.iter().map(self.of).collect()
    }

    fn figure(&self, peer: &str, found: &[Found], ours: &[f64]) -> Figure {
        let mut name = format!("{}: {peer}", self.what);
        if self.what == "drain" && found.iter().any(|it| it.is_stopped) {
            name.push_str(" (stopped before its end)");
        }
        let values = self.of(found);
        let figure = if self.more_is_better {
            Figure::rate(name, self.unit, values)
        } else {
            Figure::cost(name, self.unit, values)
        };
        figure.beside("aqueduct, 1024 at a time", ours)
    }
}
