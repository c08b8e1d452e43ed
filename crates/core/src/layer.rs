//! Layers: code of the application around each attempt, and before each enqueue.
//!
//! An [`AttemptLayer`] wraps tasks, so that a task without layers is what it always was. An
//! [`EnqueueLayer`] belongs to a task manager.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use crate::context::TaskContext;
use crate::manager::{QueueError, QueueErrorKind};
use crate::payload::Payload;
use crate::queue::QueuedTask;
use crate::task::{InvalidParams, Task, TaskDefinition, TaskErrorKind, TaskFuture, TaskResult};

/// Code around each attempt of a task: to time it, to give it state, to end it before it begins.
///
/// It runs where the body of the task runs, as a part of it: under the time limit of the attempt, dropped
/// with it, and a panic in it is a panic of the task. Layers nest in the order of their adding: the
/// first is outermost.
///
/// ```
/// use aqueduct_core::layer::{AttemptLayer, Next};
/// use aqueduct_core::task::TaskResult;
/// use aqueduct_core::{TaskContext, TaskError};
///
/// /// Lets nothing run on a day off.
/// struct DaysOff;
///
/// impl AttemptLayer for DaysOff {
///     async fn attempt(&self, context: TaskContext, next: Next<'_>) -> TaskResult {
///         if is_day_off() {
///             return Err(TaskError::snooze(std::time::Duration::from_hours(24)));
///         }
///         next.run(context).await
///     }
/// }
/// # fn is_day_off() -> bool { false }
/// ```
pub trait AttemptLayer: Send + Sync + 'static {
    /// Runs one attempt: calls `next`, or returns how the attempt ends without it.
    ///
    /// A task whose parameters do not fit ends `next` with an error of the kind
    /// [`TaskErrorKind::InvalidParams`]; passed on, it sets the run aside as without layers.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped on time-out, cancellation and loss of the lease, as that of a task is.
    fn attempt(
        &self,
        context: TaskContext,
        next: Next<'_>,
    ) -> impl Future<Output = TaskResult> + Send;
}

/// Code before each enqueue: sees and changes the task, or refuses it.
///
/// It sees every task that a manager queues, with those that tasks queue, in worker processes too. Runs
/// that a schedule fires are not queued by a manager. Layers are called in the order of their adding.
///
/// ```
/// use aqueduct_core::layer::EnqueueLayer;
/// use aqueduct_core::manager::QueueError;
/// use aqueduct_core::{QueueName, QueuedTask, TaskContext};
///
/// /// Puts whatever a run queues where that run was.
/// struct SameQueue;
///
/// impl EnqueueLayer for SameQueue {
///     fn on_enqueue(
///         &self,
///         task: &mut QueuedTask,
///         parent: Option<&TaskContext>,
///     ) -> Result<(), QueueError> {
///         if let Some(parent) = parent {
///             task.queue = parent.run().queue.clone();
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait EnqueueLayer: Send + Sync + 'static {
    /// Sees a task before it leaves; `parent` is the run that queues it, if one does.
    ///
    /// It runs on the thread of whoever queues, so it must not block. A panic is an error of the call.
    ///
    /// # Errors
    ///
    /// Returns an error to refuse the task; whoever queues gets it.
    fn on_enqueue(
        &self,
        task: &mut QueuedTask,
        parent: Option<&TaskContext>,
    ) -> Result<(), QueueError>;
}

/// What lies within a layer: the next layer, and at last the task.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    layers: &'a [Arc<dyn ErasedLayer>],
    task: &'a dyn Task,
}

/// Layers around attempts, the first outermost; cheap to clone.
///
/// `App::layer` is all that an application needs, unless it has CPU tasks: their bodies run in worker
/// processes, so the list that the hook of the worker gets must have the layers around it.
#[derive(Clone, Default)]
pub struct Layers(Vec<Arc<dyn ErasedLayer>>);

