//! Tasks that are run inline within another task belong to its run.

use std::time::Duration;

use aqueduct::{App, Broker, RunState, TaskContext, TaskError, task, tasks};
use integration::Watcher;

/// What an inline run knows of itself.
#[task]
async fn inner(context: TaskContext) -> (Option<String>, String, bool, u64) {
    let lineage = context.run().lineage;
    (
        lineage.parent.map(|it| it.to_string()),
        lineage.root.to_string(),
        context.is_cancelled(),
        context.remaining().as_secs(),
    )
}

#[task(timeout = "1h", retry = none)]
async fn outer(context: TaskContext) -> Result<(), TaskError> {
    let me = context.id().to_string();
    let manager = context.task_manager();
    let (parent, root, is_cancelled, remaining) = manager.run(inner::with()).await?;
    assert_eq!((parent, root, is_cancelled), (Some(me.clone()), me, false));
    assert!(
        remaining <= 3600,
        "the time limit of the outer task: {remaining} s"
    );
    context.cancelled().await;
    let (.., is_cancelled, _) = manager.run(inner::with()).await?;
    assert!(
        is_cancelled,
        "the inner task sees what the outer one was told"
    );
    Ok(())
}

#[tokio::test]
async fn they_are_children_and_end_with_it() {
    let (mut watcher, observer) = Watcher::new();
    let app = App::new(Broker::memory())
        .tasks(tasks![inner, outer])
        .consumer(|consumer| consumer.cancel_grace(Duration::from_mins(1)))
        .observe(observer);
    let app = app.start().await.unwrap();
    let run = outer::queue(app.task_manager()).await.unwrap().id();
    watcher.start_of(run).await;
    let answer = app.task_manager().cancel(run, "enough").await.unwrap();
    assert!(answer.is_accepted());
    assert_eq!(
        watcher.end_of(run).await,
        RunState::Succeeded,
        "{}",
        watcher.failure_of(run)
    );
    let (parent, root, ..) = app.task_manager().run(inner::with()).await.unwrap();
    assert_eq!(parent, None);
    assert_ne!(root, run.to_string());
    app.stop().await.unwrap();
}
