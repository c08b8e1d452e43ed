//! The bus: hands each event to the queue of each observer, and never waits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aqueduct_core::event::{EventSink, RunEvent};
use tokio::sync::oneshot;

use super::stats::{Counters, ObserverStats, count};
use super::{AsyncObserver, Observer, sync, tasks};

/// The observers of an application.
#[derive(Debug, Default)]
pub(crate) struct ObserverBus {
    lines: Vec<Line>,
}

/// The queue of one observer.
#[derive(Debug)]
struct Line {
    sender: Mutex<Option<Sender>>,
    counters: Arc<Counters>,
    finished: Mutex<Option<oneshot::Receiver<()>>>,
}

/// The sending half of a queue, by the kind of observer.
#[derive(Clone, Debug)]
pub(super) enum Sender {
    Thread(std::sync::mpsc::SyncSender<RunEvent>),
    Task(tokio::sync::mpsc::Sender<RunEvent>),
}

impl ObserverBus {
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Starts a thread for a synchronous observer.
    pub(crate) fn add(&mut self, observer: Box<dyn Observer>) -> std::io::Result<()> {
        let counters = Arc::new(Counters::default());
        let (sender, finished) = sync::start(observer, Arc::clone(&counters))?;
        self.lines
            .push(Line::new(Sender::Thread(sender), counters, finished));
        Ok(())
    }

    /// Starts a task for an asynchronous observer.
    pub(crate) fn add_async(&mut self, observer: impl AsyncObserver) {
        let counters = Arc::new(Counters::default());
        let (sender, finished) = tasks::start(observer, Arc::clone(&counters));
        self.lines
            .push(Line::new(Sender::Task(sender), counters, finished));
    }

    /// Returns what became of the events, observer by observer.
    pub(crate) fn stats(&self) -> Vec<ObserverStats> {
        self.lines
            .iter()
            .map(|line| line.counters.snapshot())
            .collect()
    }

    /// Takes no more events, and waits until the observers have seen all, at most so long.
    pub(crate) async fn close(&self, at_most: Duration) {
        for line in &self.lines {
            line.sender
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
        }
        let all = async {
            for line in &self.lines {
                let finished = line
                    .finished
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take();
                if let Some(finished) = finished {
                    // An error means that the observer is gone, which is as good.
                    let _ = finished.await;
                }
            }
        };
        // An observer that hangs is left behind.
        let _ = tokio::time::timeout(at_most, all).await;
    }
}

impl EventSink for ObserverBus {
    fn emit(&self, event: RunEvent) {
        for line in &self.lines {
            line.send(event.clone());
        }
    }
}

impl Line {
    fn new(sender: Sender, counters: Arc<Counters>, finished: oneshot::Receiver<()>) -> Self {
        Self {
            sender: Mutex::new(Some(sender)),
            counters,
            finished: Mutex::new(Some(finished)),
        }
    }

    fn send(&self, event: RunEvent) {
        let sender = self
            .sender
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let sent = match sender {
            Some(Sender::Thread(sender)) => sender.try_send(event).is_ok(),
            Some(Sender::Task(sender)) => sender.try_send(event).is_ok(),
            None => false,
        };
        if !sent {
            count(&self.counters.dropped);
        }
    }
}
