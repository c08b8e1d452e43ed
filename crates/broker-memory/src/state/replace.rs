//! The step that gives a waiting run the parameters of a later call.

use aqueduct_broker_api::Enqueued;
use aqueduct_core::run::{Lineage, TaskRun};
use aqueduct_core::{QueuedTask, RunState, Timestamp};

use super::State;
use super::keys::Hold;
use super::queues::End;
use super::slots::{Place, Slot};

impl State {
    /// Replaces the run that holds the key of `task`, unless that has begun, is of another task or part of a
    /// workflow.
    pub(super) fn replace(&mut self, hold: Hold, task: &QueuedTask, now: Timestamp) -> Enqueued {
        let taken = Enqueued::KeyTaken(hold.run);
        let Some(slot) = self.slots.slot_of(hold.run) else {
            return taken;
        };
        let Some(stored) = self.slots.get(slot) else {
            return taken;
        };
        let waits = matches!(stored.run.state, RunState::Scheduled | RunState::Queued);
        if !waits || stored.run.task != task.task || stored.run.is_in_workflow() {
            return taken;
        }
        let is_due = stored.run.due_at <= now;
        let run = replacement(&stored.run, task, hold.since, now);
        self.forget_wait(&stored.run.clone(), &run);
        if is_due {
            self.put_in_place(slot, run, now);
        } else {
            self.put_off(slot, run, now);
        }
        Enqueued::Replaced(hold.run)
    }

    /// Forgets what waits for the old run: its deadline, and whoever waits for a result that is kept no more.
    fn forget_wait(&mut self, old: &TaskRun, new: &TaskRun) {
        if let Some(deadline) = old.deadline() {
            self.deadlines.remove(&(deadline, old.id));
        }
        if !new.keeps_result() {
            self.waits.forget(old.id);
        }
    }

    /// A run whose time has come keeps its turn; with other limits than the line that it stands in, it leaves that.
    fn put_in_place(&mut self, slot: Slot, run: TaskRun, now: Timestamp) {
        let deadline = run.deadline().map(|deadline| (deadline, run.id));
        self.deadlines.extend(deadline);
        let Some(stored) = self.slots.get(slot) else {
            return;
        };
        let is_in_line = matches!(stored.place, Place::Line(_));
        let leaves_line = is_in_line && !share_the_same(&stored.run, &run);
        if leaves_line {
            self.come_out_of_line(slot);
        }
        if let Some(stored) = self.slots.get_mut(slot) {
            stored.run = run;
        }
        if leaves_line {
            self.list_ready(slot, End::Head);
        } else if is_in_line {
            self.note_numbers(slot, now);
        }
    }

    fn put_off(&mut self, slot: Slot, run: TaskRun, now: Timestamp) {
        self.leave(slot);
        let (state, due_at) = (run.state, run.due_at);
        let Some(stored) = self.slots.get_mut(slot) else {
            return;
        };
        let (queue, before) = (stored.queue, stored.run.state);
        stored.run = run;
        self.queues.count(queue, before, -1);
        self.queues.count(queue, state, 1);
        if due_at > now {
            self.put_due(slot, due_at);
        } else {
            self.put_ready(slot, End::Tail, now);
        }
    }
}

/// Returns whether two runs have the same fair key and limits, numbers aside.
fn share_the_same(before: &TaskRun, after: &TaskRun) -> bool {
    let key = |run: &TaskRun| run.fair().map(|fair| fair.key.clone());
    let (limits, others) = (before.limits(), after.limits());
    let mut pairs = limits.iter().zip(others);
    let are_same = limits.len() == others.len() && pairs.all(|(one, other)| one.is_same(other));
    are_same && key(before) == key(after)
}

/// Returns what `task` makes of a waiting run: new but for its identity, its place, and what was counted.
fn replacement(old: &TaskRun, task: &QueuedTask, since: Timestamp, now: Timestamp) -> TaskRun {
    let mut run = TaskRun::accept(task.clone(), now);
    let unique = run.options.as_ref().and_then(|it| it.unique.as_ref());
    if let Some(longest) = unique.and_then(|unique| unique.put_off_at_most) {
        run.due_at = run.due_at.min(since.saturating_add(longest)).max(now);
    }
    if old.due_at <= now {
        (run.due_at, run.state) = (old.due_at, old.state);
    } else if run.due_at <= now {
        run.state = RunState::Queued;
    }
    if run.lineage == Lineage::root_of(task.id) {
        run.lineage = Lineage::root_of(old.id);
    }
    run.id = old.id;
    run.queue.clone_from(&old.queue);
    (run.lane, run.priority, run.tally) = (old.lane, old.priority, old.tally);
    run.record.clone_from(&old.record);
    run
}
