//! A call of a task: its parameters and options, not yet queued.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use super::TaskManager;
use super::error::{QueueError, QueueErrorKind};
use super::follow_up::FollowUp;
use super::handle::RunHandle;
use super::keyed::{Keyed, TWO_WAITS};
use super::queue_and_wait::QueueAndWait;
use super::target::QueueTarget;
use crate::id::RunId;
use crate::name::QueueName;
use crate::payload::{Payload, PayloadError, PayloadErrorKind};
use crate::priority::Priority;
use crate::queue::{Due, QueuedTask};
use crate::run::{Fair, FairWeight, Limit, Lineage, MAX_WAIT};
use crate::task::{InvalidParams, TaskDefinition, UniqueTemplate};
use crate::time::Timestamp;
use crate::trace::TraceContext;

/// A call of a task that returns `Out`: parameters and options, not yet queued.
///
/// An error in it, such as parameters that cannot be encoded, is returned when it is queued.
#[must_use = "a call does nothing until it is queued or run"]
pub struct TaskCall<Out> {
    pub(super) task: Result<QueuedTask, QueueError>,
    /// Which option made its unique key.
    pub(super) keyed: Keyed,
    output: PhantomData<fn() -> Out>,
}

/// A call on its way: `.await` it to queue the task.
#[must_use = "nothing is queued until this is awaited"]
pub struct Queue<'m, Out> {
    manager: TaskManager,
    call: TaskCall<Out>,
    target: PhantomData<&'m ()>,
}

impl<Out> TaskCall<Out> {
    /// Creates a call from a definition and encoded parameters.
    pub fn new(definition: &TaskDefinition, params: Result<Payload, PayloadError>) -> Self {
        let encoded = params.map_err(|error| not_encodable(&error));
        let is_debounced = definition.unique().is_some_and(|it| it.wait().is_some());
        Self {
            task: encoded.and_then(|params| as_defined(definition, params)),
            keyed: if is_debounced {
                Keyed::DebouncedTask
            } else {
                Keyed::No
            },
            output: PhantomData,
        }
    }

    pub(super) fn broken(error: QueueError) -> Self {
        Self {
            task: Err(error),
            keyed: Keyed::No,
            output: PhantomData,
        }
    }

    /// Keeps the call if `check` accepts its parameters.
    pub(super) fn checked(self, check: impl FnOnce(&Payload) -> Result<(), InvalidParams>) -> Self {
        let task = self.task.and_then(|task| match check(&task.payload) {
            Ok(()) => Ok(task),
            Err(error) => Err(QueueError::new(
                QueueErrorKind::InvalidParams,
                error.to_string(),
            )),
        });
        Self {
            task,
            keyed: self.keyed,
            output: PhantomData,
        }
    }

    /// Queues the call on a manager, or on the context of a running task.
    ///
    /// # Errors
    ///
    /// Returns an error if the call cannot be encoded, or the broker refused it or did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the task queued or not.
    pub async fn queue(
        self,
        target: &(impl QueueTarget + Sync + ?Sized),
    ) -> Result<RunHandle<Out>, QueueError> {
        target.manager().queue_call(self).await
    }

