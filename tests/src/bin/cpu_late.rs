//! For `tests/cpu_programs.rs`: a program without the attribute, which becomes a worker only late.
#![expect(clippy::print_stdout, reason = "the test reads lines")]

use aqueduct::{App, Broker, cpu_task, tasks};

#[cpu_task(keep_result = "1m")]
fn pid() -> u32 {
    std::process::id()
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        if std::env::args().any(|arg| arg == "never") {
            return never().await;
        }
        let (lines, mut said) = tokio::sync::mpsc::channel(100);
        let observer = move |event: aqueduct::observe::RunEvent| {
            let is_end = matches!(event.kind, aqueduct::observe::RunEventKind::Ended { .. });
            let _ = is_end.then(|| lines.try_send(event.run));
        };
        let app = App::new(Broker::memory())
            .tasks(tasks![pid])
            .observe(observer);
        let app = app.start().await?;
        pid::queue(app.task_manager()).await?;
        if let Some(run) = said.recv().await {
            let run = app.task_manager().find(run).await?;
            let result = run
                .and_then(|run| run.record)
                .and_then(|record| record.result);
            let other: u32 = result.map_or(Ok(0), |result| result.decode())?;
            println!("{}", other != 0 && other != std::process::id());
        }
        app.stop().await?;
        Ok(())
    })
}

/// Starts a pool by hand, in a program that has no hook at all.
async fn never() -> anyhow::Result<()> {
    use aqueduct_cpu_pool::{Order, PoolConfig, ProcessPool, Work, Workers};
    let pool = ProcessPool::new(PoolConfig::default(), Vec::new());
    let pool = match pool {
        Ok(pool) => pool,
        Err(error) => {
            println!("refused: {error}");
            return Ok(());
        }
    };
    let ended = pool.run(Order::plain(Work::new("anything"))).await;
    println!("{ended:?}");
    Ok(())
}
