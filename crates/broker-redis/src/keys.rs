//! The names of keys: all of one broker share a hash tag, so that one step sees them all.

use bytes::Bytes;

use aqueduct_core::{Lane, QueueName};

use crate::link::{self, Args};

/// The keys of one namespace.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
    meta: Bytes,
    none: Bytes,
    slot: u16,
}

impl Keys {
    pub(crate) fn new(namespace: &str) -> Self {
        let prefix = format!("{{{namespace}}}:");
        let meta = format!("{prefix}meta");
        let none = format!("{prefix}none");
        let slot = link::slot_of(&meta);
        Self {
            prefix,
            meta: meta.into(),
            none: none.into(),
            slot,
        }
    }

    /// Returns the slot of all keys in a cluster.
    pub(crate) fn slot(&self) -> u16 {
        self.slot
    }

    /// Returns the key of that name.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Returns the key of the bell of a queue and a lane.
    pub(crate) fn bell(&self, queue: &QueueName, lane: Lane) -> String {
        self.name(&format!("bell:{lane}:{queue}"))
    }

    /// Begins the arguments of a script: the keys that every script declares.
    pub(crate) fn args(&self, capacity: usize) -> Args {
        let mut args = Args::with_capacity(capacity + 2);
        args.bytes(self.meta.clone()).bytes(self.none.clone());
        args
    }
}
