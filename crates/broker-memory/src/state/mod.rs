//! The contract as a pure state machine: no lock, no clock, no runtime; each step takes `now`.
//!
//! `mod.rs` has the state and the moves between places that all steps are made of; each step has a
//! file: `enqueue`, `claim`, `settle`, `extend`, `checkpoint`, `reclaim`, `steer` (administration), `fire`; `follow`
//! is what the end of a run does to what follows it.

mod checkpoint;
mod claim;
mod enqueue;
mod extend;
mod fire;
mod follow;
mod front;
mod holders;
mod inspect;
mod kept;
mod keys;
mod limits;
mod parked;
mod producers;
mod queues;
mod reclaim;
mod replace;
mod replay;
mod schedules;
mod set_back;
mod settle;
mod slots;
mod steer;
mod tasks;
mod waits;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use aqueduct_broker_api::QueueLimits;
use aqueduct_core::run::{Gathered, Reason, RunRecord, TaskRun, Transition};
use aqueduct_core::{RunId, RunState, TaskName, Timestamp};

use holders::Holders;
use kept::Kept;
use keys::Keys;
use limits::Limiter;
use parked::Parked;
use producers::Producers;
use queues::{End, Entry, Queues};
use reclaim::Beats;
use schedules::Schedules;
use slots::{Place, Slot, Slots, Stored, Ticket};
use tasks::Tasks;
use waits::Waits;

pub(crate) use waits::{Begun, WaitKey};

/// The bounds of an in-memory broker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryConfig {
    /// The most unfinished runs of each queue; further ones are refused. Default: no limit.
    pub queue_limits: QueueLimits,
    /// How long failed runs are kept. Default: 7 days.
    pub keep_failed: Duration,
    /// How long cancelled and expired runs are kept. Default: one hour.
    pub keep_ended: Duration,
    /// The most ended runs that are kept, results included. Default: 100,000.
    pub max_kept: usize,
}

/// Everything that the broker knows.
pub(crate) struct State {
    config: MemoryConfig,
    slots: Slots,
    queues: Queues,
    due: BTreeSet<(Timestamp, Ticket, Slot)>,
    deadlines: BTreeSet<(Timestamp, RunId)>,
    parked: Parked,
    keys: Keys,
    /// What follow-ups that wait have got so far.
    gathered: HashMap<RunId, Gathered>,
    kept: Kept,
    holders: Holders,
    limiter: Limiter,
    producers: Producers,
    tasks: Tasks,
    /// Runs of paused tasks that a claim came upon.
    aside: HashMap<TaskName, VecDeque<Entry>>,
    /// Runs of resumed tasks, on their way back to the heads of their lists.
    resuming: VecDeque<Entry>,
    beats: Beats,
    pub(crate) schedules: Schedules,
    waits: Waits,
    wake: bool,
    /// The time of the last step.
    latest: Timestamp,
}

/// The most runs that one step moves on the side: due, resumed, expired.
const SIDE_MOVES: usize = 512;

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            queue_limits: QueueLimits::none(),
            keep_failed: Duration::from_hours(7 * 24),
            keep_ended: Duration::from_hours(1),
            max_kept: 100_000,
        }
    }
}

impl State {
    pub(crate) fn new(config: MemoryConfig) -> Self {
        Self {
            config,
            slots: Slots::default(),
            queues: Queues::default(),
            due: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            parked: Parked::default(),
            keys: Keys::default(),
            gathered: HashMap::new(),
            kept: Kept::default(),
            holders: Holders::default(),
            limiter: Limiter::default(),
            producers: Producers::default(),
            tasks: Tasks::default(),
            aside: HashMap::new(),
            resuming: VecDeque::new(),
            beats: Beats::default(),
            schedules: Schedules::default(),
            waits: Waits::default(),
            wake: false,
            latest: Timestamp::MIN,
        }
    }

    /// Returns whether runs may have become ready since the last call, or due at another time.
    pub(crate) fn take_wake(&mut self) -> bool {
        std::mem::take(&mut self.wake)
    }

