//! What a task receives beside its parameters: who it is, when to stop, how to queue more.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::attempt::AttemptPort;
use crate::cancel::{CancelReason, Cancellation};
use crate::checkpoint::{Checkpointing, Kept, encode};
use crate::event::{Progress, RunEvent, RunEventKind};
use crate::id::RunId;
use crate::manager::TaskManager;
use crate::payload::PayloadError;
use crate::run::{MAX_WAIT, TaskRun};
use crate::state::{State, StateNeed, States};
use crate::task::TaskError;
use crate::time::Monotonic;
use crate::trace::TraceContext;

/// What a running task knows and can do; cheap to clone.
#[derive(Clone)]
pub struct TaskContext(Arc<Inner>);

/// What all runs of one consumer share.
#[derive(Clone, Debug)]
pub struct ContextShared {
    manager: TaskManager,
    states: Arc<States>,
    port: Option<Arc<dyn AttemptPort>>,
}

struct Inner {
    run: TaskRun,
    shared: Arc<ContextShared>,
    cancellation: Cancellation,
    ends_by: Monotonic,
    /// The context that this one was made of, or of the task that runs this one inline.
    outer: Option<TaskContext>,
    /// What the attempt has kept, once it has.
    kept: OnceLock<Box<Kept>>,
}

/// A token that differs for every attempt of every run and grows with the attempts of one run.
///
/// Store it with an external effect, and refuse effects that carry a smaller attempt for the same
/// run: then a consumer that was paused past its lease cannot overwrite the work of its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct FencingToken {
    /// The run.
    pub run: RunId,
    /// The attempt, from 1.
    pub attempt: u32,
}

/// A parameter of a task that comes from the context and not from whoever queues it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something that a task receives from its context",
    note = "`TaskContext`, `&TaskContext` and `State<T>` are; everything else is a parameter of the run"
)]
pub trait FromContext: Sized {
    /// Returns the application state that it needs, if any.
    fn need() -> Option<StateNeed>;

    /// Takes it from the context.
    ///
    /// # Errors
    ///
    /// Returns an error if the application state is missing, which building the app rules out.
    fn from_context(context: &TaskContext) -> Result<Self, TaskError>;
}

impl FromContext for TaskContext {
    fn need() -> Option<StateNeed> {
        None
    }

    fn from_context(context: &TaskContext) -> Result<Self, TaskError> {
        Ok(context.clone())
    }
}

impl<T: Send + Sync + 'static> FromContext for State<T> {
    fn need() -> Option<StateNeed> {
        Some(StateNeed::of::<T>())
    }

    fn from_context(context: &TaskContext) -> Result<Self, TaskError> {
        context.state().ok_or_else(|| {
            let need = StateNeed::of::<T>();
            TaskError::fatal(anyhow::anyhow!(
                "no `State<{}>` was given to the app",
                need.type_name()
            ))
        })
    }
}

impl ContextShared {
    /// Creates what all runs of one consumer share.
    #[must_use]
    pub fn new(manager: TaskManager, states: Arc<States>) -> Self {
        Self {
            manager,
            states,
            port: None,
        }
    }

    /// Lets attempts reach whoever executes them; without it they run by themselves, as inline ones do.
    #[must_use]
    pub fn with_port(mut self, port: Arc<dyn AttemptPort>) -> Self {
        self.port = Some(port);
        self
    }
}

impl TaskContext {
    /// Creates the context of one attempt that must end by `ends_by`.
    #[must_use]
    pub fn new(run: TaskRun, shared: Arc<ContextShared>, ends_by: Monotonic) -> Self {
        Self(Arc::new(Inner {
            run,
            shared,
            cancellation: Cancellation::new(),
            ends_by,
            outer: None,
            kept: OnceLock::new(),
        }))
    }

    /// Creates the context of a task that runs inline, within another task if there is one: then it
    /// ends when that one does.
    pub(crate) fn inline(run: TaskRun, shared: Arc<ContextShared>, outer: Option<Self>) -> Self {
        let now = shared.manager.clock().monotonic();
        let ends_by = outer
            .as_ref()
            .map_or(now.saturating_add(MAX_WAIT), Self::ends_by);
        Self(Arc::new(Inner {
            run,
            shared,
            cancellation: Cancellation::new(),
            ends_by,
            outer,
            kept: OnceLock::new(),
        }))
    }

