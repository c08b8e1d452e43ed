//! The tasks: what they do in a worker, well or not.

use std::time::Duration;

use aqueduct::run::CancelAnswer;
use aqueduct::{
    App, Broker, State, TaskContext, TaskError, TaskList, WaitError, cpu_task, task, tasks,
};

pub(crate) fn all() -> TaskList {
    tasks![
        pid,
        asynchronous,
        with_state,
        fails,
        fatal,
        panics,
        prints,
        crashes,
        exits,
        listens,
        ignores,
        queues,
        queues_blocking,
        waits,
        waits_blocking,
        io,
        reports,
        snoozes,
        too_hungry,
        starts_an_app,
        holds_on,
        heeds_nothing,
        stalls,
        moves_on,
        ends_in_time,
        queues_twice
    ]
}

/// Something that only the worker has.
pub(crate) struct Model {
    made_in: u32,
}

pub(crate) fn load_model() -> Result<Model, TaskError> {
    let made_in = std::fs::read_link("/proc/self")?;
    let made_in = made_in.to_string_lossy().parse()?;
    Ok(Model { made_in })
}

#[cpu_task(keep_result = "1m")]
pub(crate) fn pid() -> u32 {
    std::process::id()
}

#[cpu_task(keep_result = "1m")]
pub(crate) async fn asynchronous(ctx: TaskContext, wait: u64) -> String {
    tokio::time::sleep(Duration::from_millis(wait)).await;
    format!(
        "attempt {} in time: {}",
        ctx.attempt(),
        !ctx.remaining().is_zero()
    )
}

#[cpu_task(init = load_model, keep_result = "1m")]
pub(crate) fn with_state(model: State<Model>) -> bool {
    model.made_in == std::process::id()
}

#[cpu_task(retry(max = 1, backoff = "1ms"))]
pub(crate) fn fails() -> Result<(), TaskError> {
    Err(TaskError::msg("it never works"))
}

#[cpu_task]
pub(crate) fn fatal() -> Result<(), TaskError> {
    Err(TaskError::fatal(std::io::Error::other("the disk is gone")))
}

#[cpu_task(retry = none)]
pub(crate) fn panics() {
    panic!("what now");
}

#[cpu_task]
pub(crate) fn prints() {
    println!("printed by a task");
    tracing::warn!(size = 7, "logged by a task");
}

#[cpu_task(retry = none)]
pub(crate) fn crashes() {
    std::process::abort();
}

#[cpu_task(retry = none)]
pub(crate) fn exits() {
    std::process::exit(3);
}

#[cpu_task(retry = none)]
pub(crate) fn listens(ctx: TaskContext) -> Result<(), TaskError> {
    ctx.progress(1, 2);
    loop {
        ctx.check_cancelled()?;
        std::hint::spin_loop();
    }
}

#[cpu_task(retry = none, timeout = "50ms")]
pub(crate) fn ignores() {
    loop {
        std::hint::spin_loop();
    }
}

#[cpu_task]
pub(crate) async fn queues(ctx: TaskContext) -> Result<(), TaskError> {
    let run = io::queue(&ctx, "awaited".to_owned()).await?;
    let found = ctx.task_manager().find(run.id()).await?.unwrap();
    assert_eq!(found.lineage.parent, Some(ctx.id()));
    let later = io::queue(&ctx, "later".to_owned())
        .delay(Duration::from_hours(1))
        .await?;
    assert_eq!(later.cancel("not needed").await?, CancelAnswer::Cancelled);
    Ok(())
}

#[cpu_task]
pub(crate) fn queues_blocking(ctx: TaskContext) -> Result<(), TaskError> {
    let params = aqueduct::params! { how: "by name" };
    ctx.task_manager().queue("io", params).blocking()?;
    let unknown = ctx
        .task_manager()
        .queue("reportz", aqueduct::params! {})
        .blocking();
    assert!(
        unknown
            .unwrap_err()
            .to_string()
            .contains("did you mean `reports`")
    );
    Ok(())
}

