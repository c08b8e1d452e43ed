//! The step that stores runs.

use std::collections::HashMap;

use aqueduct_broker_api::{BrokerError, EnqueueRequest, Enqueued, MAX_ENQUEUE_BATCH};
use aqueduct_core::run::{Idempotency, OnConflict, TaskRun, Unique, UniqueScope};
use aqueduct_core::{QueuedTask, RunState, Timestamp};

use super::State;
use super::keys::{Hold, Use};
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
        // Windows are forgotten as fast as they are made, also where no consumer beats.
        self.keys.forget_over(now, tasks.len().saturating_mul(2));
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
        } else if !self.has_room_for(tasks) {
            answers.extend(tasks.iter().map(|task| self.full(task)));
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
        if self.slots.slot_of(task.id).is_some() {
            return Enqueued::Duplicate(task.id);
        }
        let Some(Idempotency { key, window, .. }) = idempotency_of(task) else {
            return self.admit(task, now);
        };
        if let Some(first) = self.keys.holder(Use::Repetition, key, now) {
            return Enqueued::Duplicate(first.run);
        }
        let answer = self.admit(task, now);
        let stands_for_it = match answer {
            Enqueued::Accepted(_) => Some(task.id),
            Enqueued::Duplicate(run) | Enqueued::Replaced(run) => Some(run),
            _ => None,
        };
        if let Some(run) = stands_for_it {
            let hold = Hold::new(run, now, Some(*window));
            self.keys.take(Use::Repetition, key, hold);
        }
        answer
    }

    /// Stores a run, unless another one holds its unique key.
    fn admit(&mut self, task: &QueuedTask, now: Timestamp) -> Enqueued {
        let unique = unique_of(task);
        let holder = unique.and_then(|it| self.keys.holder(Use::Unique, &it.key, now));
        if let (Some(unique), Some(holder)) = (unique, holder) {
            return match unique.on_conflict {
                OnConflict::Replace => self.replace(holder, task, now),
                OnConflict::Refuse => Enqueued::KeyTaken(holder.run),
                _ => Enqueued::Duplicate(holder.run),
            };
        }
        let queue = self.queues.number_of(&task.queue);
        if self.is_full(queue, 1) {
            return self.full(task);
        }
        if let Some(unique) = unique {
            let window = match unique.scope {
                UniqueScope::Window(window) => Some(window),
                _ => None,
            };
            let hold = Hold::new(task.id, now, window);
            self.keys.take(Use::Unique, &unique.key, hold);
        }
        Enqueued::Accepted(self.store(TaskRun::accept(task.clone(), now), queue, now))
    }

    /// Returns whether a queue has no room for so many more.
    fn is_full(&self, queue: usize, number: u64) -> bool {
        let lengths = self.queues.get(queue).map(|queue| &queue.lengths);
        lengths.is_some_and(|lengths| {
            let limit = self.config.queue_limits.of(&lengths.queue);
            limit.is_some_and(|limit| lengths.unfinished() + number > limit)
        })
    }

    /// Returns the answer to a task whose queue has no room.
    fn full(&self, task: &QueuedTask) -> Enqueued {
        let limit = self.config.queue_limits.of(&task.queue);
        Enqueued::QueueFull { limit }
    }

    fn store(&mut self, run: TaskRun, queue: usize, now: Timestamp) -> RunState {
        let (state, due_at) = (run.state, run.due_at);
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
            self.put_ready(slot, End::Tail, now);
        } else {
            self.put_due(slot, due_at);
        }
        state
    }
}

fn unique_of(task: &QueuedTask) -> Option<&Unique> {
    task.options.as_ref()?.unique.as_ref()
}

fn idempotency_of(task: &QueuedTask) -> Option<&Idempotency> {
    task.options.as_ref()?.idempotency.as_ref()
}
