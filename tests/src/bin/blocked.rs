//! For `tests/signals.rs`: an application whose tasks block every thread of its runtime for an hour.
#![expect(clippy::print_stdout, reason = "the test waits for a line")]
#![expect(clippy::disallowed_methods, reason = "the task blocks on purpose")]

use std::time::Duration;

use aqueduct::{App, Broker, task, tasks};

#[task]
async fn block() {
    println!("blocking");
    std::thread::sleep(Duration::from_hours(1));
}

#[aqueduct::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let grace = std::env::args().nth(1).map_or(Ok(25), |it| it.parse())?;
    let app = App::new(Broker::memory())
        .tasks(tasks![block, start])
        .consumer(move |it| it.shutdown_grace(Duration::from_secs(grace)));
    app.run_until_ctrl_c().await?;
    Ok(())
}

#[task(schedule = every("100ms"))]
async fn start(context: aqueduct::TaskContext) -> Result<(), aqueduct::TaskError> {
    block::queue(&context).await?;
    Ok(())
}
