//! The program of the README: tasks that queue each other, and a periodic one.

use aqueduct::{App, Broker, State, TaskContext, TaskError, params, task, tasks};

struct Greeting(&'static str);

#[task(retry(max = 5, backoff = "2s"), timeout = "30s")]
async fn greet(ctx: TaskContext, greeting: State<Greeting>, name: String) -> Result<(), TaskError> {
    let text = format!("{}, {name}", greeting.0);
    count::queue(&ctx, text.len()).await?; // compile-checked; keeps the lineage
    Ok(())
}

#[task]
async fn count(ctx: TaskContext, letters: usize) -> Result<(), std::io::Error> {
    use std::io::Write;
    writeln!(
        std::io::stdout(),
        "{letters} letters, attempt {}",
        ctx.attempt()
    )
}

#[task(schedule = every("1s"))] // or cron("0 2 * * *", tz = "Europe/Rome"); checked when it compiles
async fn heartbeat(ctx: TaskContext) -> Result<(), TaskError> {
    ctx.task_manager()
        .queue("greet", params! { name: "world" })
        .await?; // by name, as well
    Ok(())
}

#[aqueduct::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init(); // says why a task failed
    let app = App::new(Broker::from_url("memory://").await?)
        .tasks(tasks![greet, count, heartbeat])
        .state(Greeting("hello"));
    app.run_until_ctrl_c().await?; // drains on Ctrl-C and SIGTERM
    Ok(())
}
