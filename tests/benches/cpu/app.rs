//! What busy workers do to IO tasks of the same application.

use std::time::Duration;

use aqueduct::cpu::{CpuSettings, PoolConfig, Program};
use aqueduct::{App, Broker, State, TaskContext, TaskError, TaskList, cpu_task, task, tasks};
use tokio::sync::mpsc;

use integration::bench::now;

use crate::figures::Times;

/// Computes until it is told to end.
#[cpu_task(timeout = "10m")]
fn spin(ctx: TaskContext) -> Result<(), TaskError> {
    ctx.progress(0, 0);
    loop {
        ctx.check_cancelled()?;
    }
}

#[task]
async fn io(done: State<mpsc::Sender<()>>) -> Result<(), TaskError> {
    done.send(()).await?;
    Ok(())
}

/// The tasks, for the workers too.
pub(crate) fn all() -> TaskList {
    tasks![spin, io]
}

/// Measures IO tasks from the request to their end, while so many CPU tasks run.
pub(crate) async fn io_latencies(count: usize, busy: usize) -> anyhow::Result<Times> {
    let (done, mut ended) = mpsc::channel::<()>(1);
    let (begun, mut beginning) = mpsc::channel(64);
    let observer = move |event: aqueduct::observe::RunEvent| {
        if let aqueduct::observe::RunEventKind::Progress(_) = event.kind {
            let _ = begun.try_send(());
        }
    };
    let mut pool = PoolConfig::default();
    pool.workers = 2;
    pool.program = Program::own().with_args(["app"]);
    let settings = CpuSettings::processes(pool);
    let app = App::new(Broker::memory())
        .tasks(all())
        .state(done)
        .observe(observer)
        .consumer(|consumer| {
            consumer
                .cpu(settings)
                .shutdown_grace(Duration::from_secs(1))
        })
        .start()
        .await?;
    for _ in 0..busy {
        spin::queue(app.task_manager()).await?;
        beginning.recv().await;
    }
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let began = now();
        io::queue(app.task_manager()).await?;
        ended.recv().await;
        times.push(began.elapsed());
        // One at a time, as work comes in a service that is not loaded.
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    app.stop().await?;
    Ok(Times::new(times))
}
