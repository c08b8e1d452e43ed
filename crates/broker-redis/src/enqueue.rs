//! Queueing: one script a batch.

use aqueduct_broker_api::{BrokerError, EnqueueRequest, Enqueued};
use aqueduct_core::{RunId, RunState, Timestamp};

use crate::RedisBroker;
use crate::broker::stale;
use crate::decode;
use crate::items::{self, unencodable};
use crate::link::{Args, LinkError, Reply};
use crate::script::Script;
use crate::whole;

/// What became of a request.
enum Stored {
    Answers(Vec<Enqueued>),
    /// Nothing yet: these runs are to be stored by their ids before they can be replaced.
    Bring(Vec<RunId>),
    Stale,
}

/// The operation of queueing, for errors.
const ENQUEUE: &str = "enqueue";

/// How often runs are brought for one request: others may queue such runs meanwhile. What is not found by then is taken
/// for a run that has begun.
pub(crate) const BRING_TRIES: u32 = 3;

impl RedisBroker {
    /// Queues a batch.
    pub(crate) async fn store(
        &self,
        request: &EnqueueRequest,
    ) -> Result<Vec<Enqueued>, BrokerError> {
        let mut tries = BRING_TRIES;
        loop {
            match self.store_once(request, tries > 0).await? {
                Stored::Answers(answers) => return Ok(self.with_limits(request, answers)),
                Stored::Bring(runs) => self.bring(ENQUEUE, &runs).await?,
                Stored::Stale => return Err(stale(ENQUEUE, request.sequence)),
            }
            tries = tries.saturating_sub(1);
        }
    }

    /// Names the limits of the queues that are full.
    fn with_limits(&self, request: &EnqueueRequest, mut answers: Vec<Enqueued>) -> Vec<Enqueued> {
        for (answer, task) in answers.iter_mut().zip(&request.tasks) {
            if let Enqueued::QueueFull { limit } = answer {
                *limit = self.0.config.queue_limits().of(&task.queue);
            }
        }
        answers
    }

    async fn store_once(
        &self,
        request: &EnqueueRequest,
        may_ask: bool,
    ) -> Result<Stored, BrokerError> {
        let limits = self.limits_of(&request.tasks);
        let are_whole = limits.is_empty() && whole::are_whole(&request.tasks);
        let (script, args) = if are_whole {
            self.whole_args(request)
        } else {
            self.other_args(request, limits, may_ask)
        }?;
        let reply = self.step(ENQUEUE, script, args).await?;
        let number = request.tasks.len();
        let stored = if are_whole {
            self.whole_answers(reply, number)
        } else {
            answers(reply)
        };
        stored.map_err(|error| error.during(ENQUEUE))
    }

    fn whole_args(&self, request: &EnqueueRequest) -> Result<(&Script, Args), BrokerError> {
        let mut args = self.begin(request);
        let time = self.0.clock.now();
        args.number(time.as_millis());
        whole::push_whole(&mut args, &request.tasks, time)
            .map_err(|error| unencodable(ENQUEUE, error))?;
        Ok((&self.0.scripts.enqueue_whole, args))
    }

    fn other_args(
        &self,
        request: &EnqueueRequest,
        limits: Vec<u8>,
        may_ask: bool,
    ) -> Result<(&Script, Args), BrokerError> {
        let mut args = self.begin(request);
        args.bytes(limits).number(u64::from(may_ask));
        items::push_tasks(&mut args, &request.tasks)
            .map_err(|error| unencodable(ENQUEUE, error))?;
        Ok((&self.0.scripts.enqueue, args))
    }

    fn begin(&self, request: &EnqueueRequest) -> Args {
        let mut args = self.0.keys.args(8 + request.tasks.len() * 3);
        args.text(&format!("{:032x}", request.producer.as_u128()))
            .number(request.sequence.number());
        args
    }

    /// Reads the reply to runs that were sent as they are stored, which has the time of the server as well.
    fn whole_answers(&self, reply: Reply, number: usize) -> Result<Stored, LinkError> {
        let mut parts = reply.into_list()?;
        if decode::next(&mut parts)?.into_number()? != 0 {
            return Ok(Stored::Stale);
        }
        let time = decode::next(&mut parts)?.into_number()?;
        self.0.clock.learn(Timestamp::from_millis(time));
        let answers = decode::next(&mut parts)?.into_bytes()?;
        Ok(Stored::Answers(if answers.is_empty() {
            vec![Enqueued::Accepted(RunState::Queued); number]
        } else {
            decode::enqueued(&answers)?
        }))
    }
}

fn answers(reply: Reply) -> Result<Stored, LinkError> {
    let mut parts = reply.into_list()?;
    let status = decode::next(&mut parts)?.into_number()?;
    let mut bytes = || decode::next(&mut parts)?.into_bytes();
    Ok(match status {
        0 => Stored::Answers(decode::enqueued(&bytes()?)?),
        2 => Stored::Bring(decode::run_ids(&bytes()?)),
        _ => Stored::Stale,
    })
}