/// The object-safe form of [`AttemptLayer`].
trait ErasedLayer: Send + Sync {
    fn attempt<'a>(&'a self, context: TaskContext, next: Next<'a>) -> AttemptFuture<'a>;
}

type AttemptFuture<'a> = Pin<Box<dyn Future<Output = TaskResult> + Send + 'a>>;

/// A task with layers around it.
struct Layered {
    layers: Arc<[Arc<dyn ErasedLayer>]>,
    task: Arc<dyn Task>,
}

impl Next<'_> {
    /// Returns the definition of the task that is about to run.
    #[must_use]
    pub fn definition(&self) -> &TaskDefinition {
        self.task.definition()
    }

    /// Runs what lies within, in this context: the one that the layer got, or one that it made of that.
    ///
    /// # Errors
    ///
    /// Returns the error of the task, or of a layer within.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the task where it is.
    pub async fn run(self, context: TaskContext) -> TaskResult {
        let Self { layers, task } = self;
        match layers.split_first() {
            Some((layer, layers)) => layer.attempt(context, Next { layers, task }).await,
            None => match task.start(context) {
                Ok(attempt) => attempt.await,
                Err(problem) => Err(TaskErrorKind::InvalidParams(problem).into()),
            },
        }
    }
}

impl Layers {
    /// Creates a list without a layer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer, within those that are there.
    #[must_use]
    pub fn with(mut self, layer: impl AttemptLayer) -> Self {
        self.0.push(Arc::new(layer));
        self
    }

    /// Puts the layers around tasks; without layers, returns them as they are.
    #[must_use]
    pub fn around(&self, tasks: impl IntoIterator<Item = Arc<dyn Task>>) -> Vec<Arc<dyn Task>> {
        let tasks = tasks.into_iter();
        if self.0.is_empty() {
            return tasks.collect();
        }
        let layers: Arc<[_]> = self.0.clone().into();
        let layered = |task| -> Arc<dyn Task> {
            let layers = Arc::clone(&layers);
            Arc::new(Layered { layers, task })
        };
        tasks.map(layered).collect()
    }
}

impl<L: AttemptLayer> ErasedLayer for L {
    fn attempt<'a>(&'a self, context: TaskContext, next: Next<'a>) -> AttemptFuture<'a> {
        Box::pin(AttemptLayer::attempt(self, context, next))
    }
}

impl Task for Layered {
    fn definition(&self) -> &TaskDefinition {
        self.task.definition()
    }

    fn check(&self, params: &Payload) -> Result<(), InvalidParams> {
        self.task.check(params)
    }

    fn start(&self, context: TaskContext) -> Result<TaskFuture, InvalidParams> {
        let (layers, task) = (Arc::clone(&self.layers), Arc::clone(&self.task));
        Ok(Box::pin(async move {
            let next = Next {
                layers: &layers,
                task: &*task,
            };
            next.run(context).await
        }))
    }
}

/// Shows a task to the layers, in order, until one refuses it.
pub(crate) fn before_enqueue(
    layers: &[Arc<dyn EnqueueLayer>],
    task: &mut QueuedTask,
    parent: Option<&TaskContext>,
) -> Result<(), QueueError> {
    let id = task.id;
    for layer in layers {
        // A manager serves workers as well: what a layer panics with must not end the consumer.
        let called = AssertUnwindSafe(|| layer.on_enqueue(task, parent));
        catch_unwind(called).unwrap_or_else(|panic| Err(panicked(&*panic)))?;
    }
    // An id that a layer has chosen may be known already.
    task.has_new_id &= task.id == id;
    Ok(())
}

fn panicked(panic: &(dyn Any + Send)) -> QueueError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let message = format!("an enqueue layer panicked: {}", text.unwrap_or("no text"));
    QueueError::new(QueueErrorKind::Refused, message)
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next")
            .field("layers", &self.layers.len())
            .field("task", &self.task)
            .finish()
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Layers({})", self.0.len())
    }
}

impl fmt::Debug for Layered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layered")
            .field("layers", &self.layers.len())
            .field("task", &self.task)
            .finish()
    }
}
