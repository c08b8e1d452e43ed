//! For `tests/cpu_programs.rs`: a program with nothing but the attribute on `main`, as a user writes it.
#![expect(clippy::print_stdout, reason = "the test reads lines")]

use aqueduct::{App, Broker, State, TaskContext, TaskError, cpu_task, task, tasks};
use tokio::sync::mpsc;

/// Says which process it is; `how` is what it does then.
#[cpu_task]
fn work(ctx: TaskContext, how: String) -> Result<(), TaskError> {
    say::queue(&ctx, std::process::id()).blocking()?;
    match how.as_str() {
        "spin" | "ignore" => loop {
            std::hint::spin_loop();
        },
        "listen" => loop {
            ctx.check_cancelled()?;
        },
        "finish" => {
            while !ctx.is_cancelled() {}
            Ok(())
        }
        _ => Ok(()),
    }
}

#[task]
async fn say(done: State<mpsc::Sender<()>>, pid: u32) -> Result<(), TaskError> {
    println!("{pid}");
    done.send(()).await?;
    Ok(())
}

#[aqueduct::main]
async fn main() -> anyhow::Result<()> {
    println!("main begins");
    let how = std::env::args().nth(1).unwrap_or_default();
    let (done, mut is_done) = mpsc::channel::<()>(1);
    let broker = Broker::memory();
    let app = App::new(broker.clone())
        .tasks(tasks![work, say])
        .state(done);
    if ["ignore", "listen", "finish"].contains(&how.as_str()) {
        // It listens to signals before it says anything.
        let manager = App::new(broker).tasks(tasks![work]).into_task_manager()?;
        work::queue(&manager, how).await?;
        let report = app.run_until_ctrl_c().await?.consumer;
        let left = report.map(|it| (it.released, it.unsettled));
        println!("released and unsettled: {left:?}");
        return Ok(());
    }
    let app = app.start().await?;
    work::queue(app.task_manager(), how.clone()).await?;
    is_done.recv().await;
    if how == "spin" {
        tokio::signal::ctrl_c().await?;
    }
    app.stop().await?;
    println!("main ends");
    Ok(())
}
