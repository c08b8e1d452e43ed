//! Workers that echo.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_cpu_pool::{
    Body, Ended, Failed, Link, Order, PoolConfig, ProcessPool, Profile, Program, Work, Workers,
    entry, serve,
};

use integration::bench::{now, per_second};

use crate::figures::{Times, private_memory};

/// The body of the workers.
struct Echo;

impl Body for Echo {
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn prepare(&self) -> Result<(), String> {
        Ok(())
    }

    fn run(&self, work: Work, _link: &Link) -> Result<Vec<u8>, Failed> {
        match work.name.as_str() {
            "abort" => std::process::abort(),
            "pid" => Ok(std::process::id().to_string().into_bytes()),
            _ => Ok(work.params.to_vec()),
        }
    }
}

/// Becomes a worker, if this process was started as one.
pub(crate) fn become_worker() -> anyhow::Result<()> {
    if let Some(entry) = entry()? {
        serve(entry, Echo);
    }
    Ok(())
}

async fn pool(workers: usize) -> anyhow::Result<ProcessPool> {
    let mut config = PoolConfig::default();
    config.workers = workers;
    config.min_workers = workers;
    config.program = Program::own().with_args(["pool"]);
    let pool = ProcessPool::new(config, Vec::new())?;
    pool.warm_up().await?;
    Ok(pool)
}

async fn run(pool: &ProcessPool, name: &str, params: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    match pool
        .run(Order::plain(Work::new(name).with_params(params)))
        .await
    {
        Ended::Done { result, .. } => Ok(result),
        other => anyhow::bail!("not done: {other:?}"),
    }
}

/// Measures runs that do nothing, one after the other, in a worker on a core.
pub(crate) async fn round_trips(count: usize, core: usize) -> anyhow::Result<Times> {
    let pool = pool(1).await?;
    let mut profile = Profile::default();
    profile.cores = vec![core];
    let profile = Arc::new(profile);
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let mut order = Order::plain(Work::new("echo").with_params(vec![7]));
        order.profile = Arc::clone(&profile);
        let began = now();
        let ended = pool.run(order).await;
        times.push(began.elapsed());
        anyhow::ensure!(matches!(ended, Ended::Done { .. }), "not done: {ended:?}");
    }
    pool.close().await;
    Ok(Times::new(times))
}

/// Measures how many runs that do nothing end in a second.
pub(crate) async fn rate(count: usize, workers: usize) -> anyhow::Result<f64> {
    let pool = pool(workers).await?;
    let began = now();
    let share = || async {
        for _ in 0..count / 4 {
            run(&pool, "echo", vec![7]).await?;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(share(), share(), share(), share())?;
    let rate = per_second(count, began.elapsed());
    pool.close().await;
    Ok(rate)
}

/// Measures the start of a worker until it is ready.
pub(crate) async fn starts(count: usize) -> anyhow::Result<Times> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let mut config = PoolConfig::default();
        config.program = Program::own().with_args(["pool"]);
        let new = ProcessPool::new(config, Vec::new())?;
        let began = now();
        new.warm_up().await?;
        times.push(began.elapsed());
        new.close().await;
    }
    Ok(Times::new(times))
}

/// Measures a mebibyte there and back.
pub(crate) async fn large(count: usize) -> anyhow::Result<Times> {
    let pool = pool(1).await?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let params = vec![7; 1 << 20];
        let began = now();
        run(&pool, "echo", params).await?;
        times.push(began.elapsed());
    }
    pool.close().await;
    Ok(Times::new(times))
}

/// Measures runs that kill their worker: from the request to the name of the death.
pub(crate) async fn deaths(count: usize) -> anyhow::Result<Times> {
    let mut times: Vec<Duration> = Vec::with_capacity(count);
    for _ in 0..count {
        let pool = pool(1).await?;
        let began = now();
        let ended = pool.run(Order::plain(Work::new("abort"))).await;
        times.push(began.elapsed());
        anyhow::ensure!(matches!(ended, Ended::Died(_)), "not dead: {ended:?}");
        pool.close().await;
    }
    Ok(Times::new(times))
}

/// Returns the private memory of an idle worker, in KiB.
pub(crate) async fn memory() -> anyhow::Result<u64> {
    let pool = pool(1).await?;
    let pid = String::from_utf8(run(&pool, "pid", Vec::new()).await?)?;
    let private = private_memory(&pid);
    pool.close().await;
    private
}
