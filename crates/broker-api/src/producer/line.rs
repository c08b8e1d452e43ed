//! The line in front of the broker: a caller sends at once, or waits and is sent along.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aqueduct_core::ProducerId;
use aqueduct_core::queue::{Enqueued, QueuedTask};
use tokio::sync::oneshot;

use super::flight::{Flight, Landed};
use super::window::Window;
use crate::broker::Sequence;
use crate::enqueue::EnqueueRequest;
use crate::erased::BrokerHandle;
use crate::error::{BrokerError, BrokerErrorKind};

/// What a caller gets for its tasks; the error is shared by all whose tasks went together.
pub(super) type Answer = Result<Vec<Enqueued>, Arc<BrokerError>>;

/// What a waiting caller is woken with.
#[derive(Debug)]
pub(super) enum Turn {
    /// To send a request that carries its tasks, and perhaps those of others.
    Lead(Flight),
    /// Somebody else has sent its tasks.
    Answered(Answer),
}

/// A caller in the line.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) tasks: Vec<QueuedTask>,
    pub(super) turn: oneshot::Sender<Turn>,
    /// Whether its tasks go alone, because they were refused together with others.
    pub(super) is_alone: bool,
}

/// The callers of one producer, and its requests under way.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) broker: BrokerHandle,
    producer: ProducerId,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    window: Window,
    /// As many as there are callers.
    waiting: VecDeque<Waiting>,
}

impl Line {
    pub(super) fn new(broker: BrokerHandle) -> Self {
        let state = State {
            window: Window::new(),
            waiting: VecDeque::new(),
        };
        Self {
            broker,
            producer: ProducerId::generate(),
            state: Mutex::new(state),
        }
    }

    /// Sends tasks, alone or together with those of other callers.
    ///
    /// Dropping the future may leave the tasks queued or not; it never harms other callers.
    pub(super) async fn send(self: &Arc<Self>, tasks: Vec<QueuedTask>) -> Answer {
        let mut turn = match self.begin(tasks) {
            Ok(flight) => Turn::Lead(flight),
            Err(waiting) => next_turn(waiting).await,
        };
        loop {
            let flight = match turn {
                Turn::Answered(answer) => return answer,
                Turn::Lead(flight) => flight,
            };
            match flight.fly().await {
                Landed::Answered(answer) => return answer,
                Landed::SendAlone(waiting) => turn = next_turn(waiting).await,
            }
        }
    }

    /// Begins a request for one caller, or lets it wait behind others.
    fn begin(self: &Arc<Self>, tasks: Vec<QueuedTask>) -> Result<Flight, oneshot::Receiver<Turn>> {
        let mut state = self.state();
        if state.waiting.is_empty()
            && let Some(sequence) = state.window.begin()
        {
            let request = EnqueueRequest::new(self.producer, sequence, tasks);
            return Ok(Flight::new(Arc::clone(self), request));
        }
        let (turn, waiting) = oneshot::channel();
        state.waiting.push_back(Waiting {
            tasks,
            turn,
            is_alone: false,
        });
        Err(waiting)
    }

    /// Ends a request, lets `again` wait at the head, and gives turns to those there is room for.
    pub(super) fn end(self: &Arc<Self>, sequence: Sequence, again: Vec<Waiting>) {
        let mut flights = self.make_room(&[sequence], again);
        while !flights.is_empty() {
            // Outside the lock: the caller that is woken may take it at once.
            let untaken: Vec<_> = flights.into_iter().filter_map(Flight::hand_over).collect();
            flights = self.make_room(&untaken, Vec::new());
        }
    }

    /// Ends requests, and makes as many of the waiting as there is room for.
    fn make_room(self: &Arc<Self>, ended: &[Sequence], again: Vec<Waiting>) -> Vec<Flight> {
        let mut state = self.state();
        for sequence in ended {
            state.window.end(*sequence);
        }
        for waiting in again.into_iter().rev() {
            state.waiting.push_front(waiting);
        }
        std::iter::from_fn(|| self.next_flight(&mut state)).collect()
    }

    /// Makes a request of those who wait longest, if one more may be under way.
    fn next_flight(self: &Arc<Self>, state: &mut State) -> Option<Flight> {
        state.forget_the_dropped();
        state.waiting.front()?;
        let sequence = state.window.begin()?;
        let request = EnqueueRequest::new(self.producer, sequence, Vec::new());
        let mut flight = Flight::new(Arc::clone(self), request);
        while let Some(next) = state.waiting.front()
            && flight.has_room(next)
            && let Some(next) = state.waiting.pop_front()
        {
            flight.board(next);
            state.forget_the_dropped();
        }
        Some(flight)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes callers that are gone from the head: their tasks were never sent.
    fn forget_the_dropped(&mut self) {
        while self
            .waiting
            .front()
            .is_some_and(|next| next.turn.is_closed())
        {
            self.waiting.pop_front();
        }
    }
}

async fn next_turn(waiting: oneshot::Receiver<Turn>) -> Turn {
    waiting.await.unwrap_or_else(|_| {
        // The sender lives as long as the line, which the caller holds.
        let error = BrokerError::new(BrokerErrorKind::Unexpected, "enqueue", "the line is gone");
        Turn::Answered(Err(Arc::new(error)))
    })
}