    /// Queues the call, and waits for the value that its task returns: `.await` what this returns.
    ///
    /// The result is kept for [`KEPT_FOR_A_WAIT`](super::KEPT_FOR_A_WAIT), unless the call or its task
    /// says otherwise.
    pub fn queue_and_wait(self, target: &(impl QueueTarget + ?Sized)) -> QueueAndWait<'_, Out> {
        QueueAndWait::new(target, self)
    }

    /// Keeps the result for so long, unless something else was asked for.
    pub(crate) fn keeping_for(self, retention: Duration) -> Self {
        self.change(|task| {
            task.options_mut().keep_result.get_or_insert(retention);
        })
    }

    /// Forgets what the task returns.
    pub(crate) fn untyped(self) -> TaskCall<()> {
        TaskCall {
            task: self.task,
            keyed: self.keyed,
            output: PhantomData,
        }
    }

    /// Gives the call its identity, as the run `id` in the family of `lineage`.
    ///
    /// # Errors
    ///
    /// Returns the error that the call was built with.
    pub fn into_queued(self, id: RunId, lineage: Lineage) -> Result<QueuedTask, QueueError> {
        let mut task = self.task?;
        task.id = id;
        task.lineage = lineage;
        Ok(task)
    }

    /// Sets when the run starts; a time and a delay exclude each other.
    fn start(self, due: Due) -> Self {
        if self.keyed.is_debounced() {
            return self.fail(QueueErrorKind::Contradiction, TWO_WAITS.to_owned());
        }
        let before = self.task.as_ref().map_or(Due::Now, |task| task.due);
        if matches!(
            (before, due),
            (Due::After(_), Due::At(_)) | (Due::At(_), Due::After(_))
        ) {
            let problem = "`delay` and `at` contradict each other: set one of them".to_owned();
            return self.fail(QueueErrorKind::Contradiction, problem);
        }
        self.change(|task| task.due = due)
    }

    pub(super) fn change(mut self, change: impl FnOnce(&mut QueuedTask)) -> Self {
        if let Ok(task) = &mut self.task {
            change(task);
        }
        self
    }

    pub(super) fn fail(self, kind: QueueErrorKind, message: String) -> Self {
        let task = self.task.and(Err(QueueError::new(kind, message)));
        Self {
            task,
            keyed: self.keyed,
            output: PhantomData,
        }
    }
}

impl<'m, Out> Queue<'m, Out> {
    /// Creates a call that will be queued on `target` when it is awaited.
    pub fn new(target: &'m (impl QueueTarget + ?Sized), call: TaskCall<Out>) -> Self {
        Self {
            manager: target.manager(),
            call,
            target: PhantomData,
        }
    }

    pub(super) fn map(mut self, change: impl FnOnce(TaskCall<Out>) -> TaskCall<Out>) -> Self {
        self.call = change(self.call);
        self
    }
}

