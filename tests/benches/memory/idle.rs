//! What an idle app does for nothing.

use std::fs;
use std::time::Duration;

use aqueduct::{App, Broker, task, tasks};

#[task]
async fn nothing() {}

/// What an idle app costs.
pub(crate) struct Idle {
    pub(crate) switches_per_second: f64,
    pub(crate) cpu_percent: f64,
}

/// Measures an app with nothing to do.
pub(crate) async fn idle_app(time: Duration) -> anyhow::Result<Idle> {
    let app = App::new(Broker::memory()).tasks(tasks![nothing]);
    let app = app.start().await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (switches, ticks) = (switches()?, cpu_ticks()?);
    tokio::time::sleep(time).await;
    let seconds = time.as_secs_f64();
    let idle = Idle {
        switches_per_second: (self::switches()? - switches) / seconds,
        cpu_percent: (cpu_ticks()? - ticks) / TICKS_PER_SECOND / seconds * 100.0,
    };
    app.stop().await?;
    Ok(idle)
}

/// Voluntary context switches of all threads of this process.
fn switches() -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for thread in fs::read_dir("/proc/self/task")? {
        let status = fs::read_to_string(thread?.path().join("status"))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        sum += line.map_or(Ok(0.0), |number| number.trim().parse::<f64>())?;
    }
    Ok(sum)
}

/// User and system time of this process, in clock ticks.
fn cpu_ticks() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let field = |index: usize| {
        fields
            .get(index)
            .map_or(Ok(0.0), |number| number.parse::<f64>())
    };
    Ok(field(11)? + field(12)?)
}

const TICKS_PER_SECOND: f64 = 100.0;
