//! The task manager: queues tasks, looks runs up, cancels them, runs a task inline.

mod blocking;
mod by_name;
mod call;
mod error;
mod follow_up;
mod handle;
mod inline;
mod keyed;
mod options;
mod port;
mod queue_and_wait;
mod repeated;
mod room;
mod target;
mod wait;

pub(crate) use blocking::wait_for;
pub use call::{Queue, TaskCall};
pub use error::{QueueError, QueueErrorKind};
pub use follow_up::{FollowUp, NextStep};
pub use handle::RunHandle;
pub use inline::InlineError;
pub use port::{PortFuture, QueuePort};
pub use queue_and_wait::{KEPT_FOR_A_WAIT, QueueAndWait};
pub use target::QueueTarget;
pub use wait::{Wait, WaitError};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::context::TaskContext;
use crate::event::{Events, RunEvent, RunEventKind};
use crate::id::RunId;
use crate::layer::{EnqueueLayer, before_enqueue};
use crate::name::TaskName;
use crate::payload::Params;
use crate::queue::{Enqueued, QueuedTask};
use crate::registry::TaskRegistry;
use crate::run::{CancelAnswer, Lineage, Reason, TaskRun, WaitAnswer};
use crate::state::States;
use crate::time::Timestamp;
use handle::Sent;
use keyed::check_keys;
use options::settle_options;

/// Queues tasks, looks runs up and cancels them; cheap to clone.
#[derive(Clone)]
pub struct TaskManager {
    shared: Arc<Shared>,
    /// The run whose task queues with this manager.
    parent: Option<TaskContext>,
    /// How long it waits for room in a full queue.
    patience: Option<Duration>,
}

struct Shared {
    registry: Arc<TaskRegistry>,
    port: Arc<dyn QueuePort>,
    clock: Clock,
    events: Events,
    states: Arc<States>,
    layers: Vec<Arc<dyn EnqueueLayer>>,
}

/// The most tasks that one call of [`TaskManager::queue_many`] sends to the broker at once.
pub const MAX_ENQUEUE_BATCH: usize = 512;

/// The bytes of parameters with which a request has enough tasks: it ends with the one that reaches them.
///
/// On its way a request is there several times, encoded and in the buffers of its connection.
pub const ENOUGH_ENQUEUE_BYTES: usize = 4 * 1024 * 1024;

impl TaskManager {
    /// Creates a manager over the tasks of `registry` that queues through `port`.
    #[must_use]
    pub fn new(registry: Arc<TaskRegistry>, port: Arc<dyn QueuePort>) -> Self {
        let shared = Shared {
            registry,
            port,
            clock: Clock::system(),
            events: Events::none(),
            states: Arc::default(),
            layers: Vec::new(),
        };
        Self {
            shared: Arc::new(shared),
            parent: None,
            patience: None,
        }
    }

