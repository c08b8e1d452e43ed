//! Queueing ended runs anew, and letting wait again what has ended with them.

use aqueduct_broker_api::BrokerError;
use aqueduct_broker_api::wire;
use aqueduct_core::run::{Tally, Transition};
use aqueduct_core::{RunId, RunState, TaskRun};

use crate::RedisBroker;
use crate::decode::unreadable;
use crate::items::unencodable;
use crate::keyed;
use crate::link::Args;
use crate::search::Found;
use crate::side;

/// The operation of queueing anew, for errors.
pub(crate) const REQUEUE: &str = "requeue";

/// How often a requeue looks again when the run has changed meanwhile.
pub(crate) const REQUEUE_TRIES: u32 = 3;

/// The most runs in line behind one: those of a workflow.
const MOST_BEHIND: usize = 64;

impl RedisBroker {
    /// Queues ended runs anew as they are found now; returns which have changed meanwhile.
    pub(crate) async fn requeue_once(
        &self,
        runs: &[RunId],
        open: &[usize],
        requeued: &mut [bool],
    ) -> Result<Vec<usize>, BrokerError> {
        let ids: Vec<RunId> = open
            .iter()
            .filter_map(|at| runs.get(*at).copied())
            .collect();
        let mut changed = Vec::new();
        let found = self.look_up(REQUEUE, &ids).await?;
        for (at, found) in open.iter().zip(found) {
            let Some(found) = found else {
                continue;
            };
            let ended = found.decode().map_err(|error| unreadable(REQUEUE, error))?;
            let Some(mut args) = self.requeue_args(ended.clone(), &found)? else {
                continue;
            };
            self.push_rest(ended, &mut args).await?;
            let reply = self.step(REQUEUE, &self.0.scripts.requeue, args).await?;
            match reply.into_number().map_err(|error| error.during(REQUEUE))? {
                0 => {}
                1 => {
                    if let Some(answer) = requeued.get_mut(*at) {
                        *answer = true;
                    }
                }
                _ => changed.push(*at),
            }
        }
        Ok(changed)
    }

    /// Returns what the script needs to queue a run anew; nothing for one that has not ended.
    fn requeue_args(&self, mut run: TaskRun, found: &Found) -> Result<Option<Args>, BrokerError> {
        if run.state.after(Transition::Requeue).is_none() || run.lacks_input() {
            return Ok(None);
        }
        run.tally = Tally {
            attempt: run.tally.attempt,
            ..Tally::default()
        };
        run.record = run.record.take().and_then(|record| record.anew());
        if let Some(options) = &mut run.options {
            options.deadline = None;
            options.total_timeout = None;
        }
        let bytes = wire::encode(&run).map_err(|error| unencodable(REQUEUE, error))?;
        let mut args = self.0.keys.args(5);
        args.bytes(run.id.to_bytes().to_vec())
            .bytes(found.bytes.clone())
            .bytes(bytes);
        let keys = run.options.as_deref().map(keyed::pack);
        args.bytes(side::side_of(&run))
            .bytes(keys.unwrap_or_default());
        Ok(Some(args))
    }

    /// Adds the follow-ups that have ended with a run and wait for it again.
    async fn push_rest(&self, ended: TaskRun, args: &mut Args) -> Result<(), BrokerError> {
        let mut before = ended;
        for _ in 0..MOST_BEHIND {
            let options = before.options.as_ref();
            let Some(next) = options.and_then(|options| options.followed_by.as_ref()) else {
                break;
            };
            let Some(found) = self.look_up(REQUEUE, &[next.run]).await?.pop().flatten() else {
                break;
            };
            let next = found.decode().map_err(|error| unreadable(REQUEUE, error))?;
            if !next.ended_with(&before) {
                break;
            }
            let mut waiting = next.clone();
            waiting.await_again();
            waiting.state = RunState::Scheduled;
            let bytes = wire::encode(&waiting).map_err(|error| unencodable(REQUEUE, error))?;
            args.bytes(next.id.to_bytes().to_vec())
                .bytes(found.bytes)
                .bytes(bytes)
                .bytes(side::side_of(&waiting));
            before = next;
        }
        Ok(())
    }
}
