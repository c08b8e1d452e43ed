//! The waits for ends of the broken broker.

use std::time::Duration;

use aqueduct_broker_api::{Broker, BrokerAdmin, BrokerError, WaitAnswer, WaitEndedRequest};
use aqueduct_core::RunId;

use crate::broken::BrokenBroker;
use crate::defect::Defect;

impl BrokenBroker {
    pub(crate) async fn wait(
        &self,
        mut request: WaitEndedRequest,
    ) -> Result<WaitAnswer, BrokerError> {
        let run = request.run;
        let is_first = self.notes().waited.insert(run);
        let known = self.notes().told.get(&run).cloned();
        match self.defect {
            Some(Defect::EndsNotTold) => std::future::pending::<()>().await,
            Some(Defect::OnlyTheFirstWaitTold) if !is_first => std::future::pending().await,
            Some(Defect::EndsToldFromMemory) if known.is_some() => return Ok(known.unwrap()),
            Some(Defect::AttemptsToldAsEnds) => return self.until_an_attempt_ended(run).await,
            Some(Defect::WaitsNeverOver) => request.at_most = Duration::MAX,
            _ => {}
        }
        let mut answer = self.inner.wait_ended(&request).await?;
        match &mut answer {
            WaitAnswer::Ended(run) if self.has(Defect::ValuesNotTold) => run.record = None,
            WaitAnswer::Unknown if self.has(Defect::UnknownRunsWaitedFor) => {
                std::future::pending::<()>().await;
            }
            _ => {}
        }
        self.notes().told.insert(run, answer.clone());
        Ok(answer)
    }

    async fn until_an_attempt_ended(&self, run: RunId) -> Result<WaitAnswer, BrokerError> {
        loop {
            let found = self.inner.find(&[run]).await?.remove(0);
            if let Some(found) = found.filter(|run| run.tally.failures > 0) {
                return Ok(WaitAnswer::Ended(Box::new(found)));
            }
            tokio::task::yield_now().await;
        }
    }
}
