//! Waiting for the end of a run, through whatever happens to the broker meanwhile.

use std::time::Duration;

use aqueduct_core::RunId;
use aqueduct_core::manager::{QueueError, QueueErrorKind};
use aqueduct_core::run::WaitAnswer;
use tokio::time::Instant;

use super::into_queue_error;
use crate::broker::Broker;
use crate::erased::BrokerHandle;
use crate::error::BrokerErrorKind;
use crate::wait::{LONGEST_WAIT, WaitEndedRequest};

/// Pauses before a broker is asked again that did not answer.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Waits until a run has ended, or the time is over.
///
/// A broker that does not answer is asked again: the run is no less there.
pub(super) async fn wait_ended(
    broker: &BrokerHandle,
    run: RunId,
    at_most: Duration,
) -> Result<WaitAnswer, QueueError> {
    if !broker.capabilities().waits {
        let message = "this broker cannot let wait for the end of a run";
        return Err(QueueError::new(QueueErrorKind::NotSupported, message));
    }
    let (begin, mut pause) = (Instant::now(), FIRST_PAUSE);
    loop {
        let left = at_most.saturating_sub(begin.elapsed());
        let request = WaitEndedRequest::new(run, left.min(LONGEST_WAIT));
        match broker.wait_ended(&request).await {
            Ok(WaitAnswer::NotYet) => pause = FIRST_PAUSE,
            Err(error) if is_passing(error.kind()) => {
                tokio::time::sleep(pause.min(left)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            answer => return answer.map_err(into_queue_error),
        }
        if begin.elapsed() >= at_most {
            return Ok(WaitAnswer::NotYet);
        }
    }
}

/// Returns whether the broker may answer later; one that is full of waits is left alone.
fn is_passing(kind: BrokerErrorKind) -> bool {
    matches!(
        kind,
        BrokerErrorKind::Unavailable | BrokerErrorKind::Timeout
    )
}
