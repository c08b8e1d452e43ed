//! What wakes a pump that rests: runs at the broker, and workers that can be started again.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{Broker, WaitRequest};
use aqueduct_core::Lane;
use tracing::warn;

use crate::metrics::add;
use crate::shared::Shared;

/// A wait at the broker; says whether the broker answered it.
pub(crate) type WakeUp = Pin<Box<dyn Future<Output = bool> + Send>>;

/// How long one wait at the broker lasts, and when a broker that does not end it is given up.
const WAIT_AT_MOST: Duration = Duration::from_secs(5);
const WAIT_GIVEN_UP: Duration = Duration::from_secs(8);

/// Waits at the broker until a claim may find something, or waiting fails.
pub(crate) fn wake_up(shared: Arc<Shared>, lanes: Vec<Lane>, hold_off: Duration) -> WakeUp {
    Box::pin(async move {
        if !hold_off.is_zero() {
            tokio::time::sleep(hold_off.mul_f64(fastrand::f64())).await;
        }
        let queues = Arc::clone(&shared.limits.queues);
        let request = WaitRequest::new(lanes, queues, WAIT_AT_MOST);
        let wait = tokio::time::timeout(WAIT_GIVEN_UP, shared.broker.wait_ready(&request));
        let problem: Box<dyn std::error::Error + Send> = match wait.await {
            Ok(Ok(())) => return true,
            Ok(Err(problem)) => Box::new(problem),
            Err(too_long) => Box::new(too_long),
        };
        add(&shared.counters.broker_errors, 1);
        warn!(
            error = &*problem as &dyn std::error::Error,
            "waiting failed; claiming instead"
        );
        false
    })
}

/// Waits until CPU workers can be started again, if they cannot now.
pub(crate) async fn reopened(shared: &Shared) {
    match &shared.cpu {
        Some(cpu) if shared.places(Lane::Cpu) == 0 => cpu.workers().reopened().await,
        _ => std::future::pending().await,
    }
}
