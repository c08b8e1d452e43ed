//! The queues: ready lists by lane and priority, and counts.

use std::collections::{HashMap, VecDeque};

use aqueduct_broker_api::QueueLengths;
use aqueduct_core::{Lane, Priority, QueueName, RunState};

use super::limits::LineNumber;
use super::slots::{Slot, Ticket};

/// An entry of a list; stale once the run has another ticket or place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) slot: Slot,
    pub(super) ticket: Ticket,
}

/// The ticket of an entry that stands for a line of runs, not for one run.
const OF_A_LINE: Ticket = Ticket(0);

/// All queues, by number and by name.
#[derive(Debug, Default)]
pub(super) struct Queues {
    queues: Vec<Queue>,
    names: HashMap<QueueName, usize>,
}

/// One queue.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) lengths: QueueLengths,
    pub(super) is_paused: bool,
    lanes: [LaneQueue; Lane::ALL.len()],
}

/// The ready runs of one queue and lane.
#[derive(Debug, Default)]
pub(super) struct LaneQueue {
    lists: [VecDeque<Entry>; Priority::ALL.len()],
    /// Valid entries; the lists may hold stale ones as well.
    valid: usize,
    /// How many runs were taken, to know when it is the lowest priority's turn.
    taken: u64,
}

/// Which end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Head,
    Tail,
}

/// Every so many claims, one is served from the lowest priority that has runs.
pub(super) const LOWEST_FIRST_EVERY: u64 = 16;

impl Entry {
    /// Returns the entry of a line of runs, whose number stands where that of a slot does.
    pub(super) fn of_line(line: LineNumber) -> Self {
        Self {
            slot: Slot(line.0),
            ticket: OF_A_LINE,
        }
    }

    /// Returns the line that it stands for, if it does not stand for one run.
    pub(super) fn line(self) -> Option<LineNumber> {
        (self.ticket == OF_A_LINE).then_some(LineNumber(self.slot.0))
    }
}

impl Queues {
    /// Returns the number of a queue, new or known.
    pub(super) fn number_of(&mut self, name: &QueueName) -> usize {
        if let Some(number) = self.names.get(name) {
            return *number;
        }
        let number = self.queues.len();
        self.queues.push(Queue::new(name.clone()));
        self.names.insert(name.clone(), number);
        number
    }

    pub(super) fn find(&self, name: &QueueName) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(super) fn get(&self, number: usize) -> Option<&Queue> {
        self.queues.get(number)
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut Queue> {
        self.queues.get_mut(number)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Queue> {
        self.queues.iter()
    }

    /// Counts a run in or out of a state of its queue.
    pub(super) fn count(&mut self, queue: usize, state: RunState, by: i64) {
        let Some(queue) = self.queues.get_mut(queue) else {
            return;
        };
        let counter = match state {
            RunState::Queued => &mut queue.lengths.queued,
            RunState::Scheduled => &mut queue.lengths.scheduled,
            RunState::Retrying => &mut queue.lengths.retrying,
            RunState::Running => &mut queue.lengths.running,
            RunState::Succeeded | RunState::Failed | RunState::Cancelled | RunState::Expired => {
                return;
            }
        };
        *counter = counter.saturating_add_signed(by);
    }
}

impl Queue {
    fn new(name: QueueName) -> Self {
        let lanes = std::array::from_fn(|_| LaneQueue::default());
        Self {
            lengths: QueueLengths::empty(name),
            is_paused: false,
            lanes,
        }
    }

    pub(super) fn lane(&self, lane: Lane) -> &LaneQueue {
        let [io, cpu] = &self.lanes;
        match lane {
            Lane::Io => io,
            Lane::Cpu => cpu,
        }
    }

    pub(super) fn lane_mut(&mut self, lane: Lane) -> &mut LaneQueue {
        let [io, cpu] = &mut self.lanes;
        match lane {
            Lane::Io => io,
            Lane::Cpu => cpu,
        }
    }
}

impl LaneQueue {
    pub(super) fn push(&mut self, priority: Priority, entry: Entry, end: End) {
        let list = self.list_mut(priority);
        match end {
            End::Head => list.push_front(entry),
            End::Tail => list.push_back(entry),
        }
        self.valid += 1;
    }

    /// Notes that the run of an entry has left for elsewhere; the entry goes stale.
    pub(super) fn forget_one(&mut self) {
        self.valid = self.valid.saturating_sub(1);
        if self.valid == 0 {
            for list in &mut self.lists {
                list.clear();
                if list.capacity() > KEPT_CAPACITY {
                    list.shrink_to(KEPT_CAPACITY);
                }
            }
        }
    }

    pub(super) fn count_valid(&self) -> usize {
        self.valid
    }

    pub(super) fn has_valid(&self) -> bool {
        self.valid > 0
    }

    /// Takes the entry that is next; it may be stale.
    pub(super) fn pop(&mut self) -> Option<Entry> {
        let is_lowest_turn = (self.taken + 1).is_multiple_of(LOWEST_FIRST_EVERY);
        let mut lists = self.lists.iter_mut();
        if is_lowest_turn {
            lists.rev().find_map(VecDeque::pop_front)
        } else {
            lists.find_map(VecDeque::pop_front)
        }
    }

    /// Returns how many entries stand before a line.
    pub(super) fn position(&self, priority: Priority, line: LineNumber) -> Option<usize> {
        let [high, medium, low] = &self.lists;
        let list = match priority {
            Priority::High => high,
            Priority::Medium => medium,
            Priority::Low => low,
        };
        list.iter().position(|entry| entry.line() == Some(line))
    }

    /// Counts a run that was taken.
    pub(super) fn count_taken(&mut self) {
        self.taken += 1;
    }

    fn list_mut(&mut self, priority: Priority) -> &mut VecDeque<Entry> {
        let [high, medium, low] = &mut self.lists;
        match priority {
            Priority::High => high,
            Priority::Medium => medium,
            Priority::Low => low,
        }
    }
}

/// An empty list with more room than this gives it back.
const KEPT_CAPACITY: usize = 65_536;
