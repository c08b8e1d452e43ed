//! The port of attempts: what they report goes with the heartbeat, what they keep goes to the broker at once.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, BrokerError, BrokerErrorKind, BrokerHandle, CheckpointRequest, Checkpointed,
    LeaseToken, Report,
};
use aqueduct_core::attempt::{AttemptPort, KeepFuture};
use aqueduct_core::checkpoint::{CheckpointError, CheckpointErrorKind};
use aqueduct_core::event::Progress;
use aqueduct_core::{ConsumerId, Payload, TaskRun};

use crate::reports::Reports;

/// What an attempt reaches of its consumer.
#[derive(Debug)]
pub(crate) struct ConsumerPort {
    consumer: ConsumerId,
    broker: BrokerHandle,
    reports: Reports,
    /// How long a broker that does not answer is asked.
    patience: Duration,
}

/// Pauses before a broker is asked again that did not answer.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl ConsumerPort {
    pub(crate) fn new(consumer: ConsumerId, broker: BrokerHandle, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            consumer,
            broker,
            reports: Reports::default(),
            patience,
        })
    }

    /// Returns the reports that the broker has not been told.
    pub(crate) fn reports(&self) -> &Reports {
        &self.reports
    }

    fn token(&self, run: &TaskRun) -> LeaseToken {
        LeaseToken {
            run: run.id,
            consumer: self.consumer,
            attempt: run.tally.attempt,
        }
    }

    /// Asks again as long as the broker does not answer; the same number changes nothing twice.
    async fn keep(&self, request: &CheckpointRequest) -> Result<Checkpointed, BrokerError> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.broker.checkpoint(request).await {
                Err(error) if is_passing(error.kind()) => {
                    tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                answer => return answer,
            }
        }
    }
}

impl AttemptPort for ConsumerPort {
    fn progress(&self, run: &TaskRun, progress: Progress) {
        self.reports.note(Report::new(self.token(run), progress));
    }

    fn checkpoint(&self, run: &TaskRun, number: u32, value: Payload) -> KeepFuture<'_> {
        let request = CheckpointRequest::new(self.token(run), number, value);
        Box::pin(async move {
            if !self.broker.capabilities().checkpoints {
                let message = "this broker keeps no checkpoints; use another, or leave them out";
                return Err(CheckpointError::new(
                    CheckpointErrorKind::NotSupported,
                    message,
                ));
            }
            match tokio::time::timeout(self.patience, self.keep(&request)).await {
                Ok(Ok(Checkpointed::Kept)) => Ok(()),
                Ok(Ok(_)) => Err(CheckpointError::lease_lost()),
                Ok(Err(error)) => Err(refused(error)),
                Err(too_long) => Err(unavailable().with_source(too_long)),
            }
        })
    }
}

fn is_passing(kind: BrokerErrorKind) -> bool {
    matches!(
        kind,
        BrokerErrorKind::Unavailable | BrokerErrorKind::Timeout
    )
}

fn unavailable() -> CheckpointError {
    let message = "the broker did not answer; the checkpoint is kept or not";
    CheckpointError::new(CheckpointErrorKind::Unavailable, message)
}

fn refused(error: BrokerError) -> CheckpointError {
    let (kind, message) = match error.kind() {
        BrokerErrorKind::LimitExceeded => (
            CheckpointErrorKind::Full,
            "the broker has no room left; the checkpoint before is kept",
        ),
        BrokerErrorKind::NotSupported => (
            CheckpointErrorKind::NotSupported,
            "this broker keeps no checkpoints; use another, or leave them out",
        ),
        _ => (
            CheckpointErrorKind::Refused,
            "the broker refused the checkpoint",
        ),
    };
    CheckpointError::new(kind, message).with_source(error)
}
