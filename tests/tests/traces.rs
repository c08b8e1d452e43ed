//! The trace of a run: from whoever queues it, through every attempt, to what it queues.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct::trace::{TraceContext, TraceParent, TraceState, Tracing};
use aqueduct::{App, Broker, RunState, RunningApp, State, TaskContext, TaskError, task, tasks};
use integration::Watcher;

type Seen = Arc<Mutex<Vec<Option<TraceContext>>>>;

/// Notes the trace of each of its attempts; fails once.
#[task(retry(max = 1, backoff = "1ms", jitter = none))]
async fn fails_once(ctx: TaskContext, seen: State<Seen>) -> Result<(), TaskError> {
    seen.lock().unwrap().push(ctx.trace());
    if ctx.attempt() == 1 {
        return Err(TaskError::msg("again"));
    }
    Ok(())
}

/// Queues a child and runs one inline.
#[task(retry = none)]
async fn has_children(ctx: TaskContext, seen: State<Seen>) -> Result<(), TaskError> {
    seen.lock().unwrap().push(ctx.trace());
    ctx.task_manager().run(notes::with()).await?;
    notes::queue(&ctx).await?;
    Ok(())
}

#[task(retry = none)]
async fn notes(ctx: TaskContext, seen: State<Seen>) {
    seen.lock().unwrap().push(ctx.trace());
}

fn app(seen: &Seen) -> App {
    App::new(Broker::memory())
        .tasks(tasks![fails_once, has_children, notes])
        .state(Arc::clone(seen))
}

async fn start(app: App) -> (RunningApp, Watcher) {
    let (watcher, observer) = Watcher::new();
    (app.observe(observer).start().await.unwrap(), watcher)
}

fn given() -> TraceContext {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    TraceContext::from_headers(parent, Some("vendor=opaque")).unwrap()
}

fn take(seen: &Seen) -> Vec<Option<TraceContext>> {
    std::mem::take(&mut seen.lock().unwrap())
}

#[tokio::test]
async fn it_is_the_same_for_each_attempt_and_for_children() {
    let seen = Seen::default();
    let (app, mut watcher) = start(app(&seen)).await;
    let manager = app.task_manager();
    let run = fails_once::queue(manager)
        .trace(given())
        .await
        .unwrap()
        .id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    assert_eq!(take(&seen), [Some(given()), Some(given())]);
    has_children::queue(manager).trace(given()).await.unwrap();
    watcher.ends_of_task("notes", 1).await;
    assert_eq!(take(&seen), [Some(given()), Some(given()), Some(given())]);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn without_one_nothing_is_carried() {
    let seen = Seen::default();
    let (app, mut watcher) = start(app(&seen)).await;
    has_children::queue(app.task_manager()).await.unwrap();
    watcher.ends_of_task("notes", 1).await;
    assert_eq!(take(&seen), [None, None, None]);
    let manager = app.task_manager();
    let run = notes::queue(manager)
        .delay(Duration::from_hours(1))
        .await
        .unwrap();
    let run = manager.find(run.id()).await.unwrap().unwrap();
    assert_eq!(
        run.options, None,
        "a run without a trace is as small as it was"
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn the_layer_gives_each_attempt_a_span_of_its_own() {
    let seen = Seen::default();
    let app = app(&seen).layer(Tracing).enqueue_layer(Tracing);
    let (app, mut watcher) = start(app).await;
    let manager = app.task_manager();
    let run = fails_once::queue(manager)
        .trace(given())
        .await
        .unwrap()
        .id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    let attempts: Vec<TraceContext> = take(&seen).into_iter().flatten().collect();
    let [first, second] = <[TraceContext; 2]>::try_from(attempts).unwrap();
    for attempt in [&first, &second] {
        assert_eq!(attempt.parent.trace_id(), given().parent.trace_id());
        assert_ne!(attempt.parent.span_id(), given().parent.span_id());
        assert_eq!(attempt.state, TraceState::new("vendor=opaque").ok());
    }
    assert_ne!(first.parent.span_id(), second.parent.span_id());
    // Queued outside of any trace: one begins, and holds the whole family.
    has_children::queue(manager).await.unwrap();
    watcher.ends_of_task("notes", 1).await;
    let family: Vec<TraceParent> = take(&seen)
        .into_iter()
        .flatten()
        .map(|it| it.parent)
        .collect();
    let [outer, inline, child] = <[TraceParent; 3]>::try_from(family).unwrap();
    assert_eq!(
        (outer.trace_id(), outer.trace_id()),
        (inline.trace_id(), child.trace_id())
    );
    assert_ne!(outer.trace_id(), given().parent.trace_id());
    let spans = [outer.span_id(), inline.span_id(), child.span_id()];
    assert!(spans[0] != spans[1] && spans[1] != spans[2] && spans[0] != spans[2]);
    app.stop().await.unwrap();
}
