//! Waiting for the ends of runs.

use std::time::Duration;

use aqueduct_broker_api::{
    BrokerError, BrokerErrorKind, LONGEST_WAIT, MAX_WAITERS_OF_A_RUN, WaitAnswer, WaitEndedRequest,
    wire,
};
use aqueduct_core::TaskRun;
use tokio::time::Instant;

use crate::RedisBroker;
use crate::decode;
use crate::items::millis;
use crate::link::Reply;
use crate::wake::News;

/// How long an end is waited for of which this process was told before it was removed.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// How a run was found.
enum Looked {
    Unknown,
    Ended(Box<TaskRun>),
    /// It has not ended; this process will be told.
    Noted,
}

impl RedisBroker {
    /// Waits until a run has ended: looks, and looks again when there is news of it.
    pub(crate) async fn until_ended(
        &self,
        request: &WaitEndedRequest,
    ) -> Result<WaitAnswer, BrokerError> {
        let deadline = Instant::now() + request.at_most.min(LONGEST_WAIT);
        // Registered before the look, so that no news in between are lost.
        let mut waiter = self.0.endings.listen(request.run)?;
        let mut unheard = false;
        loop {
            let (wait_until, otherwise) = match self.look_for_end(request, deadline).await? {
                Looked::Ended(run) => return Ok(WaitAnswer::Ended(run)),
                Looked::Noted => (deadline, WaitAnswer::NotYet),
                Looked::Unknown if unheard => {
                    let on_its_way = Instant::now() + ON_ITS_WAY;
                    (deadline.min(on_its_way), WaitAnswer::Unknown)
                }
                Looked::Unknown => return Ok(WaitAnswer::Unknown),
            };
            unheard = match tokio::time::timeout_at(wait_until, waiter.news()).await {
                Ok(News::Ended(run)) => {
                    return Ok(WaitAnswer::Ended(Box::new(TaskRun::clone(&run))));
                }
                Ok(News::Missed) => true,
                Ok(News::Gone) => false,
                Err(_) => return Ok(otherwise),
            };
        }
    }

    async fn look_for_end(
        &self,
        request: &WaitEndedRequest,
        deadline: Instant,
    ) -> Result<Looked, BrokerError> {
        const WAIT: &str = "wait for an end";
        let left = deadline.saturating_duration_since(Instant::now());
        let mut args = self.0.keys.args(4);
        args.bytes(request.run.to_bytes().to_vec())
            .text(self.0.endings.process())
            .number(millis(left).max(1))
            .number(MAX_WAITERS_OF_A_RUN as u64);
        let reply = self.step(WAIT, &self.0.scripts.wait_ended, args).await?;
        let unexpected = |error: crate::link::LinkError| error.during(WAIT);
        let mut parts = reply.into_list().map_err(unexpected)?;
        let mut next = || decode::next(&mut parts);
        match next().and_then(Reply::into_number).map_err(unexpected)? {
            1 => {
                let bytes = next().and_then(Reply::into_bytes).map_err(unexpected)?;
                let run = wire::decode(&bytes);
                let run = run.map_err(|error| decode::unreadable(WAIT, error))?;
                Ok(Looked::Ended(Box::new(run)))
            }
            2 => Ok(Looked::Noted),
            3 => {
                let message =
                    format!("{MAX_WAITERS_OF_A_RUN} processes wait for the end of this run");
                let kind = BrokerErrorKind::LimitExceeded;
                Err(BrokerError::new(kind, WAIT, message))
            }
            _ => Ok(Looked::Unknown),
        }
    }
}
