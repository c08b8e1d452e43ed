//! Draining: ends what is under way when a consumer stops, and gives back the rest.

use std::sync::Arc;
use std::time::Duration;

use aqueduct_core::cancel::CancelReason;
use aqueduct_core::run::Outcome;
use tracing::warn;

use crate::metrics::{ConsumerMetrics, MetricsHandle};
use crate::pump::Pump;
use crate::report::StopReport;
use crate::shared::Shared;

/// How long tasks that were dropped may take to let go of their threads.
const DROP_TIME: Duration = Duration::from_secs(1);

/// Ends what is under way: by itself, then dropped, then given back although a thread is blocked.
pub(crate) async fn drain(shared: &Arc<Shared>, pump: &mut Pump) -> StopReport {
    let before = numbers(shared);
    shared.stopping.cancel(CancelReason::ShuttingDown);
    for owed in shared.in_flight.all() {
        owed.context
            .cancellation()
            .cancel(CancelReason::ShuttingDown);
    }
    let mut abandoned = 0;
    let graceful = tokio::time::timeout(shared.limits.shutdown_grace, pump.drain()).await;
    if graceful.is_err() {
        shared.abandon.cancel(CancelReason::ShuttingDown);
        // What the drop does not reach is given back below.
        let _ = tokio::time::timeout(DROP_TIME, pump.drain()).await;
        abandoned = give_back(shared);
        // Past the lease the broker has taken everything back by itself.
        let _ = tokio::time::timeout(shared.limits.lease, pump.drain()).await;
    }
    shared.drained.cancel(CancelReason::ShuttingDown);
    let metrics = numbers(shared);
    StopReport {
        metrics,
        finished: difference(ended(&metrics), ended(&before)),
        released: difference(metrics.released, before.released),
        abandoned,
        unsettled: shared.in_flight.len(),
    }
}

/// Gives back the runs of tasks that block a thread; returns how many there are.
fn give_back(shared: &Arc<Shared>) -> usize {
    let blocking: Vec<_> = shared
        .in_flight
        .all()
        .into_iter()
        .filter(|owed| !owed.has_ended())
        .collect();
    for owed in &blocking {
        let run = owed.context.run();
        warn!(task = %run.task, run = %run.id, "the task blocks its thread; its run is given back");
        shared.end(owed, Outcome::Released);
    }
    blocking.len()
}

fn numbers(shared: &Arc<Shared>) -> ConsumerMetrics {
    MetricsHandle(Arc::clone(shared)).snapshot()
}

fn ended(metrics: &ConsumerMetrics) -> u64 {
    let ConsumerMetrics {
        succeeded,
        failed,
        retried,
        cancelled,
        put_off,
        ..
    } = metrics;
    succeeded + failed + retried + cancelled + put_off
}

fn difference(after: u64, before: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX)
}
