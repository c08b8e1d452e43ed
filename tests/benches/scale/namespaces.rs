//! More namespaces on one cluster: what a run costs the busiest of its servers.

use aqueduct::Broker;
use aqueduct_redis_server::RedisCluster;
use integration::bench::{Figure, Report, Usage, figure, repetitions, size};
use tokio::task::JoinSet;

use crate::load::{Load, life};
use crate::{REPETITIONS, RUNS};

/// The name of the series.
pub(crate) const SERIES: &str = "namespaces";

/// How many namespaces share the runs.
const NAMESPACES: [usize; 4] = [1, 2, 4, 8];

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let cluster = RedisCluster::start()?;
    let mut first = Vec::new();
    for namespaces in NAMESPACES {
        let mut costs = Vec::new();
        for _ in 0..repetitions(REPETITIONS) {
            costs.push(busiest(&cluster, namespaces).await?);
        }
        if first.is_empty() {
            first.clone_from(&costs);
        }
        let line = "the busiest of three servers";
        let what = format!("{line}: namespaces that share the runs = {namespaces}");
        let point = Figure::cost(what, "µs/run", costs).beside("with 1", &first);
        report.add(point.at(SERIES, line, figure(namespaces)));
    }
    Ok(())
}

/// Returns what the busiest server has used up for each of all runs, in microseconds of its processor.
async fn busiest(cluster: &RedisCluster, namespaces: usize) -> anyhow::Result<f64> {
    for server in cluster.primaries() {
        server.command(&["FLUSHALL"])?;
    }
    let before = used(cluster)?;
    let load = Load {
        runs: size(RUNS) / namespaces,
        ..Load::default()
    };
    let mut lives = JoinSet::new();
    for number in 1..=namespaces {
        let broker = Broker::from_url(&format!("{}?namespace=n{number}", cluster.url())).await?;
        lives.spawn(life(broker, load));
    }
    while let Some(ended) = lives.join_next().await {
        ended??;
    }
    let used = used(cluster)?;
    let each = used
        .iter()
        .zip(before)
        .map(|(after, before)| after - before);
    Ok(each.fold(0.0, f64::max) / figure(load.runs * namespaces))
}

fn used(cluster: &RedisCluster) -> anyhow::Result<Vec<f64>> {
    cluster
        .primaries()
        .map(|server| Ok(Usage::of(server)?.cpu))
        .collect()
}
