//! Bells: a list a queue and lane, which a step that makes runs ready puts a token into.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aqueduct_core::{Lane, QueueName};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use super::listening::{Listeners, Listening, Loop, Round};
use crate::decode;
use crate::lifeline::Lifeline;
use crate::link::{Args, LONGEST_BLOCK, Link, LinkError, Reply};

/// The bells that this process listens to, by the names of their keys.
pub(crate) struct Bells {
    lifeline: Arc<Lifeline>,
    known: Mutex<HashMap<Vec<String>, Arc<Bell>>>,
}

/// Some bells that are listened to together.
#[derive(Debug)]
pub(crate) struct Bell {
    ear: Arc<Ear>,
    listeners: Arc<Listeners>,
    _loop: Loop,
}

/// Somebody who waits for a ring.
#[derive(Debug)]
pub(crate) struct Waiter {
    bell: Arc<Bell>,
    _listening: Listening,
}

#[derive(Debug)]
struct Ear {
    names: Vec<String>,
    rung: Arc<Notify>,
    listeners: Arc<Listeners>,
}

/// The most sets of bells with a connection each; those that nobody listens to go first.
const MAX_SETS: usize = 16;

impl Bells {
    pub(crate) fn new(lifeline: Arc<Lifeline>) -> Self {
        Self {
            lifeline,
            known: Mutex::default(),
        }
    }

    /// Starts to listen to the bells of some queues and lanes.
    pub(crate) fn listen(&self, queues: &[QueueName], lanes: &[Lane]) -> Waiter {
        let mut names: Vec<String> = queues
            .iter()
            .flat_map(|queue| {
                lanes
                    .iter()
                    .map(|lane| self.lifeline.keys().bell(queue, *lane))
            })
            .collect();
        names.sort_unstable();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_SETS && !known.contains_key(&names) {
            known.retain(|_, bell| bell.listeners.any());
        }
        let bell = known
            .entry(names)
            .or_insert_with_key(|names| Arc::new(self.start(names)));
        Waiter {
            _listening: Listeners::add(&bell.listeners),
            bell: Arc::clone(bell),
        }
    }

    fn start(&self, names: &[String]) -> Bell {
        let listeners = Arc::new(Listeners::default());
        let ear = Arc::new(Ear {
            names: names.to_vec(),
            rung: Arc::default(),
            listeners: Arc::clone(&listeners),
        });
        let running = Loop::start(&self.lifeline, Arc::clone(&listeners), Arc::clone(&ear));
        Bell {
            ear,
            listeners,
            _loop: running,
        }
    }

    /// Rings every bell in this process only.
    #[cfg(feature = "test-util")]
    pub(crate) fn ring_here(&self) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .values()
            .for_each(|bell| bell.ear.rung.notify_waiters());
    }
}

impl Waiter {
    /// Returns the next ring from now on.
    pub(crate) fn rung(&self) -> OwnedNotified {
        Arc::clone(&self.bell.ear.rung).notified_owned()
    }
}

impl Round for Ear {
    async fn block(&self, link: &Link) -> Result<(), LinkError> {
        let mut args = Args::with_capacity(self.names.len() + 1);
        for name in &self.names {
            args.text(name);
        }
        args.number(LONGEST_BLOCK.as_secs());
        let reply = link.blocking("BLPOP", args, LONGEST_BLOCK).await?;
        if reply.is_nil() {
            return Ok(());
        }
        if self.listeners.any() {
            self.rung.notify_waiters();
            return Ok(());
        }
        // Whoever listened has gone meanwhile: the ring is for somebody else.
        let mut parts = reply.into_list()?;
        let (name, token) = (decode::next(&mut parts)?, decode::next(&mut parts)?);
        let mut args = Args::default();
        args.bytes(Reply::into_bytes(name)?)
            .bytes(token.into_bytes()?);
        link.command("RPUSH", args).await.map(drop)
    }

    fn connected(&self) {
        self.rung.notify_waiters();
    }

    fn lost(&self) {
        self.rung.notify_waiters();
    }
}

impl fmt::Debug for Bells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bells").finish_non_exhaustive()
    }
}
