//! The slots that stored runs live in, and the index from id to slot.

use aqueduct_broker_api::Sequence;
use aqueduct_core::id::IdMap;
use aqueduct_core::run::TaskRun;
use aqueduct_core::{ConsumerId, RunId};

/// The number of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot(pub(super) u32);

/// A number that is given once: it tells the entry of a list that is still valid from stale ones. Zero is
/// never given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(pub(super) u64);

/// A stored run, and where it is.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) run: TaskRun,
    pub(super) place: Place,
    pub(super) queue: usize,
    pub(super) task: Option<usize>,
}

/// Where a stored run is: exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In no list; only within a step.
    Nowhere,
    /// In the ready list of its queue, lane and priority.
    Ready(Ticket),
    /// In the line of its limits, until they let it start.
    Line(Ticket),
    /// Waiting for the ends of others.
    Awaiting,
    /// Among the delayed.
    Due(Ticket),
    /// In the hands of a consumer, at that place of its list, since that claim.
    Held {
        consumer: ConsumerId,
        position: usize,
        claim: Sequence,
    },
    /// Set aside, because its task is paused.
    Aside(Ticket),
    /// Ended and kept.
    Kept,
}

/// All stored runs.
#[derive(Debug, Default)]
pub(super) struct Slots {
    stored: Vec<Option<Stored>>,
    free: Vec<Slot>,
    index: IdMap<RunId, Slot>,
    tickets: u64,
}

impl Slots {
    pub(super) fn insert(&mut self, stored: Stored) -> Slot {
        let id = stored.run.id;
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                // Four billion runs do not fit into memory.
                let slot = Slot(u32::try_from(self.stored.len()).unwrap_or(u32::MAX));
                self.stored.push(None);
                slot
            }
        };
        if let Some(place) = self.stored.get_mut(slot.number()) {
            *place = Some(stored);
        }
        self.index.insert(id, slot);
        slot
    }

    pub(super) fn remove(&mut self, slot: Slot) -> Option<Stored> {
        let stored = self.stored.get_mut(slot.number())?.take()?;
        self.index.remove(&stored.run.id);
        self.free.push(slot);
        if self.index.is_empty() && self.stored.len() > KEPT_CAPACITY {
            *self = Self {
                tickets: self.tickets,
                ..Self::default()
            };
        }
        Some(stored)
    }

    pub(super) fn slot_of(&self, id: RunId) -> Option<Slot> {
        self.index.get(&id).copied()
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Stored> {
        self.stored.get(slot.number())?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Stored> {
        self.stored.get_mut(slot.number())?.as_mut()
    }

    /// Returns every stored run; for administration only.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.stored.iter().flatten()
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn new_ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }
}

impl Slot {
    fn number(self) -> usize {
        self.0 as usize
    }
}

/// An empty store with more slots than this gives its memory back.
const KEPT_CAPACITY: usize = 65_536;
