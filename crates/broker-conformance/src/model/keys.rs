//! The keys of the model: one list, looked through from end to end.

use std::time::Duration;

use aqueduct_broker_api::{Enqueued, KeyHolder};
use aqueduct_core::key::Key;
use aqueduct_core::run::{Lineage, OnConflict, TaskRun, UniqueScope};
use aqueduct_core::{QueuedTask, RunId, RunState, Timestamp};

use super::Model;
use super::limits::shared_by;

#[derive(Clone, Debug)]
pub(super) struct Hold {
    is_repetition: bool,
    key: Key,
    run: RunId,
    since: Timestamp,
    until: Option<Timestamp>,
}

impl Model {
    /// Answers a task whose keys somebody has; `None` if it is to be stored.
    pub(super) fn answer_by_key(&mut self, task: &QueuedTask, now: Timestamp) -> Option<Enqueued> {
        let options = task.options.clone().unwrap_or_default();
        if let Some(repetition) = &options.idempotency
            && let Some(first) = self.key_holder(true, &repetition.key, now)
        {
            return Some(Enqueued::Duplicate(first.run));
        }
        let unique = options.unique?;
        let hold = self.key_holder(false, &unique.key, now)?;
        Some(match unique.on_conflict {
            OnConflict::Refuse => Enqueued::KeyTaken(hold.run),
            OnConflict::Replace => self.replace(&hold, task, now),
            _ => Enqueued::Duplicate(hold.run),
        })
    }

    /// Notes the keys of a task that was answered.
    pub(super) fn note_keys(&mut self, task: &QueuedTask, answer: Enqueued, now: Timestamp) {
        let options = task.options.clone().unwrap_or_default();
        if let (Enqueued::Accepted(_), Some(unique)) = (answer, &options.unique) {
            let window = match unique.scope {
                UniqueScope::Window(window) => Some(window),
                _ => None,
            };
            self.hold(false, &unique.key, task.id, now, window);
        }
        let run = match answer {
            Enqueued::Accepted(_) => task.id,
            Enqueued::Duplicate(run) | Enqueued::Replaced(run) => run,
            _ => return,
        };
        if let Some(repetition) = &options.idempotency
            && self.key_holder(true, &repetition.key, now).is_none()
        {
            let window = Some(repetition.window);
            self.hold(true, &repetition.key, run, now, window);
        }
    }

    pub(super) fn unique_holder(&self, key: &Key, now: Timestamp) -> Option<KeyHolder> {
        let hold = self.key_holder(false, key, now)?;
        Some(KeyHolder::new(hold.run, hold.since).until(hold.until))
    }

    fn key_holder(&self, is_repetition: bool, key: &Key, now: Timestamp) -> Option<Hold> {
        let is_it = |hold: &&Hold| {
            let is_over = hold.until.is_some_and(|until| until <= now);
            hold.is_repetition == is_repetition && hold.key == *key && !is_over
        };
        self.holds.iter().find(is_it).cloned()
    }

    #[expect(clippy::too_many_arguments, reason = "the model is plain on purpose")]
    fn hold(
        &mut self,
        is_repetition: bool,
        key: &Key,
        run: RunId,
        now: Timestamp,
        window: Option<Duration>,
    ) {
        self.holds
            .retain(|hold| hold.is_repetition != is_repetition || hold.key != *key);
        self.holds.push(Hold {
            is_repetition,
            key: key.clone(),
            run,
            since: now,
            until: window.map(|window| now.saturating_add(window)),
        });
    }

    /// Takes the unique key from a run that holds it for no window.
    pub(super) fn give_back_key(&mut self, run: RunId) {
        self.holds
            .retain(|hold| hold.is_repetition || hold.run != run || hold.until.is_some());
    }

    /// Takes the unique key from a run that begins, if it holds it only while it waits.
    pub(super) fn begin_key(&mut self, run: &TaskRun) {
        let unique = run.options.as_ref().and_then(|it| it.unique.as_ref());
        if unique.is_some_and(|unique| unique.scope == UniqueScope::Queued) {
            self.give_back_key(run.id);
        }
    }

    /// Gives a run its key anew; returns whether that is possible.
    pub(super) fn take_key_again(&mut self, run: RunId, now: Timestamp) -> bool {
        let found = self.find(run).and_then(|run| run.options.clone());
        let Some(unique) = found.and_then(|options| options.unique) else {
            return true;
        };
        let holder = self.key_holder(false, &unique.key, now);
        if holder.is_some_and(|hold| hold.run != run) {
            return false;
        }
        if !matches!(unique.scope, UniqueScope::Window(_)) {
            self.hold(false, &unique.key, run, now, None);
        }
        true
    }

    fn replace(&mut self, hold: &Hold, task: &QueuedTask, now: Timestamp) -> Enqueued {
        let taken = Enqueued::KeyTaken(hold.run);
        let Some(index) = self.index(hold.run) else {
            return taken;
        };
        let old = self.runs[index].run.clone();
        let waits = matches!(old.state, RunState::Scheduled | RunState::Queued);
        if !waits || old.task != task.task || old.is_in_workflow() {
            return taken;
        }
        let mut run = TaskRun::accept(task.clone(), now);
        if run.lineage == Lineage::root_of(run.id) {
            run.lineage = old.lineage;
        }
        let unique = run.options.as_ref().and_then(|it| it.unique.clone());
        if let Some(longest) = unique.and_then(|unique| unique.put_off_at_most) {
            run.due_at = run.due_at.min(hold.since.saturating_add(longest)).max(now);
        }
        if old.due_at <= now {
            (run.due_at, run.state) = (old.due_at, old.state);
            if self.runs[index].stands && shared_by(&run) != shared_by(&old) {
                self.come_out_of_line(index);
                self.runs[index].place = self.next_head();
            }
        } else {
            let is_due = run.due_at <= now;
            run.state = if is_due {
                RunState::Queued
            } else {
                RunState::Scheduled
            };
        }
        (run.id, run.queue, run.lane) = (old.id, old.queue, old.lane);
        (run.priority, run.tally, run.record) = (old.priority, old.tally, old.record);
        let is_moved = old.due_at > now;
        self.runs[index].run = run;
        if is_moved {
            self.line_up(index, false, now);
        } else if self.runs[index].stands {
            self.note(index, now);
        }
        Enqueued::Replaced(hold.run)
    }
}
