//! For `tests/cpu_programs.rs`: a program with nothing but the attribute on `main`, as a user writes it.
#![expect(clippy::print_stdout, reason = "the test reads lines")]

use aqueduct::{App, Broker, State, TaskContext, TaskError, cpu_task, task, tasks};
use tokio::sync::mpsc;

/// Says which process it is; `how` is what it does then.
#[cpu_task]
fn work(ctx: TaskContext, how: String) -> Result<(), TaskError> {
    say::queue(&ctx, std::process::id()).blocking()?;
    if how == "spin" {
        loop {
            std::hint::spin_loop();
        }
    }
    Ok(())
}

#[task]
async fn say(lines: State<mpsc::Sender<u32>>, pid: u32) -> Result<(), TaskError> {
    lines.send(pid).await?;
    Ok(())
}

#[aqueduct::main]
async fn main() -> anyhow::Result<()> {
    println!("main begins");
    let how = std::env::args().nth(1).unwrap_or_default();
    let (lines, mut said) = mpsc::channel::<u32>(1);
    let app = App::new(Broker::memory())
        .tasks(tasks![work, say])
        .state(lines);
    let app = app.start().await?;
    work::queue(app.task_manager(), how.clone()).await?;
    if let Some(pid) = said.recv().await {
        println!("{pid}");
    }
    if how == "spin" {
        tokio::signal::ctrl_c().await?;
    }
    app.stop().await?;
    println!("main ends");
    Ok(())
}
