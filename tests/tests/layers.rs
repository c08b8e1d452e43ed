//! Layers around attempts, and before enqueues: their order, what they may do, and what they cannot harm.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct::layer::{AttemptLayer, EnqueueLayer, Layers, Next};
use aqueduct::manager::{QueueError, QueueErrorKind};
use aqueduct::{
    App, Broker, Payload, QueueName, QueuedTask, RunId, RunState, RunningApp, State, TaskContext,
    TaskError, Timestamp, task, tasks,
};
use aqueduct_core::task::TaskResult;
use integration::Watcher;

/// What happened, in order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, note: impl Into<String>) {
        self.0.lock().unwrap().push(note.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Notes when it is entered and left.
struct Noting(&'static str, Notes);

impl AttemptLayer for Noting {
    async fn attempt(&self, context: TaskContext, next: Next<'_>) -> TaskResult {
        let Self(name, notes) = self;
        notes.add(format!("{name} before {}", next.definition().name()));
        let result = next.run(context).await;
        notes.add(format!("{name} after, is ok: {}", result.is_ok()));
        result
    }
}

/// Ends attempts of some tasks without running them.
struct Gate;

impl AttemptLayer for Gate {
    async fn attempt(&self, context: TaskContext, next: Next<'_>) -> TaskResult {
        match next.definition().name().as_str() {
            "refused" => Err(TaskError::fatal(anyhow::anyhow!("not today"))),
            "called_off" => Err(TaskError::cancel("by the layer")),
            "put_off" if context.attempt() == 1 => Err(TaskError::snooze(Duration::ZERO)),
            "answered" => Ok(Some(Payload::encode("by the layer").unwrap())),
            "blown_up" => panic!("the layer blew up"),
            "twice" => {
                next.run(context.clone()).await?;
                next.run(context).await
            }
            _ => next.run(context).await,
        }
    }
}

/// Gives each attempt a value of its own.
struct Giving;

impl AttemptLayer for Giving {
    async fn attempt(&self, context: TaskContext, next: Next<'_>) -> TaskResult {
        let tenant = Tenant(format!("of {}", context.run().task));
        next.run(context.with_state(tenant)).await
    }
}

/// Waits for ever before it goes on.
struct Stuck;

impl AttemptLayer for Stuck {
    async fn attempt(&self, context: TaskContext, next: Next<'_>) -> TaskResult {
        if next.definition().name().as_str() == "short" {
            std::future::pending::<()>().await;
        }
        next.run(context).await
    }
}

struct Tenant(String);

#[task(retry = none)]
async fn plain(notes: State<Notes>) {
    notes.add("plain");
}

#[task(retry = none)]
async fn refused(notes: State<Notes>) {
    notes.add("refused");
}

#[task(retry = none)]
async fn called_off(notes: State<Notes>) {
    notes.add("called off");
}

#[task(retry = none)]
async fn put_off(notes: State<Notes>) {
    notes.add("put off");
}

#[task(retry = none, keep_result = "1h")]
async fn answered(notes: State<Notes>) -> String {
    notes.add("answered");
    String::new()
}

#[task(retry = none)]
async fn blown_up(notes: State<Notes>) {
    notes.add("blown up");
}

#[task(retry = none)]
async fn twice(notes: State<Notes>) {
    notes.add("twice");
}

#[task(retry = none)]
async fn of_a_tenant(ctx: TaskContext, tenant: State<Tenant>, notes: State<Notes>) {
    let by_context = ctx.state::<Tenant>().unwrap();
    notes.add(format!("{} = {}", tenant.0, by_context.0));
}

#[task(retry = none, timeout = "30ms")]
async fn short(notes: State<Notes>) {
    notes.add("short");
}

/// Notes the parent of its run.
#[task]
async fn child(ctx: TaskContext, notes: State<Notes>) {
    let run = ctx.run();
    notes.add(format!("{} {}", run.lineage.parent.is_some(), run.queue));
}

#[task(retry = none)]
async fn parent(ctx: TaskContext) -> Result<(), TaskError> {
    child::queue(&ctx).await?;
    child::queue(&ctx).priority(aqueduct::Priority::Low).await?;
    Ok(())
}

fn app(notes: &Notes) -> App {
    App::new(Broker::memory())
        .tasks(tasks![
            plain,
            refused,
            called_off,
            put_off,
            answered,
            blown_up,
            twice,
            of_a_tenant,
            short
        ])
        .tasks(tasks![child, parent])
        .state(notes.clone())
        .state(Tenant("of nobody".to_owned()))
}

async fn start(app: App) -> (RunningApp, Watcher) {
    let (watcher, observer) = Watcher::new();
    (app.observe(observer).start().await.unwrap(), watcher)
}

#[tokio::test]
async fn the_first_is_outermost() {
    let notes = Notes::default();
    let app = app(&notes).layer(Noting("a", notes.clone()));
    let (app, mut watcher) = start(app.layer(Noting("b", notes.clone()))).await;
    let run = plain::queue(app.task_manager()).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    let order = [
        "a before plain",
        "b before plain",
        "plain",
        "b after, is ok: true",
        "a after, is ok: true",
    ];
    assert_eq!(notes.take(), order);
    app.task_manager().run(plain::with()).await.unwrap();
    assert_eq!(notes.take(), order, "inline");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn layers_around_a_list_are_outermost_first_as_well() {
    let notes = Notes::default();
    let layers = Layers::new().with(Noting("a", notes.clone()));
    let list = layers
        .with(Noting("b", notes.clone()))
        .around(tasks![plain]);
    let app = App::new(Broker::memory()).tasks(list).state(notes.clone());
    let (app, mut watcher) = start(app.layer(Noting("app", notes.clone()))).await;
    let run = plain::queue(app.task_manager()).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    let order = [
        "app before plain",
        "a before plain",
        "b before plain",
        "plain",
    ];
    assert_eq!(notes.take()[..4], order);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn an_attempt_ends_as_a_layer_says() {
    let notes = Notes::default();
    let (app, mut watcher) = start(app(&notes).layer(Gate)).await;
    let manager = app.task_manager();
    let run = refused::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Failed);
    assert_eq!(watcher.failure_of(run), "Fatal: not today");
    let run = called_off::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Cancelled);
    let run = answered::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    let kept = manager.find(run).await.unwrap().unwrap();
    let result = kept.record.unwrap().result.unwrap();
    assert_eq!(result.decode::<String>().unwrap(), "by the layer");
    assert_eq!(notes.take(), [""; 0], "no task has run");
    let run = put_off::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    assert_eq!(watcher.states_of(run).len(), 2);
    let run = twice::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    assert_eq!(notes.take(), ["put off", "twice", "twice"]);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_panic_in_a_layer_ends_the_attempt_and_nothing_else() {
    let notes = Notes::default();
    let (app, mut watcher) = start(app(&notes).layer(Gate)).await;
    let run = blown_up::queue(app.task_manager()).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Failed);
    assert_eq!(watcher.failure_of(run), "Panic: the layer blew up");
    let run = plain::queue(app.task_manager()).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    assert_eq!(app.metrics().unwrap().snapshot().panicked, 1);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn the_time_limit_of_the_task_holds_for_its_layers() {
    let notes = Notes::default();
    let (app, mut watcher) = start(app(&notes).layer(Stuck)).await;
    let run = short::queue(app.task_manager()).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Failed);
    let failure = watcher.failure_of(run);
    assert!(failure.starts_with("Timeout: "), "{failure}");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_layer_gives_state_to_one_attempt() {
    let notes = Notes::default();
    let (app, mut watcher) = start(app(&notes).layer(Giving)).await;
    let run = of_a_tenant::queue(app.task_manager()).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    assert_eq!(notes.take(), ["of of_a_tenant = of of_a_tenant"]);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_task_hears_of_its_cancellation_through_a_changed_context() {
    #[task(timeout = "1h")]
    async fn waits(ctx: TaskContext) {
        ctx.cancelled().await;
    }
    let app = App::new(Broker::memory())
        .tasks(tasks![waits])
        .layer(Giving);
    let (app, mut watcher) = start(app).await;
    let run = waits::queue(app.task_manager()).await.unwrap().id();
    watcher.start_of(run).await;
    app.task_manager().cancel(run, "enough").await.unwrap();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_set_aside_through_layers_too() {
    #[task]
    async fn takes_a_number(_number: u64) {}
    let notes = Notes::default();
    let app = App::new(Broker::memory()).tasks(tasks![takes_a_number]);
    let (app, mut watcher) = start(app.layer(Noting("a", notes.clone()))).await;
    let id = RunId::generate(Timestamp::MIN);
    let name = takes_a_number::with(1).into_queued(id, aqueduct::run::Lineage::root_of(id));
    let mut task = name.unwrap();
    task.payload = Payload::empty();
    app.task_manager().queue_tasks(vec![task]).await.unwrap();
    assert_eq!(watcher.attempt_of(id).await, RunState::Scheduled, "parked");
    let run = app.task_manager().find(id).await.unwrap().unwrap();
    assert!(run.tally.parks > 0, "it may be parked again by now");
    assert_eq!(run.tally.failures, 0);
    assert_eq!(notes.take()[1], "a after, is ok: false");
    app.stop().await.unwrap();
}

/// Sends everything with a parent to the same queue, refuses and panics on demand.
struct Clerk(Notes);

impl EnqueueLayer for Clerk {
    fn on_enqueue(
        &self,
        task: &mut QueuedTask,
        parent: Option<&TaskContext>,
    ) -> Result<(), QueueError> {
        let by = parent.map_or_else(|| "nobody".to_owned(), |it| it.run().task.to_string());
        self.0.add(format!("{} by {by}", task.task));
        match task.task.as_str() {
            "refused" => Err(QueueError::new(QueueErrorKind::LimitExceeded, "not today")),
            "blown_up" => panic!("the layer blew up"),
            _ => Ok(()),
        }
    }
}

/// Puts everything into the default queue.
struct ToDefault;

impl EnqueueLayer for ToDefault {
    fn on_enqueue(
        &self,
        task: &mut QueuedTask,
        _parent: Option<&TaskContext>,
    ) -> Result<(), QueueError> {
        task.queue = QueueName::DEFAULT;
        Ok(())
    }
}

#[tokio::test]
async fn enqueue_layers_see_change_and_refuse() {
    const NOWHERE: QueueName = QueueName::from_static("nowhere");
    let notes = Notes::default();
    let app = app(&notes)
        .enqueue_layer(Clerk(notes.clone()))
        .enqueue_layer(ToDefault);
    let (app, mut watcher) = start(app).await;
    let manager = app.task_manager();
    let run = parent::queue(manager)
        .queue_name(NOWHERE)
        .await
        .unwrap()
        .id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    watcher.ends_of_task("child", 2).await;
    let seen = notes.take();
    let count = |note: &str| seen.iter().filter(|it| *it == note).count();
    assert_eq!(count("parent by nobody"), 1, "{seen:?}");
    assert_eq!(count("child by parent"), 2, "{seen:?}");
    assert_eq!(count("true default"), 2, "{seen:?}");
    let error = refused::queue(manager).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (QueueErrorKind::LimitExceeded, "not today")
    );
    let error = blown_up::queue(manager).await.unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Refused);
    assert_eq!(
        error.to_string(),
        "an enqueue layer panicked: the layer blew up"
    );
    // One that is refused keeps all of its batch from being sent.
    let batch = [plain::with(), refused::with(), plain::with()];
    assert!(manager.queue_many(batch).await.is_err());
    notes.take();
    let run = plain::queue(manager).await.unwrap().id();
    assert_eq!(watcher.end_of(run).await, RunState::Succeeded);
    assert_eq!(notes.take(), ["plain by nobody", "plain"]);
    app.stop().await.unwrap();
}
