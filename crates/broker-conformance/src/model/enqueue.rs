//! Enqueueing in the model, and what its steps share.

use aqueduct_broker_api::{
    BrokerError, BrokerErrorKind, EnqueueRequest, Enqueued, MAX_ENQUEUE_BATCH, REPLAY_WINDOW,
    Sequence,
};
use aqueduct_core::run::{Gathered, TaskRun, Transition};
use aqueduct_core::{QueuedTask, RunId, RunState, Timestamp};

use super::{Model, Stored};

pub(super) fn over_limit(operation: &'static str) -> BrokerError {
    BrokerError::new(
        BrokerErrorKind::LimitExceeded,
        operation,
        "over the limit of a batch",
    )
}

/// Refuses a request that is older than the window of its client.
pub(super) fn check_age<A>(
    answers: &std::collections::BTreeMap<Sequence, A>,
    sequence: Sequence,
) -> Result<(), BrokerError> {
    let newest = answers.keys().last().map_or(0, |newest| newest.number());
    if sequence.number() + REPLAY_WINDOW <= newest {
        return Err(BrokerError::new(
            BrokerErrorKind::Stale,
            "repeat",
            "older than the window",
        ));
    }
    Ok(())
}

impl Model {
    pub(super) fn enqueue(
        &mut self,
        request: &EnqueueRequest,
        now: Timestamp,
    ) -> Result<Vec<Enqueued>, BrokerError> {
        if request.tasks.len() > MAX_ENQUEUE_BATCH {
            return Err(over_limit("enqueue"));
        }
        let known = self.producers.entry(request.producer).or_default();
        check_age(known, request.sequence)?;
        if let Some(answers) = known.get(&request.sequence) {
            return Ok(answers.clone());
        }
        let mut answers = Vec::new();
        for together in request.tasks.chunk_by(|_, next| next.with_previous) {
            answers.extend(self.store_together(together, now));
        }
        let known = self.producers.entry(request.producer).or_default();
        known.insert(request.sequence, answers.clone());
        Ok(answers)
    }

    /// Stores tasks that belong together: all of them or none.
    fn store_together(&mut self, tasks: &[QueuedTask], now: Timestamp) -> Vec<Enqueued> {
        let is_known = tasks.iter().any(|task| self.index(task.id).is_some());
        if tasks.len() > 1 && is_known {
            let known = tasks.iter().map(|task| Enqueued::Duplicate(task.id));
            return known.collect();
        }
        tasks.iter().map(|task| self.store(task, now)).collect()
    }

    pub(super) fn store(&mut self, task: &QueuedTask, now: Timestamp) -> Enqueued {
        if self.index(task.id).is_some() {
            return Enqueued::Duplicate(task.id);
        }
        let answer = match self.answer_by_key(task, now) {
            Some(answer) => answer,
            None => self.add(task.clone(), now),
        };
        self.note_keys(task, answer, now);
        answer
    }

    fn add(&mut self, task: QueuedTask, now: Timestamp) -> Enqueued {
        let run = TaskRun::accept(task, now);
        let state = run.state;
        self.runs.push(Stored {
            run,
            place: 0,
            holder: None,
            until: None,
            cancel: None,
            stands: false,
            gathered: Gathered::default(),
        });
        self.line_up(self.runs.len() - 1, false, now);
        Enqueued::Accepted(state)
    }

    pub(super) fn next_tail(&mut self) -> i64 {
        self.tail += 1;
        self.tail
    }

    pub(super) fn next_head(&mut self) -> i64 {
        self.head -= 1;
        self.head
    }

    pub(super) fn index(&self, id: RunId) -> Option<usize> {
        self.runs.iter().position(|stored| stored.run.id == id)
    }

    pub(super) fn apply(&mut self, index: usize, transition: Transition) {
        let run = &mut self.runs[index].run;
        run.state = run
            .state
            .after(transition)
            .expect("the model makes allowed transitions only");
        // What an attempt reports goes with it.
        run.progress = None;
    }

    /// Moves due runs to the tails of their queues, the earliest first.
    pub(super) fn promote(&mut self, now: Timestamp) {
        self.open_due(now);
        let waits =
            |stored: &Stored| matches!(stored.run.state, RunState::Scheduled | RunState::Retrying);
        let mut due: Vec<usize> = (0..self.runs.len())
            .filter(|index| waits(&self.runs[*index]) && self.runs[*index].run.due_at <= now)
            .collect();
        due.sort_by_key(|index| (self.runs[*index].run.due_at, self.runs[*index].place));
        for index in due {
            self.apply(index, Transition::Due);
            self.line_up(index, false, now);
        }
    }
}
