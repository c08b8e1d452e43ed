//! Replay windows: the last answers to each client, so that a repeated request changes nothing.

use std::collections::VecDeque;

use aqueduct_broker_api::{BrokerError, BrokerErrorKind, REPLAY_WINDOW, Sequence};

/// The last answers to one client.
#[derive(Debug)]
pub(super) struct Replay<A> {
    newest: u64,
    answers: VecDeque<(u64, A)>,
}

impl<A> Default for Replay<A> {
    fn default() -> Self {
        Self {
            newest: 0,
            answers: VecDeque::new(),
        }
    }
}

impl<A> Replay<A> {
    /// Returns the recorded answer to a request, or `None` for a new one.
    ///
    /// # Errors
    ///
    /// Returns an error for a request older than the window.
    pub(super) fn look_up(
        &self,
        sequence: Sequence,
        operation: &'static str,
    ) -> Result<Option<&A>, BrokerError> {
        let number = sequence.number();
        if number > self.newest {
            return Ok(None);
        }
        if number + REPLAY_WINDOW <= self.newest {
            let message = format!(
                "request {number} is older than the last {REPLAY_WINDOW} requests of its client"
            );
            return Err(BrokerError::new(BrokerErrorKind::Stale, operation, message));
        }
        let recorded = self
            .answers
            .iter()
            .rev()
            .find(|(recorded, _)| *recorded == number);
        Ok(recorded.map(|(_, answer)| answer))
    }

    /// Returns the recorded answer to a request, to correct it.
    pub(super) fn recorded_mut(&mut self, sequence: Sequence) -> Option<&mut A> {
        let mut answers = self.answers.iter_mut().rev();
        let (_, answer) = answers.find(|(number, _)| *number == sequence.number())?;
        Some(answer)
    }

    /// Records the answer to a new request.
    pub(super) fn record(&mut self, sequence: Sequence, answer: A) {
        self.newest = self.newest.max(sequence.number());
        self.answers.push_back((sequence.number(), answer));
        let oldest = (self.newest + 1).saturating_sub(REPLAY_WINDOW);
        while self
            .answers
            .front()
            .is_some_and(|(number, _)| *number < oldest)
        {
            self.answers.pop_front();
        }
    }
}