    /// Uses another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        self.rebuild(|shared| shared.clock = clock)
    }

    /// Tells `events` what was queued.
    #[must_use]
    pub fn with_events(self, events: Events) -> Self {
        self.rebuild(|shared| shared.events = events)
    }

    /// Gives application state to tasks that are run inline.
    #[must_use]
    pub fn with_states(self, states: Arc<States>) -> Self {
        self.rebuild(|shared| shared.states = states)
    }

    /// Shows each task that is queued to a layer, behind those that are there.
    #[must_use]
    pub fn with_enqueue_layer(self, layer: Arc<dyn EnqueueLayer>) -> Self {
        self.rebuild(|shared| shared.layers.push(layer))
    }

    fn rebuild(self, change: impl FnOnce(&mut Shared)) -> Self {
        let mut shared = Shared {
            registry: Arc::clone(&self.shared.registry),
            port: Arc::clone(&self.shared.port),
            clock: self.shared.clock.clone(),
            events: self.shared.events.clone(),
            states: Arc::clone(&self.shared.states),
            layers: self.shared.layers.clone(),
        };
        change(&mut shared);
        Self {
            shared: Arc::new(shared),
            parent: self.parent,
            patience: self.patience,
        }
    }

    /// Returns a manager whose runs are children of a run.
    pub(crate) fn for_children_of(&self, parent: TaskContext) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            parent: Some(parent),
            patience: self.patience,
        }
    }

    /// Returns the manager for what has nothing to do with a parent.
    fn without_parent(self) -> Self {
        Self {
            parent: None,
            ..self
        }
    }

    /// Queues a task by name; the name and the parameters are checked against the registry.
    ///
    /// Returns a builder: set a delay, a priority and so on, then `.await` it. Prefer the typed form
    /// `name::queue(&manager, …)`, which the compiler checks.
    pub fn queue(&self, task: &str, params: impl Into<Params>) -> Queue<'_, ()> {
        Queue::new(self, self.call(task, params))
    }

    fn checked_call(&self, name: &str, params: Params) -> TaskCall<()> {
        let Some(task) = self.shared.registry.get(name) else {
            return TaskCall::broken(QueueError::unknown_task(
                name,
                self.shared.registry.nearest(name),
            ));
        };
        let call = TaskCall::new(task.definition(), params.into_payload());
        call.checked(|payload| task.check(payload))
    }

    /// Queues many tasks, in order, in batches; returns one handle a task.
    ///
    /// A batch has [`MAX_ENQUEUE_BATCH`] tasks, or fewer with [`ENOUGH_ENQUEUE_BYTES`] of parameters. Calls are taken from
    /// the iterator batch by batch: those of a lazy one are never in memory all at once.
    ///
    /// # Errors
    ///
    /// Returns the first error. The tasks of the batches before it are queued, and of its own batch those that were not
    /// refused themselves: a key that is taken, or a queue that is full, keeps no other task out. Before you queue the rest
    /// anew give each call an [`idempotency_key`](TaskCall::idempotency_key): then none is queued twice.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave any number of whole batches queued.
    pub async fn queue_many<Out>(
        &self,
        calls: impl IntoIterator<Item = TaskCall<Out>, IntoIter: Send> + Send,
    ) -> Result<Vec<RunHandle<Out>>, QueueError> {
        let mut calls = calls.into_iter();
        let mut handles = Vec::new();
        loop {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while batch.len() < MAX_ENQUEUE_BATCH
                && bytes < ENOUGH_ENQUEUE_BYTES
                && let Some(call) = calls.next()
            {
                let task = self.resolve(call)?;
                bytes += task.weight();
                batch.push(task);
            }
            if batch.is_empty() {
                return Ok(handles);
            }
            let sent: Vec<_> = batch.iter().map(Sent::of).collect();
            let answers = self.send(batch).await?;
            for (sent, answer) in sent.into_iter().zip(answers) {
                handles.push(RunHandle::from_answer(self, sent, answer)?);
            }
        }
    }

    /// Sends tasks to the broker without a check against the registry; enqueue layers see them.
    ///
    /// # Errors
    ///
    /// Returns an error if a layer refuses one of them: then none is sent. Returns an error if the broker
    /// did not answer: then it is unknown whether it keeps them.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the tasks queued or not.
    pub async fn queue_tasks(
        &self,
        mut tasks: Vec<QueuedTask>,
    ) -> Result<Vec<Enqueued>, QueueError> {
        for task in &mut tasks {
            self.show_to_layers(task)?;
        }
        self.send(tasks).await
    }

    fn show_to_layers(&self, task: &mut QueuedTask) -> Result<(), QueueError> {
        before_enqueue(&self.shared.layers, task, self.parent.as_ref())
    }

    /// Sends tasks that the layers have seen, and waits for room as long as this manager does.
    pub(crate) async fn send(&self, tasks: Vec<QueuedTask>) -> Result<Vec<Enqueued>, QueueError> {
        match self.patience {
            Some(patience) => self.send_until_room(tasks, patience).await,
            None => self.send_once(tasks).await,
        }
    }

    async fn send_once(&self, tasks: Vec<QueuedTask>) -> Result<Vec<Enqueued>, QueueError> {
        if !self.shared.events.is_observed() {
            return self.shared.port.enqueue(tasks).await;
        }
        let names: Vec<_> = tasks
            .iter()
            .map(|task| (task.id, task.task.clone(), task.queue.clone()))
            .collect();
        let answers = self.shared.port.enqueue(tasks).await?;
        for ((id, task, queue), answer) in names.into_iter().zip(&answers) {
            let event = match *answer {
                Enqueued::Accepted(_) => RunEvent::new(id, task, queue, RunEventKind::Queued),
                Enqueued::Replaced(run) => {
                    RunEvent::new(run, task, queue, RunEventKind::Replaced { by: id })
                }
                _ => continue,
            };
            self.shared
                .events
                .emit(|| event.at(self.shared.clock.now()));
        }
        Ok(answers)
    }

    pub(crate) async fn queue_call<Out>(
        &self,
        call: TaskCall<Out>,
    ) -> Result<RunHandle<Out>, QueueError> {
        let task = self.resolve(call)?;
        let sent = Sent::of(&task);
        let answers = self.send(vec![task]).await?;
        let answer = answers
            .into_iter()
            .next()
            .ok_or_else(QueueError::no_answer)?;
        RunHandle::from_answer(self, sent, answer)
    }

    /// Gives a call its identity and its lineage.
    fn resolve<Out>(&self, call: TaskCall<Out>) -> Result<QueuedTask, QueueError> {
        let now = self.shared.clock.now();
        let id = RunId::generate(now);
        self.complete(call.into_queued(id, self.lineage_of(id))?, now)
    }

    /// Completes a task that has a new identity.
    pub(crate) fn complete(
        &self,
        mut task: QueuedTask,
        now: Timestamp,
    ) -> Result<QueuedTask, QueueError> {
        task.has_new_id = true;
        self.inherit_trace(&mut task);
        self.show_to_layers(&mut task)?;
        check_keys(&task)?;
        settle_options(&mut task, now)?;
        Ok(task)
    }

    /// Puts what a task queues into the trace of its run, unless the call names one.
    fn inherit_trace(&self, task: &mut QueuedTask) {
        let trace = self.parent.as_ref().and_then(TaskContext::trace);
        if let Some(trace) = trace
            && task.trace().is_none()
        {
            task.options_mut().set_trace(trace);
        }
    }

    pub(crate) fn lineage_of(&self, id: RunId) -> Lineage {
        let parent = self.parent.as_ref().map(TaskContext::run);
        parent.map_or(Lineage::root_of(id), |parent| {
            Lineage::child_of(parent.id, parent.lineage.root)
        })
    }

    /// Returns a run as the broker knows it now, if it still does.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn find(&self, run: RunId) -> Result<Option<TaskRun>, QueueError> {
        self.shared.port.find(run).await
    }

    /// Asks for the end of a run; the answer says what happened.
    ///
    /// A run that waits is cancelled at once; a running task is told, and ends soon.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the run cancelled or not.
    pub async fn cancel(
        &self,
        run: RunId,
        reason: impl Into<String>,
    ) -> Result<CancelAnswer, QueueError> {
        self.shared.port.cancel(run, Reason::new(reason)).await
    }

    /// Waits until a run that keeps its result has ended, at most so long.
    ///
    /// Prefer [`RunHandle::wait`], which returns the value.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker refused, or cannot let wait.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn wait_ended(
        &self,
        run: RunId,
        at_most: Duration,
    ) -> Result<WaitAnswer, QueueError> {
        self.shared.port.wait_ended(run, at_most).await
    }

    /// Returns the names of the registered tasks, sorted.
    #[must_use]
    pub fn task_names(&self) -> Vec<TaskName> {
        let definitions = self.shared.registry.definitions();
        definitions
            .into_iter()
            .map(|definition| definition.name().clone())
            .collect()
    }

    /// Returns the registered tasks.
    #[must_use]
    pub fn registry(&self) -> &Arc<TaskRegistry> {
        &self.shared.registry
    }

    /// Returns where events go.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.shared.events
    }

    /// Returns the clock in use.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }
}

impl fmt::Debug for TaskManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskManager")
            .field("port", &self.shared.port)
            .field("parent", &self.parent)
            .finish_non_exhaustive()
    }
}
