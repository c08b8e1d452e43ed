//! Looking without changing: lengths, runs, tasks, consumers.

use aqueduct_broker_api::{
    ConsumerInfo, Holder, PauseScope, QueueLengths, RunFilter, RunPage, TaskInfo,
};
use aqueduct_core::run::TaskRun;
use aqueduct_core::{QueueName, RunId, Timestamp};

use super::State;
use super::slots::Place;

impl State {
    /// Returns the lengths of the named queues, or of all known if none is named.
    pub(crate) fn lengths(&self, names: &[QueueName]) -> Vec<QueueLengths> {
        if names.is_empty() {
            let mut all: Vec<_> = self
                .queues
                .iter()
                .map(|queue| self.limited(queue.lengths.clone()))
                .collect();
            all.sort_by(|a, b| a.queue.cmp(&b.queue));
            return all;
        }
        let of = |name: &QueueName| {
            let queue = self
                .queues
                .find(name)
                .and_then(|number| self.queues.get(number));
            self.limited(queue.map_or_else(
                || QueueLengths::empty(name.clone()),
                |queue| queue.lengths.clone(),
            ))
        };
        names.iter().map(of).collect()
    }

    fn limited(&self, lengths: QueueLengths) -> QueueLengths {
        let limit = self.config.queue_limits.of(&lengths.queue);
        lengths.limited(limit)
    }

    pub(crate) fn find(&self, id: RunId) -> Option<&TaskRun> {
        self.slots
            .get(self.slots.slot_of(id)?)
            .map(|stored| &stored.run)
    }

    /// Returns who holds a run, if somebody does.
    pub(crate) fn holder(&self, id: RunId) -> Option<Holder> {
        let slot = self.slots.slot_of(id)?;
        let Place::Held { consumer, .. } = self.place_of(slot)? else {
            return None;
        };
        Some(Holder::new(consumer).asked_to_end(self.asked_to_end(slot)))
    }

    /// Returns a page of runs; looks at every stored run, since this is for people.
    pub(crate) fn list(&self, filter: &RunFilter) -> RunPage {
        let runs = self.slots.iter().map(|stored| &stored.run);
        let mut matching: Vec<&TaskRun> = runs
            .filter(|run| filter.after.is_none_or(|after| run.id > after) && filter.matches(run))
            .collect();
        matching.sort_by_key(|run| run.id);
        RunPage::beginning(matching, filter.page_size())
    }

    pub(crate) fn task_infos(&self) -> Vec<TaskInfo> {
        let mut infos: Vec<TaskInfo> = self.tasks.infos().cloned().collect();
        infos.sort_by(|a, b| a.task.cmp(&b.task));
        infos
    }

    pub(crate) fn consumer_infos(&self, now: Timestamp) -> Vec<ConsumerInfo> {
        let living = self
            .holders
            .iter()
            .filter(|(_, holder)| holder.lease_until > now);
        living
            .map(|(id, holder)| {
                let introduction = holder.introduction.as_deref().cloned();
                ConsumerInfo::new(id, holder.lease_until, holder.held.len() as u64)
                    .with_introduction(introduction)
            })
            .collect()
    }

    pub(crate) fn paused(&self) -> Vec<PauseScope> {
        let queues = self.queues.iter().filter(|queue| queue.is_paused);
        let queues = queues.map(|queue| PauseScope::Queue(queue.lengths.queue.clone()));
        let tasks = self.tasks.paused().cloned().map(PauseScope::Task);
        let mut all: Vec<PauseScope> = queues.chain(tasks).collect();
        all.sort();
        all
    }
}