    /// Returns the same context with one more value of application state, in place of one of its type.
    ///
    /// For layers: a task finds it by [`TaskContext::state`], or in a parameter `State<T>`. Such a parameter
    /// needs a value that is given to the application as well, which this one takes the place of.
    #[must_use]
    pub fn with_state<T: Send + Sync + 'static>(&self, value: T) -> Self {
        let mut states = States::clone(&self.0.shared.states);
        states.insert(value);
        let mut shared = ContextShared::clone(&self.0.shared);
        shared.states = Arc::new(states);
        self.remade(self.0.run.clone(), Arc::new(shared))
    }

    /// Returns the same context in a trace; what the task queues is then in that trace.
    #[must_use]
    pub fn with_trace(&self, trace: TraceContext) -> Self {
        let mut run = self.0.run.clone();
        run.options.get_or_insert_default().set_trace(trace);
        self.remade(run, Arc::clone(&self.0.shared))
    }

    fn remade(&self, run: TaskRun, shared: Arc<ContextShared>) -> Self {
        Self(Arc::new(Inner {
            run,
            shared,
            cancellation: Cancellation::new(),
            ends_by: self.0.ends_by,
            outer: Some(self.clone()),
            kept: OnceLock::new(),
        }))
    }

    /// Returns the trace that the attempt belongs to, if there is one.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        self.0.run.trace()
    }

    /// Returns the identity of the run.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.0.run.id
    }

    /// Returns the run as it was when the attempt began.
    #[must_use]
    pub fn run(&self) -> &TaskRun {
        &self.0.run
    }

    /// Returns the number of the attempt, from 1; a release or a snooze counts as one too.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.run.tally.attempt
    }

    /// Returns the token to guard effects outside with.
    #[must_use]
    pub fn fencing_token(&self) -> FencingToken {
        FencingToken {
            run: self.id(),
            attempt: self.attempt(),
        }
    }

    /// Returns a manager whose runs become children of this run.
    #[must_use]
    pub fn task_manager(&self) -> TaskManager {
        self.0.shared.manager.for_children_of(self.clone())
    }

    /// Returns the application state of a type, if it was given.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<State<T>> {
        self.0.shared.states.get()
    }

    /// Returns whether the task should end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancellation().reason().is_some()
    }

    /// Waits until the task should end, and returns why.
    ///
    /// Also when the consumer stops: a task that then returns `Ok` says that it is done, and does not run again.
    /// Return what [`check_cancelled`](Self::check_cancelled) returns to end as the cancellation asks for: given back, or
    /// cancelled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn cancelled(&self) -> CancelReason {
        self.cancellation().cancelled().await.clone()
    }

    /// Returns an error if the task should end, to be passed on with `?` from within a loop.
    ///
    /// # Errors
    ///
    /// Returns an error that ends the attempt as the cancellation asks for: given back if the
    /// consumer stops, cancelled if somebody asked for it.
    pub fn check_cancelled(&self) -> Result<(), TaskError> {
        match self.cancellation().reason() {
            None => Ok(()),
            Some(CancelReason::ShuttingDown) => Err(TaskError::snooze(Duration::ZERO)),
            Some(CancelReason::Requested(reason)) => Err(TaskError::cancel(reason.as_str())),
            Some(reason) => Err(TaskError::msg(reason.clone())),
        }
    }

    /// Returns how long the attempt may still take.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        let now = self.0.shared.manager.clock().monotonic();
        self.0.ends_by.saturating_since(now)
    }

    /// Returns the time by which the attempt must end.
    #[must_use]
    pub fn ends_by(&self) -> Monotonic {
        self.0.ends_by
    }

    /// Reports how far the task is: `done` of `total`, or of an unknown amount if that is 0.
    ///
    /// The observers of the application see each report. Whoever looks the run up, in any process, sees the
    /// newest one that went to the broker, in [`TaskRun::progress`]: one goes with each heartbeat, so it costs
    /// nothing more than that to report often. What a run reports goes with its attempt, and after the lease is
    /// lost it changes nothing.
    ///
    /// A CPU task may report as often as it likes: of many reports a second, some arrive.
    pub fn progress(&self, done: u64, total: u64) {
        self.progress_with(done, total, "");
    }

    /// Reports how far the task is, with words: at most
    /// [`MAX_PROGRESS_TEXT_BYTES`](crate::event::MAX_PROGRESS_TEXT_BYTES), more is cut.
    pub fn progress_with(&self, done: u64, total: u64, text: &str) {
        let Inner { run, shared, .. } = &*self.0;
        let events = shared.manager.events();
        events.emit(|| {
            let kind = RunEventKind::Progress(Progress::new(done, total, text));
            RunEvent::new(run.id, run.task.clone(), run.queue.clone(), kind)
                .with_attempt(run.tally.attempt)
                .at(shared.manager.clock().now())
        });
        if let Some(port) = &shared.port {
            port.progress(run, Progress::new(done, total, text));
        }
    }

    /// Keeps a value for the attempts that follow: `.await` what this returns, or call `blocking()` on it in a
    /// synchronous task.
    ///
    /// Once that is `Ok`, [`last_checkpoint`](Self::last_checkpoint) finds it in every later attempt, whoever runs it:
    /// after a failure, a crash, a stop, a deploy. The newest counts. It goes with the end of the run. What a task does
    /// between two checkpoints it does again after a crash, so that this must be harmless.
    ///
    /// A value takes at most [`MAX_CHECKPOINT_BYTES`](crate::run::MAX_CHECKPOINT_BYTES). Each is one request to the broker,
    /// which moves the run with it: every second is often enough. A task that is run inline keeps it as long as it runs.
    pub fn checkpoint<T: Serialize + ?Sized>(&self, value: &T) -> Checkpointing<'_> {
        Checkpointing::new(self, encode(value))
    }

    /// Returns the last checkpoint of the run: of this attempt, or of one before it; `None` if there is none.
    ///
    /// It came with the run: this asks nobody.
    ///
    /// # Errors
    ///
    /// Returns an error if the value does not fit `T`, as after a deploy that has changed the type. The task decides
    /// what that means: to begin anew, or to fail.
    pub fn last_checkpoint<T: DeserializeOwned>(&self) -> Result<Option<T>, PayloadError> {
        let value = self.kept().and_then(Kept::newest).or_else(|| {
            let checkpoint = self.0.run.checkpoint.as_ref();
            checkpoint.map(|checkpoint| checkpoint.value.clone())
        });
        value.map(|value| value.decode()).transpose()
    }

    /// Returns what this attempt has kept, if it has kept something.
    fn kept(&self) -> Option<&Kept> {
        match self.same_attempt() {
            Some(outer) => outer.kept(),
            None => self.0.kept.get().map(|kept| &**kept),
        }
    }

    /// Returns where this attempt notes what it keeps.
    pub(crate) fn keeping(&self) -> &Kept {
        match self.same_attempt() {
            Some(outer) => outer.keeping(),
            None => self.0.kept.get_or_init(Box::default),
        }
    }

    /// Returns the context that this one was made of, if it is of the same attempt.
    fn same_attempt(&self) -> Option<&Self> {
        self.0
            .outer
            .as_ref()
            .filter(|outer| outer.id() == self.id())
    }

    /// Returns the way to whoever executes the attempt, if it is not inline.
    pub(crate) fn port(&self) -> Option<&Arc<dyn AttemptPort>> {
        self.0.shared.port.as_ref()
    }

    /// Returns whether the return value will be kept, or taken by a follow-up.
    #[must_use]
    pub fn keeps_result(&self) -> bool {
        self.0.run.needs_result()
    }

    /// Returns the signal that ends the task, for whoever executes it.
    #[must_use]
    pub fn cancellation(&self) -> &Cancellation {
        match &self.0.outer {
            Some(outer) => outer.cancellation(),
            None => &self.0.cancellation,
        }
    }
}

impl fmt::Debug for TaskContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskContext")
            .field("run", &self.id())
            .field("task", &self.0.run.task)
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.run, self.attempt)
    }
}
