//! What happened in the applications of a test kit, in order.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aqueduct_consumer::MetricsHandle;
use aqueduct_core::event::{EventSink, Events, RunEvent, RunEventKind};
use aqueduct_core::layer::EnqueueLayer;
use aqueduct_core::manager::QueueError;
use aqueduct_core::run::Failure;
use aqueduct_core::{QueuedTask, RunId, RunState, TaskContext};

/// Notes what is queued, and what happens to runs.
#[derive(Debug, Default)]
pub(crate) struct Log {
    notes: Mutex<Notes>,
    consumers: Mutex<Vec<MetricsHandle>>,
}

#[derive(Debug, Default)]
struct Notes {
    /// What is on its way to the broker.
    leaving: HashMap<RunId, QueuedTask>,
    queued: VecDeque<QueuedTask>,
    events: VecDeque<RunEvent>,
    settled: usize,
}

impl Notes {
    /// Gives a run that was queued before what a later call says.
    fn replace(&mut self, run: RunId, by: RunId) {
        let Some(mut task) = self.leaving.remove(&by) else {
            return;
        };
        if let Some(queued) = self.queued.iter_mut().find(|queued| queued.id == run) {
            task.id = run;
            *queued = task;
        }
    }
}

/// How many runs and how many events are noted; the oldest are forgotten first.
pub(super) const MAX_NOTES: usize = 100_000;

/// Hands events to the log first, then on.
#[derive(Debug)]
struct Before(Arc<Log>, Events);

impl Log {
    /// Returns a place for events that notes them before it hands them on.
    pub(crate) fn before(log: &Arc<Self>, events: Events) -> Events {
        Events::to(Arc::new(Before(Arc::clone(log), events)))
    }

    /// Returns what the broker has accepted, in order.
    pub(super) fn queued(&self) -> Vec<QueuedTask> {
        self.notes().queued.iter().cloned().collect()
    }

    pub(super) fn events(&self) -> Vec<RunEvent> {
        self.notes().events.iter().cloned().collect()
    }

    /// Returns the states that the attempts of a run led to, in order.
    pub(super) fn states_of(&self, run: RunId) -> Vec<RunState> {
        let notes = self.notes();
        let events = notes.events.iter().filter(|event| event.run == run);
        events.filter_map(state_in).collect()
    }

    /// Returns why the last attempt of a run that failed did so.
    pub(super) fn failure_of(&self, run: RunId) -> Option<Failure> {
        let notes = self.notes();
        let mut events = notes.events.iter().rev().filter(|event| event.run == run);
        events.find_map(|event| match &event.kind {
            RunEventKind::Ended { failure, .. } => failure.clone(),
            _ => None,
        })
    }

    /// Notes a consumer, as long as the test lasts.
    pub(crate) fn note_consumer(&self, consumer: MetricsHandle) {
        let mut consumers = self
            .consumers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        consumers.push(consumer);
    }

    /// Returns how many runs all consumers hold that they have not settled.
    pub(super) fn unsettled(&self) -> usize {
        let consumers = self
            .consumers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        consumers.iter().map(MetricsHandle::unsettled).sum()
    }

    /// Returns how many attempts were settled.
    pub(super) fn settled(&self) -> usize {
        self.notes().settled
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push<T>(notes: &mut VecDeque<T>, note: T) {
    if notes.len() >= MAX_NOTES {
        notes.pop_front();
    }
    notes.push_back(note);
}

fn state_in(event: &RunEvent) -> Option<RunState> {
    match event.kind {
        RunEventKind::Ended { state, .. } => Some(state),
        _ => None,
    }
}

impl EnqueueLayer for Log {
    fn on_enqueue(
        &self,
        task: &mut QueuedTask,
        _parent: Option<&TaskContext>,
    ) -> Result<(), QueueError> {
        let mut notes = self.notes();
        // What the broker refused never arrives.
        if notes.leaving.len() >= MAX_NOTES {
            notes.leaving.clear();
        }
        notes.leaving.insert(task.id, task.clone());
        Ok(())
    }
}

impl EventSink for Before {
    fn emit(&self, event: RunEvent) {
        let Self(log, events) = self;
        let mut notes = log.notes();
        match event.kind {
            RunEventKind::Queued => {
                if let Some(task) = notes.leaving.remove(&event.run) {
                    push(&mut notes.queued, task);
                }
            }
            RunEventKind::Replaced { by } => notes.replace(event.run, by),
            _ => {}
        }
        notes.settled += usize::from(state_in(&event).is_some());
        push(&mut notes.events, event.clone());
        drop(notes);
        events.emit(|| event);
    }
}
