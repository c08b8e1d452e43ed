//! Claiming in the model.

use aqueduct_broker_api::{
    BrokerError, ClaimRequest, Claimed, Lease, MAX_CLAIM_BATCH, PauseScope, Sequence,
};
use aqueduct_core::run::{TaskRun, Transition};
use aqueduct_core::{ConsumerId, Lane, Priority, QueueName, RunId, RunState, Timestamp};

use super::enqueue::{check_age, over_limit};
use super::{Answer, Model};

/// What is at the head of the ready lists.
enum Next {
    Run(usize),
    /// A line of runs that waited because of a limit, and may go on.
    Line(usize),
}

impl Model {
    pub(super) fn claim(
        &mut self,
        request: &ClaimRequest,
        now: Timestamp,
    ) -> Result<Claimed, BrokerError> {
        let ClaimRequest {
            consumer,
            sequence,
            lease,
            ref wants,
            ref settle,
            ..
        } = *request;
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
                let full = claimed.leases.len() + want.max;
                for queue in want.queues.iter() {
                    let room = full - claimed.leases.len();
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
        claimed.now = now;
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
            let Some(next) = self.next(queue, lane) else {
                break;
            };
            let (index, line) = match next {
                Next::Line(line) => match self.serve_line(line, now) {
                    Some(index) => (index, Some(line)),
                    None => continue,
                },
                Next::Run(index) if self.runs[index].run.is_past_deadline(now) => {
                    self.end(index, Transition::Expire, now);
                    continue;
                }
                Next::Run(index) if !self.starts(index, now) => continue,
                Next::Run(index) => (index, None),
            };
            self.apply(index, Transition::Claim);
            let begun = self.runs[index].run.clone();
            self.begin_key(&begun);
            *self.served.entry((queue.clone(), lane)).or_default() += 1;
            self.runs[index].run.tally.attempt += 1;
            self.runs[index].holder = Some(holder);
            if let Some(line) = line {
                self.end_turn(line, index, now);
            }
            leases.push(Lease::new(self.runs[index].run.clone(), holder.0));
        }
        leases
    }

    /// Returns what to serve next.
    fn next(&self, queue: &QueueName, lane: Lane) -> Option<Next> {
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
                !self.runs[*index].stands
                    && (run.state, run.priority, run.lane, &run.queue)
                        == (RunState::Queued, priority, lane, queue)
                    && !is_paused(run)
            });
            let run = candidates.min_by_key(|index| self.runs[*index].place);
            let line = self.next_line(&(queue.clone(), lane, priority));
            match (run, line) {
                (Some(run), Some((place, line))) if place < self.runs[run].place => {
                    Some(Next::Line(line))
                }
                (Some(run), _) => Some(Next::Run(run)),
                (None, line) => line.map(|(_, line)| Next::Line(line)),
            }
        })
    }
}
