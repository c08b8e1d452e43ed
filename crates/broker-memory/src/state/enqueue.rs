//! The step that stores runs.

use std::collections::HashMap;

use aqueduct_broker_api::{BrokerError, EnqueueRequest, Enqueued, MAX_ENQUEUE_BATCH};
use aqueduct_core::run::{TaskRun, UniqueKey};
use aqueduct_core::{QueuedTask, RunId, RunState, Timestamp};

use super::State;
use super::queues::End;
use super::slots::{Place, Stored};

impl State {
    pub(crate) fn enqueue(
        &mut self,
        request: &EnqueueRequest,
        now: Timestamp,
    ) -> Result<Vec<Enqueued>, BrokerError> {
        let EnqueueRequest {
            producer,
            sequence,
            ref tasks,
            ..
        } = *request;
        BrokerError::check_batch("enqueue", tasks.len(), MAX_ENQUEUE_BATCH)?;
        if let Some(answers) = self
            .producers
            .window(producer, now)
            .look_up(sequence, "enqueue")?
        {
            return Ok(answers.clone());
        }
        let mut answers = Vec::with_capacity(tasks.len());
        for together in tasks.chunk_by(|_, next| next.with_previous) {
            self.enqueue_together(together, now, &mut answers);
        }
        self.producers
            .window(producer, now)
            .record(sequence, answers.clone());
        Ok(answers)
    }

    /// Stores tasks that belong together: all of them or none.
    fn enqueue_together(
        &mut self,
        tasks: &[QueuedTask],
        now: Timestamp,
        answers: &mut Vec<Enqueued>,
    ) {
        if let [task] = tasks {
            answers.push(self.enqueue_one(task, now));
        } else if tasks
            .iter()
            .any(|task| self.slots.slot_of(task.id).is_some())
        {
            answers.extend(tasks.iter().map(|task| Enqueued::Duplicate(task.id)));
        } else if let Some(holder) = tasks.iter().find_map(|task| self.duplicate_of(task)) {
            answers.extend(tasks.iter().map(|_| Enqueued::Duplicate(holder)));
        } else if !self.has_room_for(tasks) {
            answers.extend(tasks.iter().map(|_| Enqueued::QueueFull));
        } else {
            answers.extend(tasks.iter().map(|task| self.enqueue_one(task, now)));
        }
    }

    fn has_room_for(&mut self, tasks: &[QueuedTask]) -> bool {
        let mut wanted: HashMap<usize, u64> = HashMap::new();
        for task in tasks {
            *wanted
                .entry(self.queues.number_of(&task.queue))
                .or_default() += 1;
        }
        wanted
            .into_iter()
            .all(|(queue, number)| !self.is_full(queue, number))
    }

    pub(super) fn enqueue_one(&mut self, task: &QueuedTask, now: Timestamp) -> Enqueued {
        if let Some(holder) = self.duplicate_of(task) {
            return Enqueued::Duplicate(holder);
        }
        let queue = self.queues.number_of(&task.queue);
        if self.is_full(queue, 1) {
            return Enqueued::QueueFull;
        }
        Enqueued::Accepted(self.store(TaskRun::accept(task.clone(), now), queue))
    }

    /// Returns the run that stands in the way: of the same id, or with the same unique key.
    fn duplicate_of(&self, task: &QueuedTask) -> Option<RunId> {
        if self.slots.slot_of(task.id).is_some() {
            return Some(task.id);
        }
        let key = unique_key(task)?;
        self.unique.get(key).copied()
    }

    /// Returns whether a queue has no room for so many more.
    fn is_full(&self, queue: usize, number: u64) -> bool {
        let lengths = self.queues.get(queue).map(|queue| &queue.lengths);
        lengths.is_some_and(|lengths| {
            let limit = self.config.queue_limits.of(&lengths.queue);
            limit.is_some_and(|limit| lengths.unfinished() + number > limit)
        })
    }

    fn store(&mut self, run: TaskRun, queue: usize) -> RunState {
        let (id, state, due_at) = (run.id, run.state, run.due_at);
        if let Some(key) = run
            .options
            .as_ref()
            .and_then(|options| options.unique.as_ref())
        {
            self.unique.insert(key.clone(), id);
        }
        let task = self.tasks.number_of(&run.task);
        self.queues.count(queue, state, 1);
        let place = if run.waits_for().is_some() {
            Place::Awaiting
        } else {
            Place::Nowhere
        };
        let slot = self.slots.insert(Stored {
            run,
            place,
            queue,
            task,
        });
        if place == Place::Awaiting {
            return state;
        }
        if state == RunState::Queued {
            self.put_ready(slot, End::Tail);
        } else {
            self.put_due(slot, due_at);
        }
        state
    }
}

fn unique_key(task: &QueuedTask) -> Option<&UniqueKey> {
    task.options.as_ref()?.unique.as_ref()
}