    /// Moves due and resumed runs to their ready lists, and lines whose limit opens now; a bounded number.
    pub(crate) fn promote(&mut self, now: Timestamp) {
        self.limiter.open_due(now, SIDE_MOVES);
        self.list_woken();
        for _ in 0..SIDE_MOVES {
            let Some(&(due_at, ticket, slot)) = self.due.first() else {
                break;
            };
            if due_at > now {
                break;
            }
            self.due.remove(&(due_at, ticket, slot));
            self.move_to_ready(slot, Transition::Due, End::Tail, now);
        }
        for _ in 0..SIDE_MOVES {
            let Some(entry) = self.resuming.pop_back() else {
                break;
            };
            if self.place_of(entry.slot) == Some(Place::Aside(entry.ticket)) {
                self.put_ready(entry.slot, End::Head, now);
            }
        }
    }

    /// Returns how long until the earliest run is due, or a limit opens; zero if moves are left over.
    pub(crate) fn due_in(&self, now: Timestamp) -> Option<Duration> {
        if !self.resuming.is_empty() {
            return Some(Duration::ZERO);
        }
        let due = self.due.first().map(|(due_at, ..)| *due_at);
        let opening = self.limiter.opens_at();
        let next = due.into_iter().chain(opening).min();
        next.map(|at| at.saturating_since(now))
    }

    /// Makes a transition on a stored run; returns the new state, or `None` if it is not allowed.
    fn transition(&mut self, slot: Slot, transition: Transition) -> Option<RunState> {
        let stored = self.slots.get_mut(slot)?;
        let (queue, before) = (stored.queue, stored.run.state);
        let after = before.after(transition);
        debug_assert!(after.is_some(), "{before} cannot {transition}");
        let after = after?;
        stored.run.state = after;
        self.queues.count(queue, before, -1);
        self.queues.count(queue, after, 1);
        Some(after)
    }

    fn move_to_ready(&mut self, slot: Slot, transition: Transition, end: End, now: Timestamp) {
        if self.transition(slot, transition).is_some() {
            self.put_ready(slot, end, now);
        }
    }

    fn move_to_due(&mut self, slot: Slot, transition: Transition, due_at: Timestamp) {
        if self.transition(slot, transition).is_some() {
            self.put_due(slot, due_at);
        }
    }

    /// Puts a run that is nowhere, or leaves its place, into its ready list.
    fn put_ready(&mut self, slot: Slot, end: End, now: Timestamp) {
        let Some(stored) = self.slots.get(slot) else {
            return;
        };
        self.deadlines.extend(
            stored
                .run
                .deadline()
                .map(|deadline| (deadline, stored.run.id)),
        );
        if self.stands(slot, end, now) {
            return;
        }
        self.list_ready(slot, end);
    }

    /// Puts a run that is nowhere into its ready list, whether it has a line or not.
    fn list_ready(&mut self, slot: Slot, end: End) {
        let ticket = self.slots.new_ticket();
        let Some(stored) = self.slots.get_mut(slot) else {
            return;
        };
        stored.place = Place::Ready(ticket);
        let (queue, lane, priority) = (stored.queue, stored.run.lane, stored.run.priority);
        if let Some(queue) = self.queues.get_mut(queue) {
            queue
                .lane_mut(lane)
                .push(priority, Entry { slot, ticket }, end);
        }
        self.wake = true;
    }

    fn put_due(&mut self, slot: Slot, due_at: Timestamp) {
        let ticket = self.slots.new_ticket();
        let Some(stored) = self.slots.get_mut(slot) else {
            return;
        };
        stored.place = Place::Due(ticket);
        stored.run.due_at = due_at;
        self.deadlines.extend(
            stored
                .run
                .deadline()
                .map(|deadline| (deadline, stored.run.id)),
        );
        let key = (due_at, ticket, slot);
        self.due.insert(key);
        if self.due.first() == Some(&key) {
            self.wake = true;
        }
    }

    /// Takes a run out of whatever list it is in.
    fn leave(&mut self, slot: Slot) {
        let Some(stored) = self.slots.get_mut(slot) else {
            return;
        };
        let place = std::mem::replace(&mut stored.place, Place::Nowhere);
        let (queue, lane, due_at, id) = (
            stored.queue,
            stored.run.lane,
            stored.run.due_at,
            stored.run.id,
        );
        match place {
            Place::Nowhere | Place::Line(_) | Place::Aside(_) => {}
            Place::Awaiting => {
                self.gathered.remove(&id);
            }
            Place::Ready(_) => {
                if let Some(queue) = self.queues.get_mut(queue) {
                    queue.lane_mut(lane).forget_one();
                }
            }
            Place::Due(ticket) => {
                self.due.remove(&(due_at, ticket, slot));
            }
            Place::Held {
                consumer, position, ..
            } => {
                // What an attempt reports goes with it.
                stored.run.progress = None;
                if let Some(moved) = self.holders.release(consumer, position, id) {
                    self.set_position(moved, position);
                }
            }
            Place::Kept => self.kept.remove(id),
        }
    }