#[cpu_task(keep_result = "1m")]
pub(crate) async fn waits(ctx: TaskContext) -> Result<(String, bool), WaitError> {
    let value = io::queue_and_wait(&ctx, "awaited".to_owned()).await?;
    let later = io::queue(&ctx, "later".to_owned()).delay(Duration::from_hours(1));
    let later = later.await?;
    let limited = later.wait().at_most(Duration::from_millis(1)).await;
    let timed_out = matches!(limited, Err(WaitError::TimedOut { .. }));
    Ok((value, timed_out))
}

#[cpu_task(keep_result = "1m")]
pub(crate) fn waits_blocking(ctx: TaskContext) -> Result<(u32, String), TaskError> {
    // Another worker has the child.
    let child = pid::queue_and_wait(&ctx).blocking()?;
    let run = fails::queue(&ctx)
        .keep_result(Duration::from_mins(1))
        .blocking()?;
    let failed = run.wait().blocking().unwrap_err();
    Ok((child, failed.to_string()))
}

#[task(keep_result = "1m")]
pub(crate) async fn io(how: String) -> String {
    how
}

#[cpu_task]
pub(crate) fn reports(ctx: TaskContext) {
    ctx.progress_with(3, 3, "done");
}

#[cpu_task(keep_result = "1m")]
pub(crate) fn snoozes(ctx: TaskContext) -> Result<u32, TaskError> {
    if ctx.attempt() == 1 {
        return Err(TaskError::snooze(Duration::from_millis(1)));
    }
    Ok(ctx.run().tally.failures)
}

#[cpu_task(retry = none, memory_limit = "64MiB", env(MODE = "small"))]
pub(crate) fn too_hungry() -> usize {
    assert_eq!(std::env::var("MODE").as_deref(), Ok("small"));
    std::hint::black_box(vec![1_u8; 256 << 20]).len()
}

#[cpu_task(keep_result = "1m")]
pub(crate) async fn starts_an_app() -> String {
    let app = App::new(Broker::memory()).tasks(tasks![pid]);
    app.start()
        .await
        .map_or_else(|error| error.to_string(), |_app| "started".to_owned())
}

#[cpu_task(timeout = "1h")]
pub(crate) fn holds_on(ctx: TaskContext) {
    ctx.progress_with(0, 0, &std::process::id().to_string());
    loop {
        std::hint::spin_loop();
    }
}

#[cpu_task(timeout = "1h")]
pub(crate) fn heeds_nothing(ctx: TaskContext) {
    while ctx.check_cancelled().is_ok() {
        std::hint::spin_loop();
    }
    ctx.progress_with(0, 0, "told");
    loop {
        std::hint::spin_loop();
    }
}

pub(crate) fn load_another() -> Model {
    Model { made_in: 0 }
}

#[cpu_task(init = load_another)]
pub(crate) fn with_another(model: State<Model>) -> bool {
    model.made_in == 0
}

#[cpu_task(retry = none, progress_timeout = "1s")]
pub(crate) fn stalls(ctx: TaskContext) -> Result<(), TaskError> {
    loop {
        ctx.check_cancelled()?;
    }
}

/// Reports progress for longer than it may report none.
#[cpu_task(retry = none, progress_timeout = "1s")]
pub(crate) async fn moves_on(ctx: TaskContext) {
    for step in 0..30 {
        ctx.progress(step, 30);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[cpu_task(retry = none, timeout = "50ms")]
pub(crate) fn ends_in_time(ctx: TaskContext) -> Result<(), TaskError> {
    loop {
        ctx.check_cancelled()?;
    }
}

#[cpu_task]
pub(crate) async fn queues_twice(ctx: TaskContext) -> Result<(), TaskError> {
    io::queue(&ctx, "one".to_owned()).await?;
    io::queue(&ctx, "two".to_owned()).await?;
    Ok(())
}