/// Writes each option once, for the bare call and for the call on its way.
macro_rules! call_options {
    ($($(#[$doc:meta])* fn $name:ident($self:ident $(, $arg:ident: $type:ty)+) $body:block)*) => {
        impl<Out> TaskCall<Out> {
            $($(#[$doc])* pub fn $name($self $(, $arg: $type)+) -> Self $body)*
        }

        impl<Out> Queue<'_, Out> {
            $($(#[$doc])* pub fn $name(self $(, $arg: $type)+) -> Self {
                self.map(|call| call.$name($($arg),+))
            })*
        }
    };
}

pub(super) use call_options;

/// Writes each option for the follow-up as well.
macro_rules! common_options {
    ($($(#[$doc:meta])* fn $name:ident($self:ident, $arg:ident: $type:ty) $body:block)*) => {
        call_options! { $($(#[$doc])* fn $name($self, $arg: $type) $body)* }

        impl<F> FollowUp<F> {
            $($(#[$doc])* pub fn $name(self, $arg: $type) -> Self {
                self.map(|call| call.$name($arg))
            })*
        }
    };
}

common_options! {
    /// Starts the run no sooner than `wait` after the broker accepts it; at most a year.
    fn delay(self, wait: Duration) {
        if let Some(problem) = too_long("a delay", wait) {
            return self.fail(QueueErrorKind::LimitExceeded, problem);
        }
        self.start(Due::After(wait))
    }

    /// Starts the run no sooner than `time`, by the broker's clock.
    fn at(self, time: Timestamp) {
        self.start(Due::At(time))
    }

    /// Sets the place among the waiting.
    fn priority(self, priority: Priority) {
        self.change(|task| task.priority = priority)
    }

    /// Sets the queue to wait in.
    fn queue_name(self, queue: QueueName) {
        self.change(|task| task.queue = queue)
    }

    /// Lets the run expire if it has not started `wait` after the broker accepted it; at most a year.
    ///
    /// A consumer's claim or heartbeat ends it then: as long as none lives, it stays where it is.
    fn expires_in(self, wait: Duration) {
        if let Some(problem) = too_long("an expiry", wait) {
            return self.fail(QueueErrorKind::LimitExceeded, problem);
        }
        self.change(|task| task.expires_in = Some(wait))
    }

    /// Fails the run if it has not ended `limit` after it was due, all its attempts and the waits between
    /// them included; at most a year.
    ///
    /// A running attempt ends then, as with its own limit; a retry that would begin later does not. A run
    /// that waits is failed when its turn comes.
    fn total_timeout(self, limit: Duration) {
        if limit < Duration::from_millis(1) {
            let problem = "a total time limit is at least 1 ms".to_owned();
            return self.fail(QueueErrorKind::LimitExceeded, problem);
        }
        if let Some(problem) = too_long("a total time limit", limit) {
            return self.fail(QueueErrorKind::LimitExceeded, problem);
        }
        self.change(|task| task.options_mut().total_timeout = Some(limit))
    }

    /// Adds a limit that the run shares with all that name its key, or takes its place if it has that limit.
    fn limit(self, limit: Limit) {
        let mut problem = None;
        let call = self.change(|task| problem = task.options_mut().limits.set(limit).err());
        match problem {
            None => call,
            Some(error) => call.fail(QueueErrorKind::LimitExceeded, error.to_string()),
        }
    }

    /// Lets the run take turns with those of other fair keys in its queue, lane and priority.
    fn fair(self, fair: Fair) {
        self.change(|task| task.options_mut().fair = Some(fair))
    }

    /// Sets how many runs of its fair key start in one turn; refused without such a key.
    fn fair_weight(self, weight: u16) {
        let weight = match FairWeight::new(weight) {
            Ok(weight) => weight,
            Err(error) => return self.fail(QueueErrorKind::LimitExceeded, error.to_string()),
        };
        let mut has_key = true;
        let call = self.change(|task| {
            let fair = task.options.as_mut().and_then(|it| it.fair.as_mut());
            has_key = fair.map(|fair| fair.weight = weight).is_some();
        });
        if has_key {
            return call;
        }
        let problem = "`fair_weight` without a fair key: give the call or its task one with `fair`";
        call.fail(QueueErrorKind::Contradiction, problem.to_owned())
    }

    /// Puts the run into a trace; without this, what a task queues is in the trace of its run.
    fn trace(self, trace: TraceContext) {
        self.change(|task| task.options_mut().set_trace(trace))
    }

    /// Keeps the finished run and its result for this long, at most a year.
    ///
    /// A broker keeps a bounded number of finished runs; see its documentation.
    fn keep_result(self, retention: Duration) {
        if let Some(problem) = too_long("a retention", retention) {
            return self.fail(QueueErrorKind::LimitExceeded, problem);
        }
        self.change(|task| task.options_mut().keep_result = Some(retention))
    }
}

impl<'m, Out: 'm> IntoFuture for Queue<'m, Out> {
    type Output = Result<RunHandle<Out>, QueueError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'm>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.manager.queue_call(self.call).await })
    }
}

impl<Out> fmt::Debug for TaskCall<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskCall")
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}

impl<Out> fmt::Debug for Queue<'_, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

/// Returns the task to queue with these parameters, as its definition says.
fn as_defined(definition: &TaskDefinition, params: Payload) -> Result<QueuedTask, QueueError> {
    let options = definition.options_for(&params).map_err(|error| {
        let message = format!("task `{}` cannot be queued: {error}", definition.name());
        QueueError::new(QueueErrorKind::InvalidParams, message)
    })?;
    let mut task = QueuedTask::new(UNASSIGNED, definition.name().clone(), params);
    task.queue = definition.queue().clone();
    task.lane = definition.lane();
    task.priority = definition.priority();
    task.expires_in = definition.expires_in();
    task.options = options;
    if let Some(wait) = definition.unique().and_then(UniqueTemplate::wait) {
        task.due = Due::After(wait);
    }
    Ok(task)
}

fn not_encodable(error: &PayloadError) -> QueueError {
    let kind = match error.kind() {
        PayloadErrorKind::TooLarge | PayloadErrorKind::TooDeep => QueueErrorKind::LimitExceeded,
        _ => QueueErrorKind::InvalidParams,
    };
    QueueError::new(kind, format!("the parameters cannot be sent: {error}"))
}

fn too_long(what: &str, wait: Duration) -> Option<String> {
    (wait > MAX_WAIT).then(|| format!("{what} is at most a year (365 days), this one is {wait:?}"))
}

/// Stands in until the manager gives the call its identity.
const UNASSIGNED: RunId = RunId::from_u128(0);
