//! The steps of the model.

use aqueduct_broker_api::{
    BrokerError, BrokerErrorKind, Cancel, CancelAnswer, ClaimRequest, Claimed, EnqueueRequest,
    Enqueued, ExtendRequest, Extended, Lease, LeaseToken, MAX_CLAIM_BATCH, MAX_ENQUEUE_BATCH,
    PauseScope, QueueLengths, REPLAY_WINDOW, ReclaimRequest, Reclaimed, Sequence, Settle,
    SettleRequest, Settled, Settlement,
};
use aqueduct_core::run::{Failure, FailureKind, Reason, Tally, TaskRun, Transition};
use aqueduct_core::{
    ConsumerId, Lane, Priority, QueueName, QueuedTask, RunId, RunState, Timestamp,
};

use super::{Answer, KEEP_ENDED, KEEP_FAILED, Model, Stored};

fn over_limit(operation: &'static str) -> BrokerError {
    BrokerError::new(
        BrokerErrorKind::LimitExceeded,
        operation,
        "over the limit of a batch",
    )
}

/// Refuses a request that is older than the window of its client.
fn check_age<A>(
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
        request: EnqueueRequest,
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
        let answers: Vec<Enqueued> = request
            .tasks
            .into_iter()
            .map(|task| self.store(task, now))
            .collect();
        let known = self.producers.entry(request.producer).or_default();
        known.insert(request.sequence, answers.clone());
        Ok(answers)
    }

    pub(super) fn store(&mut self, task: QueuedTask, now: Timestamp) -> Enqueued {
        let key = task
            .options
            .as_ref()
            .and_then(|options| options.unique.clone());
        for stored in &self.runs {
            let held = stored
                .run
                .options
                .as_ref()
                .and_then(|options| options.unique.clone());
            let holds_key = key.is_some() && held == key && !stored.run.state.is_final();
            if stored.run.id == task.id || holds_key {
                return Enqueued::Duplicate(stored.run.id);
            }
        }
        let run = TaskRun::accept(task, now);
        let state = run.state;
        let place = self.next_tail();
        self.runs.push(Stored {
            run,
            place,
            holder: None,
            until: None,
            cancel: None,
        });
        Enqueued::Accepted(state)
    }

    fn next_tail(&mut self) -> i64 {
        self.tail += 1;
        self.tail
    }

    fn next_head(&mut self) -> i64 {
        self.head -= 1;
        self.head
    }

    fn index(&self, id: RunId) -> Option<usize> {
        self.runs.iter().position(|stored| stored.run.id == id)
    }

    fn apply(&mut self, index: usize, transition: Transition) {
        let run = &mut self.runs[index].run;
        run.state = run
            .state
            .after(transition)
            .expect("the model makes allowed transitions only");
    }

    /// Moves due runs to the tails of their queues, the earliest first.
    pub(super) fn promote(&mut self, now: Timestamp) {
        let waits =
            |stored: &Stored| matches!(stored.run.state, RunState::Scheduled | RunState::Retrying);
        let mut due: Vec<usize> = (0..self.runs.len())
            .filter(|index| waits(&self.runs[*index]) && self.runs[*index].run.due_at <= now)
            .collect();
        due.sort_by_key(|index| (self.runs[*index].run.due_at, self.runs[*index].place));
        for index in due {
            self.apply(index, Transition::Due);
            self.runs[index].place = self.next_tail();
        }
    }

    pub(super) fn claim(
        &mut self,
        request: ClaimRequest,
        now: Timestamp,
    ) -> Result<Claimed, BrokerError> {
        let ClaimRequest {
            consumer,
            sequence,
            lease,
            wants,
            settle,
            ..
        } = request;
        if wants.iter().map(|want| want.max).sum::<usize>() > MAX_CLAIM_BATCH {
            return Err(over_limit("claim"));
        }
        let known = self.consumers.entry(consumer).or_default();
        check_age(&known.answers, sequence)?;
        known.lease_until = known.lease_until.max(now.saturating_add(lease));
        let mut claimed = Claimed::default();
        if let Some(answer) = known.answers.get(&sequence).cloned() {
            let still = |id: &RunId| {
                let stored = &self.runs[self.index(*id)?];
                let is_held = stored.holder == Some((consumer, sequence));
                is_held.then(|| Lease::new(stored.run.clone(), consumer))
            };
            claimed.leases = answer.claimed.iter().filter_map(still).collect();
            claimed.settled = answer.settled;
        } else {
            claimed.settled = self.settle_all(consumer, settle, now);
            self.promote(now);
            for want in wants {
                for queue in want.queues.iter() {
                    let room = want.max - claimed.leases.len().min(want.max);
                    claimed.leases.extend(self.take(
                        queue,
                        want.lane,
                        room,
                        (consumer, sequence),
                        now,
                    ));
                }
            }
            let ids = claimed.leases.iter().map(|lease| lease.run().id).collect();
            let answer = Answer {
                claimed: ids,
                settled: claimed.settled.clone(),
            };
            self.consumers
                .entry(consumer)
                .or_default()
                .answers
                .insert(sequence, answer);
        }
        claimed.cancels = self.cancels(consumer);
        Ok(claimed)
    }

    #[expect(clippy::too_many_arguments, reason = "the model is plain on purpose")]
    fn take(
        &mut self,
        queue: &QueueName,
        lane: Lane,
        max: usize,
        holder: (ConsumerId, Sequence),
        now: Timestamp,
    ) -> Vec<Lease> {
        let mut leases = Vec::new();
        while leases.len() < max {
            let Some(index) = self.next(queue, lane) else {
                break;
            };
            if self.runs[index].run.is_past_deadline(now) {
                self.end(index, Transition::Expire, now);
                continue;
            }
            self.apply(index, Transition::Claim);
            *self.served.entry((queue.clone(), lane)).or_default() += 1;
            self.runs[index].run.tally.attempt += 1;
            self.runs[index].holder = Some(holder);
            leases.push(Lease::new(self.runs[index].run.clone(), holder.0));
        }
        leases
    }

    /// Returns the run to serve next.
    fn next(&self, queue: &QueueName, lane: Lane) -> Option<usize> {
        if self.paused.contains(&PauseScope::Queue(queue.clone())) {
            return None;
        }
        let served = self
            .served
            .get(&(queue.clone(), lane))
            .copied()
            .unwrap_or(0);
        let mut priorities = Priority::ALL;
        if (served + 1).is_multiple_of(16) {
            priorities.reverse();
        }
        let is_paused = |run: &TaskRun| self.paused.contains(&PauseScope::Task(run.task.clone()));
        priorities.into_iter().find_map(|priority| {
            let candidates = (0..self.runs.len()).filter(|index| {
                let run = &self.runs[*index].run;
                (run.state, run.priority, run.lane, &run.queue)
                    == (RunState::Queued, priority, lane, queue)
                    && !is_paused(run)
            });
            candidates.min_by_key(|index| self.runs[*index].place)
        })
    }

    pub(super) fn settle(
        &mut self,
        request: SettleRequest,
        now: Timestamp,
    ) -> Result<Vec<Settled>, BrokerError> {
        let SettleRequest {
            consumer,
            sequence,
            items,
            ..
        } = request;
        let known = self.consumers.entry(consumer).or_default();
        check_age(&known.answers, sequence)?;
        if let Some(answer) = known.answers.get(&sequence) {
            return Ok(answer.settled.clone());
        }
        let settled = self.settle_all(consumer, items, now);
        let answer = Answer {
            settled: settled.clone(),
            ..Answer::default()
        };
        self.consumers
            .entry(consumer)
            .or_default()
            .answers
            .insert(sequence, answer);
        Ok(settled)
    }

    fn settle_all(
        &mut self,
        consumer: ConsumerId,
        items: Vec<Settle>,
        now: Timestamp,
    ) -> Vec<Settled> {
        let settle = |item: Settle| match self.held(consumer, item.token) {
            Some(index) => Settled::Applied(self.settle_one(index, item.settlement, now)),
            None => Settled::LeaseLost,
        };
        items.into_iter().map(settle).collect()
    }

    fn held(&self, consumer: ConsumerId, token: LeaseToken) -> Option<usize> {
        let index = self.index(token.run)?;
        let stored = &self.runs[index];
        let is_holder = stored.holder.is_some_and(|(holder, _)| holder == consumer);
        let fits = token.consumer == consumer && token.attempt == stored.run.tally.attempt;
        (is_holder && fits).then_some(index)
    }

    fn settle_one(&mut self, index: usize, settlement: Settlement, now: Timestamp) -> RunState {
        let is_end = matches!(
            settlement,
            Settlement::Succeed { .. } | Settlement::Fail { .. } | Settlement::Cancel { .. }
        );
        let settlement = match self.runs[index].cancel.clone() {
            Some(reason) if !is_end => Settlement::Cancel { reason },
            _ => settlement,
        };
        let transition = settlement.transition();
        let run = &mut self.runs[index].run;
        match &settlement {
            Settlement::Release | Settlement::Snooze { .. } => {}
            Settlement::Park { .. } => run.tally.parks += 1,
            Settlement::Retry { .. } | Settlement::Fail { .. } => {
                run.tally.failures += 1;
                run.tally.parks = 0;
            }
            _ => run.tally.parks = 0,
        }
        self.runs[index].holder = None;
        match settlement {
            Settlement::Retry { wait, failure } | Settlement::Park { wait, failure } => {
                self.runs[index].run.record_mut().failure = Some(failure);
                self.wait(index, transition, now.saturating_add(wait))
            }
            Settlement::Snooze { wait } => self.wait(index, transition, now.saturating_add(wait)),
            Settlement::Succeed { result } => {
                self.runs[index].run.record_mut().result = result;
                self.end(index, transition, now)
            }
            Settlement::Fail { failure } => {
                self.runs[index].run.record_mut().failure = Some(failure);
                self.end(index, transition, now)
            }
            Settlement::Cancel { reason } => {
                self.runs[index].run.record_mut().reason = Some(reason);
                self.end(index, transition, now)
            }
            _ => self.back_to_head(index, Transition::Release),
        }
    }

    fn wait(&mut self, index: usize, transition: Transition, due_at: Timestamp) -> RunState {
        self.apply(index, transition);
        self.runs[index].run.due_at = due_at;
        self.runs[index].place = self.next_tail();
        self.runs[index].run.state
    }

    fn back_to_head(&mut self, index: usize, transition: Transition) -> RunState {
        self.apply(index, transition);
        self.runs[index].holder = None;
        self.runs[index].place = self.next_head();
        self.runs[index].run.state
    }

    fn end(&mut self, index: usize, transition: Transition, now: Timestamp) -> RunState {
        self.apply(index, transition);
        let stored = &mut self.runs[index];
        stored.holder = None;
        let state = stored.run.state;
        let asked = stored
            .run
            .options
            .as_ref()
            .and_then(|options| options.keep_result);
        let keep = match state {
            RunState::Failed => Some(asked.unwrap_or_default().max(KEEP_FAILED)),
            RunState::Cancelled | RunState::Expired => {
                Some(asked.unwrap_or_default().max(KEEP_ENDED))
            }
            _ => asked,
        };
        match keep {
            Some(keep) => {
                stored.until = Some(now.saturating_add(keep));
                stored.run.record_mut().ended_at = Some(now);
            }
            None => drop(self.runs.remove(index)),
        }
        state
    }

    fn cancels(&self, consumer: ConsumerId) -> Vec<Cancel> {
        let mine = self
            .runs
            .iter()
            .filter(|it| it.holder.is_some_and(|(id, _)| id == consumer));
        mine.filter_map(|it| Some(Cancel::new(it.run.id, it.cancel.clone()?)))
            .collect()
    }

    pub(super) fn extend(&mut self, request: &ExtendRequest, now: Timestamp) -> Extended {
        let ExtendRequest {
            consumer,
            lease,
            held,
            answered,
            ..
        } = request;
        let known = self.consumers.entry(*consumer).or_default();
        known.lease_until = known.lease_until.max(now.saturating_add(*lease));
        let mut extended = Extended::default();
        let lost = held
            .iter()
            .filter(|token| self.held(*consumer, **token).is_none());
        extended.lost = lost.map(|token| token.run).collect();
        for id in self.held_latest_first(*consumer) {
            let Some(index) = self.index(id) else {
                continue;
            };
            let stored = &self.runs[index];
            let is_answered = stored
                .holder
                .is_some_and(|(id, claim)| id == *consumer && claim <= *answered);
            if is_answered && held.iter().all(|token| token.run != stored.run.id) {
                extended.released += 1;
                match stored.cancel.clone() {
                    Some(reason) => {
                        self.runs[index].run.record_mut().reason = Some(reason);
                        self.end(index, Transition::Cancel, now);
                    }
                    None => drop(self.back_to_head(index, Transition::Release)),
                }
            }
        }
        extended.cancels = self.cancels(*consumer);
        extended
    }

    pub(super) fn reclaim(&mut self, request: ReclaimRequest, now: Timestamp) -> Reclaimed {
        let mut done = Reclaimed::default();
        self.promote(now);
        let stall = request.beat * 3;
        if self
            .last_beat
            .is_some_and(|last| now.saturating_since(last) > stall)
        {
            self.paused_until = now.saturating_add(request.lease);
        }
        self.last_beat = Some(now);
        if self.paused_until > now {
            done.paused_for = Some(self.paused_until.saturating_since(now));
        } else {
            self.take_back(&request, now, &mut done);
        }
        for index in (0..self.runs.len()).rev() {
            let run = &self.runs[index].run;
            let waits = matches!(run.state, RunState::Scheduled | RunState::Queued);
            if waits && run.is_past_deadline(now) {
                self.end(index, Transition::Expire, now);
                done.expired += 1;
            }
        }
        let before = self.runs.len();
        self.runs
            .retain(|stored| stored.until.is_none_or(|until| until > now));
        done.swept = before - self.runs.len();
        done
    }

    /// Returns what a consumer holds, the greatest id first: given back to the head in this order,
    /// the runs are served in the order of their ids.
    fn held_latest_first(&self, consumer: ConsumerId) -> Vec<RunId> {
        let held = self
            .runs
            .iter()
            .filter(|it| it.holder.is_some_and(|(id, _)| id == consumer));
        let mut ids: Vec<RunId> = held.map(|stored| stored.run.id).collect();
        ids.sort_by(|a, b| b.cmp(a));
        ids
    }

    /// Takes the runs of dead consumers, the one whose lease ran out first before the others.
    fn take_back(&mut self, request: &ReclaimRequest, now: Timestamp, done: &mut Reclaimed) {
        let mut dead: Vec<(Timestamp, ConsumerId)> = self
            .consumers
            .iter()
            .map(|(id, it)| (it.lease_until, *id))
            .collect();
        dead.retain(|(lease_until, _)| *lease_until <= now);
        dead.sort();
        let held: Vec<RunId> = dead
            .iter()
            .flat_map(|(_, dead)| self.held_latest_first(*dead))
            .collect();
        for id in held {
            let Some(index) = self.index(id) else {
                continue;
            };
            if done.requeued + done.failed + done.cancelled >= request.limit {
                done.more = true;
                return;
            }
            match self.take_back_one(index, request.crash_budget, now) {
                RunState::Queued => done.requeued += 1,
                RunState::Cancelled => done.cancelled += 1,
                _ => done.failed += 1,
            }
        }
        self.consumers.retain(|_, it| it.lease_until > now);
    }

    fn take_back_one(&mut self, index: usize, budget: u32, now: Timestamp) -> RunState {
        let cancel = self.runs[index].cancel.clone();
        let run = &mut self.runs[index].run;
        run.tally.crashes += 1;
        let crashes = run.tally.crashes;
        let failure = Failure::new(FailureKind::Crash, "its consumer died");
        run.record_mut().failure = Some(failure);
        if let Some(reason) = cancel {
            run.record_mut().reason = Some(reason);
            return self.end(index, Transition::Cancel, now);
        }
        if crashes >= budget {
            return self.end(index, Transition::Fail, now);
        }
        self.back_to_head(index, Transition::Reclaim)
    }

    pub(super) fn find(&self, id: RunId) -> Option<&TaskRun> {
        Some(&self.runs[self.index(id)?].run)
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = &TaskRun> {
        self.runs.iter().map(|stored| &stored.run)
    }

    pub(super) fn cancel(&mut self, id: RunId, reason: &Reason, now: Timestamp) -> CancelAnswer {
        let Some(index) = self.index(id) else {
            return CancelAnswer::Unknown;
        };
        let stored = &mut self.runs[index];
        if stored.run.state.is_final() {
            return CancelAnswer::AlreadyEnded(stored.run.state);
        }
        if stored.holder.is_some() {
            stored.cancel.get_or_insert_with(|| reason.clone());
            return CancelAnswer::Requested;
        }
        stored.run.record_mut().reason = Some(reason.clone());
        self.end(index, Transition::Cancel, now);
        CancelAnswer::Cancelled
    }

    pub(super) fn requeue(&mut self, id: RunId, now: Timestamp) -> bool {
        let Some(index) = self.index(id) else {
            return false;
        };
        let run = &self.runs[index].run;
        let key = run
            .options
            .as_ref()
            .and_then(|options| options.unique.clone());
        let key_of = |run: &TaskRun| {
            run.options
                .as_ref()
                .and_then(|options| options.unique.clone())
        };
        let is_held = key.is_some()
            && self
                .runs()
                .any(|other| !other.state.is_final() && key_of(other) == key);
        if run.state.after(Transition::Requeue).is_none() || is_held {
            return false;
        }
        let place = self.next_tail();
        let stored = &mut self.runs[index];
        let attempt = stored.run.tally.attempt;
        stored.run.tally = Tally {
            attempt,
            ..Tally::default()
        };
        stored.run.record = None;
        stored.run.due_at = now;
        if let Some(options) = &mut stored.run.options {
            options.deadline = None;
        }
        (stored.place, stored.until, stored.cancel) = (place, None, None);
        self.apply(index, Transition::Requeue);
        true
    }

    pub(super) fn purge(&mut self, queue: &QueueName) -> usize {
        let before = self.runs.len();
        self.runs.retain(|stored| {
            let waits = !stored.run.state.is_final() && stored.holder.is_none();
            !(waits && stored.run.queue == *queue)
        });
        before - self.runs.len()
    }

    pub(super) fn lengths(&self, queue: &QueueName) -> QueueLengths {
        let mut lengths = QueueLengths::empty(queue.clone());
        for run in self.runs().filter(|run| run.queue == *queue) {
            match run.state {
                RunState::Queued => lengths.queued += 1,
                RunState::Scheduled => lengths.scheduled += 1,
                RunState::Retrying => lengths.retrying += 1,
                RunState::Running => lengths.running += 1,
                _ => {}
            }
        }
        lengths
    }
}