    fn set_position(&mut self, slot: Slot, new_position: usize) {
        if let Some(Stored {
            place: Place::Held { position, .. },
            ..
        }) = self.slots.get_mut(slot)
        {
            *position = new_position;
        }
    }

    /// Ends a run that has left its place: kept as its kind of end asks for, or removed.
    fn end(&mut self, slot: Slot, transition: Transition, now: Timestamp) -> Option<RunState> {
        let state = self.transition(slot, transition)?;
        let stored = self.slots.get_mut(slot)?;
        if let Some(task) = stored.task {
            self.tasks.count_end(task, state, now);
        }
        if let Some(options) = &stored.run.options {
            self.keys.end(&stored.run);
            if let Some(deadline) = options.deadline {
                self.deadlines.remove(&(deadline, stored.run.id));
            }
        }
        let is_followed = |run: &TaskRun| {
            let options = run.options.as_ref();
            options.is_some_and(|options| options.followed_by.is_some())
        };
        let followed = is_followed(&stored.run).then(|| stored.run.clone());
        match self.config.retention(&stored.run) {
            Some(retention) => {
                stored.place = Place::Kept;
                stored.run.checkpoint = None;
                stored.run.record_mut().ended_at = Some(now);
                self.waits.end(&stored.run);
                let id = stored.run.id;
                self.kept.insert(id, now.saturating_add(retention));
                self.bound_kept();
            }
            None => {
                self.slots.remove(slot);
            }
        }
        if let Some(ended) = followed {
            self.pass_on(&ended, now);
        }
        Some(state)
    }

    /// Removes the kept run that would go next, if there are too many.
    fn bound_kept(&mut self) {
        if self.kept.len() > self.config.max_kept
            && let Some(id) = self.kept.pop_first()
        {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: RunId) {
        if let Some(slot) = self.slots.slot_of(id) {
            self.slots.remove(slot);
        }
    }

    /// Gives a held run back untouched, or ends it if that was asked for.
    fn give_back(&mut self, slot: Slot, transition: Transition, now: Timestamp) {
        let asked = self.asked_to_end(slot);
        self.leave_consumer(slot, now);
        match asked {
            Some(reason) => {
                self.record(slot, |record| record.reason = Some(reason));
                self.end(slot, Transition::Cancel, now);
            }
            None => self.move_to_ready(slot, transition, End::Head, now),
        }
    }

    /// Returns why a held run is to end, if somebody asked for it.
    fn asked_to_end(&self, slot: Slot) -> Option<Reason> {
        let stored = self.slots.get(slot)?;
        let Place::Held { consumer, .. } = stored.place else {
            return None;
        };
        let cancels = &self.holders.get(consumer)?.cancels;
        let cancel = cancels.iter().find(|cancel| cancel.run == stored.run.id)?;
        Some(cancel.reason.clone())
    }

    /// Writes into the record of a run.
    fn record(&mut self, slot: Slot, write: impl FnOnce(&mut RunRecord)) {
        if let Some(stored) = self.slots.get_mut(slot) {
            write(stored.run.record_mut());
        }
    }

    fn place_of(&self, slot: Slot) -> Option<Place> {
        self.slots.get(slot).map(|stored| stored.place)
    }
}

impl MemoryConfig {
    /// Returns how long an ended run is kept.
    fn retention(&self, run: &TaskRun) -> Option<Duration> {
        let asked = run.options.as_ref().and_then(|options| options.keep_result);
        match run.state {
            RunState::Failed => Some(asked.unwrap_or_default().max(self.keep_failed)),
            RunState::Cancelled | RunState::Expired => {
                Some(asked.unwrap_or_default().max(self.keep_ended))
            }
            _ => asked,
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("runs", &self.slots.len())
            .finish_non_exhaustive()
    }
}
