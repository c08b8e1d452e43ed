//! Changes of schedules: a stream whose last id is the revision, which any number of schedulers read.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use super::listening::{Listeners, Listening, Loop, Round};
use crate::decode;
use crate::lifeline::Lifeline;
use crate::link::{Args, LONGEST_BLOCK, Link, LinkError, Reply};

/// The changes of schedules, as this process hears of them.
pub(crate) struct Changes {
    lifeline: Arc<Lifeline>,
    listeners: Arc<Listeners>,
    stream: Arc<Stream>,
    running: OnceLock<Loop>,
}

/// Somebody who waits for a change.
#[derive(Debug)]
pub(crate) struct Waiter {
    revision: watch::Receiver<Option<u64>>,
    _listening: Listening,
}

#[derive(Debug)]
struct Stream {
    name: String,
    /// The last revision that was heard of.
    revision: watch::Sender<Option<u64>>,
}

impl Changes {
    pub(crate) fn new(lifeline: Arc<Lifeline>) -> Self {
        let stream = Stream {
            name: lifeline.keys().name("schedules:changes"),
            revision: watch::Sender::new(None),
        };
        Self {
            lifeline,
            listeners: Arc::default(),
            stream: Arc::new(stream),
            running: OnceLock::new(),
        }
    }

    /// Starts to listen.
    pub(crate) fn listen(&self) -> Waiter {
        self.running.get_or_init(|| {
            Loop::start(
                &self.lifeline,
                Arc::clone(&self.listeners),
                Arc::clone(&self.stream),
            )
        });
        Waiter {
            revision: self.stream.revision.subscribe(),
            _listening: Listeners::add(&self.listeners),
        }
    }
}

impl Waiter {
    /// Waits until a revision other than `seen` was heard of.
    pub(crate) async fn other_than(&mut self, seen: u64) {
        // The sender lives as long as the broker that is waited at.
        let _ = self
            .revision
            .wait_for(|revision| revision.is_some_and(|it| it != seen))
            .await;
    }
}

impl Round for Stream {
    async fn block(&self, link: &Link) -> Result<(), LinkError> {
        let last = self.revision.borrow().unwrap_or(0);
        let mut args = Args::default();
        args.word("BLOCK")
            .number(u64::try_from(LONGEST_BLOCK.as_millis()).unwrap_or(0))
            .word("STREAMS");
        args.text(&self.name).text(&format!("{last}-0"));
        let reply = link.blocking("XREAD", args, LONGEST_BLOCK).await?;
        if !reply.is_nil() {
            self.revision.send_replace(Some(last_revision(reply)?));
        }
        Ok(())
    }

    fn connected(&self) {}

    fn lost(&self) {}
}

/// Reads the id of the only entry of the only stream: the revision, and `-0`.
fn last_revision(reply: Reply) -> Result<u64, LinkError> {
    let mut streams = reply.into_list()?;
    let mut stream = decode::next(&mut streams)?.into_list()?;
    let _name = decode::next(&mut stream)?;
    let mut entries = decode::next(&mut stream)?.into_list()?;
    let mut entry = decode::next(&mut entries)?.into_list()?;
    let id = decode::next(&mut entry)?.into_text()?;
    let number = id
        .split_once('-')
        .and_then(|(number, _)| number.parse().ok());
    number.ok_or_else(|| LinkError::unexpected("an id of a stream"))
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}
