//! What a store behind this state machine needs: runs that go out to it, and come in from it.

use aqueduct_core::run::TaskRun;
use aqueduct_core::{Lane, QueueName, RunId, RunState};

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
    pub(crate) fn adopt(&mut self, mut run: TaskRun) {
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
        self.put_ready(slot, End::Tail);
    }

    /// Returns how many runs of a lane are ready in these queues.
    pub(crate) fn count_ready(&self, queues: &[QueueName], lane: Lane) -> usize {
        let numbers = queues.iter().filter_map(|name| self.queues.find(name));
        let queues = numbers.filter_map(|number| self.queues.get(number));
        queues.map(|queue| queue.lane(lane).count_valid()).sum()
    }
}
