//! What a store behind this state machine needs: runs that go out to it, and come in from it.

use std::sync::Arc;

use aqueduct_broker_api::{ClaimRequest, EnqueueRequest, Enqueued, LaneWant};
use aqueduct_core::run::TaskRun;
use aqueduct_core::{Lane, QueueName, RunId, RunState, Timestamp};

use super::State;
use super::queues::End;
use super::slots::{Place, Stored};

impl State {
    /// Takes a ready run out, to be stored elsewhere.
    pub(crate) fn take_out(&mut self, id: RunId) -> Option<TaskRun> {
        let slot = self.slots.slot_of(id)?;
        if !matches!(self.place_of(slot), Some(Place::Ready(_))) {
            return None;
        }
        self.leave(slot);
        let stored = self.slots.remove(slot)?;
        self.queues.count(stored.queue, stored.run.state, -1);
        Some(stored.run)
    }

    /// Takes a run in that was stored elsewhere, ready to be claimed.
    pub(crate) fn adopt(&mut self, mut run: TaskRun, now: Timestamp) {
        if self.slots.slot_of(run.id).is_some() {
            return;
        }
        run.state = RunState::Queued;
        let queue = self.queues.number_of(&run.queue);
        let task = self.tasks.number_of(&run.task);
        self.queues.count(queue, run.state, 1);
        let slot = self.slots.insert(Stored {
            run,
            place: Place::Nowhere,
            queue,
            task,
        });
        self.put_ready(slot, End::Tail, now);
    }

    /// Returns whether a claim is a repetition, or too old: then no runs need to be there for it.
    pub(crate) fn is_answered(&self, request: &ClaimRequest) -> bool {
        let recorded = self
            .holders
            .look_up(request.consumer, request.sequence, "claim");
        !matches!(recorded, Ok(None))
    }

    /// Notes that a task of an answered request was refused after all: a repetition says so.
    pub(crate) fn refuse(&mut self, request: &EnqueueRequest, position: usize, now: Timestamp) {
        let window = self.producers.window(request.producer, now);
        if let Some(answers) = window.recorded_mut(request.sequence)
            && let Some(answer) = answers.get_mut(position)
        {
            *answer = Enqueued::QueueFull { limit: None };
        }
    }

    /// Returns what is wanted beyond the runs that are ready here, from queues that are not paused.
    pub(crate) fn missing(&self, want: &LaneWant) -> LaneWant {
        let here = self.count_ready(&want.queues, want.lane);
        LaneWant::new(
            want.lane,
            self.open_queues(&want.queues),
            want.max.saturating_sub(here),
        )
    }

    /// Returns those of the queues that are not paused.
    pub(crate) fn open_queues(&self, queues: &Arc<[QueueName]>) -> Arc<[QueueName]> {
        let is_open = |name: &&QueueName| {
            let queue = self.queues.find(name).and_then(|it| self.queues.get(it));
            queue.is_none_or(|queue| !queue.is_paused)
        };
        if queues.iter().all(|name| is_open(&name)) {
            return Arc::clone(queues);
        }
        queues.iter().filter(is_open).cloned().collect()
    }

    /// Returns how many runs of a lane are ready in these queues, unless they are paused.
    fn count_ready(&self, queues: &[QueueName], lane: Lane) -> usize {
        let numbers = queues.iter().filter_map(|name| self.queues.find(name));
        let queues = numbers.filter_map(|number| self.queues.get(number));
        queues
            .filter(|queue| !queue.is_paused)
            .map(|queue| queue.lane(lane).count_valid())
            .sum()
    }
}
