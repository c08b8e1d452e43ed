//! Ends of runs: a list of this process, which steps that end a run put it into.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use aqueduct_broker_api::{BrokerError, BrokerErrorKind, MAX_WAITS, wire};
use aqueduct_core::{ConsumerId, RunId, TaskRun};
use tokio::sync::watch;

use super::listening::{Listeners, Listening, Loop, Round};
use crate::decode;
use crate::items::consumer_name;
use crate::lifeline::Lifeline;
use crate::link::{Args, LONGEST_BLOCK, Link, LinkError, Reply};

/// The ends of runs, as this process hears of them.
pub(crate) struct Endings {
    lifeline: Arc<Lifeline>,
    listeners: Arc<Listeners>,
    ear: Arc<Ear>,
    running: OnceLock<Loop>,
}

/// Somebody who waits for the end of one run.
#[derive(Debug)]
pub(crate) struct Waiter {
    ear: Arc<Ear>,
    run: RunId,
    news: watch::Receiver<News>,
    _listening: Listening,
}

/// What was heard of a run last.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// Something may have been missed: it is to be looked up.
    Missed,
    /// It has ended or was removed: it is to be looked up.
    Gone,
    Ended(Arc<TaskRun>),
}

#[derive(Debug)]
struct Ear {
    /// The name of this process among those that wait.
    process: String,
    list: String,
    awaited: Mutex<HashMap<RunId, watch::Sender<News>>>,
}

/// The most ends that are taken off the list at once.
const TAKEN: u64 = 512;

impl Endings {
    pub(crate) fn new(lifeline: Arc<Lifeline>) -> Self {
        let process = consumer_name(ConsumerId::generate());
        let ear = Ear {
            list: lifeline.keys().name(&format!("ended:{process}")),
            process,
            awaited: Mutex::default(),
        };
        Self {
            lifeline,
            listeners: Arc::default(),
            ear: Arc::new(ear),
            running: OnceLock::new(),
        }
    }

    /// Returns the name of this process among those that wait.
    pub(crate) fn process(&self) -> &str {
        &self.ear.process
    }

    /// Starts to listen for the end of a run.
    pub(crate) fn listen(&self, run: RunId) -> Result<Waiter, BrokerError> {
        if self.listeners.count() >= MAX_WAITS {
            let message = format!("{MAX_WAITS} waits are under way");
            let kind = BrokerErrorKind::LimitExceeded;
            return Err(BrokerError::new(kind, "wait for an end", message));
        }
        self.running.get_or_init(|| {
            let (listeners, ear) = (Arc::clone(&self.listeners), Arc::clone(&self.ear));
            Loop::start(&self.lifeline, listeners, ear)
        });
        let mut awaited = self.ear.awaited();
        let sender = awaited
            .entry(run)
            .or_insert_with(|| watch::Sender::new(News::Missed));
        Ok(Waiter {
            news: sender.subscribe(),
            ear: Arc::clone(&self.ear),
            run,
            _listening: Listeners::add(&self.listeners),
        })
    }
}

impl Waiter {
    /// Waits for news of the run.
    pub(crate) async fn news(&mut self) -> News {
        // The sender is there as long as somebody waits.
        let _ = self.news.changed().await;
        self.news.borrow_and_update().clone()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut awaited = self.ear.awaited();
        if awaited
            .get(&self.run)
            .is_some_and(|sender| sender.receiver_count() <= 1)
        {
            awaited.remove(&self.run);
        }
    }
}

impl Ear {
    fn awaited(&self) -> MutexGuard<'_, HashMap<RunId, watch::Sender<News>>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes on an entry of the list: a run, an id to look up, or nothing, which means all of them.
    fn hear(&self, entry: &[u8]) -> Result<(), LinkError> {
        if entry.is_empty() {
            self.lost();
            return Ok(());
        }
        let whole = (entry.len() > ID_BYTES).then(|| wire::decode(entry));
        let (id, news) = match whole {
            Some(Ok(run)) => (run.id, News::Ended(Arc::new(run))),
            // Whoever looks it up is told what is wrong with it.
            Some(Err(_)) => (
                decode::run_id(entry.get(ID_IN_RUN).unwrap_or_default())?,
                News::Gone,
            ),
            None => (decode::run_id(entry)?, News::Gone),
        };
        if let Some(sender) = self.awaited().get(&id) {
            sender.send_replace(news);
        }
        Ok(())
    }
}

impl Round for Ear {
    async fn block(&self, link: &Link) -> Result<(), LinkError> {
        let mut args = Args::with_capacity(6);
        args.number(LONGEST_BLOCK.as_secs()).number(1);
        args.text(&self.list)
            .word("LEFT")
            .word("COUNT")
            .number(TAKEN);
        let reply = link.blocking("BLMPOP", args, LONGEST_BLOCK).await?;
        if reply.is_nil() {
            return Ok(());
        }
        let mut parts = reply.into_list()?;
        let _list = decode::next(&mut parts)?;
        let entries = decode::next(&mut parts)?.into_list()?;
        for entry in entries.map(Reply::into_bytes) {
            self.hear(&entry?)?;
        }
        Ok(())
    }

    /// Also before the first connection, somebody may have been noted by a server that is gone now.
    fn connected(&self) {
        self.lost();
    }

    fn lost(&self) {
        for sender in self.awaited().values() {
            // What was heard of it is not forgotten for this.
            sender.send_if_modified(|news| matches!(news, News::Missed));
        }
    }
}

impl fmt::Debug for Endings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endings").finish_non_exhaustive()
    }
}

/// The length of an id, and where it is in a run.
const ID_BYTES: usize = 16;
const ID_IN_RUN: std::ops::Range<usize> = 4..20;
