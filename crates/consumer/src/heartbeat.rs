//! The heartbeat: on the thread of the engine, so that no task can hold it up.
//!
//! Each beat renews the lease, learns what was lost or is to be cancelled, looks for tasks that block
//! their thread, and takes back the runs of dead consumers.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use aqueduct_broker_api::{
    Broker, Cancel, ExtendRequest, Extended, Introduction, LeaseToken, ReclaimRequest,
};
use aqueduct_core::cancel::CancelReason;
use aqueduct_core::run::Outcome;
use tracing::{debug, error, warn};

use crate::classify;
use crate::in_flight::Owed;
use crate::introduction::{BEATS_PER_INTRODUCTION, introduction};
use crate::metrics::add;
use crate::shared::Shared;

/// A task is taken for stuck this long after its time limit: by then its drop was due.
const STUCK_AFTER: Duration = Duration::from_secs(1);

/// Beats come up to this share early, so that many consumers do not beat together.
const JITTER: f64 = 0.2;

/// Beats and watches until the consumer is drained, and then says that it leaves.
///
/// A broker that does not answer soon is left alone: the lease ends by itself.
pub(crate) async fn beat_until_drained(shared: &Shared) {
    let beats = async {
        beat_while_working(shared).await;
        leave(shared).await;
    };
    tokio::select! {
        biased;
        () = beats => {}
        never = watch_for_ever(shared) => match never {},
        () = too_late_to_leave(shared) => debug!("the lease ends by itself"),
    }
}

/// Each beat is answered before the next one, and the last one before this returns: none can reach the
/// broker after the consumer has left.
async fn beat_while_working(shared: &Shared) {
    let mut introduction = Arc::new(introduction(shared));
    let mut beats = 0;
    // The first one at once: what this consumer takes is to be known when its first run waits.
    let mut is_heard = extend(shared, Some(&introduction)).await;
    loop {
        let jitter = 1.0 - JITTER * fastrand::f64();
        let is_running = !introduction.is_stopping;
        tokio::select! {
            biased;
            _ = shared.drained.cancelled() => return,
            // At once: nobody is to think that this one takes what waits.
            _ = shared.stopping.cancelled(), if is_running => {
                introduction = Arc::new(Introduction::clone(&introduction).stopping());
                is_heard = extend(shared, Some(&introduction)).await;
                continue;
            }
            () = tokio::time::sleep(shared.limits.beat.mul_f64(jitter)) => {}
        }
        beats = if is_heard { beats + 1 } else { beats };
        let is_due = beats % BEATS_PER_INTRODUCTION == 0;
        is_heard = extend(shared, is_due.then_some(&introduction)).await;
        tokio::select! {
            biased;
            _ = shared.drained.cancelled() => return,
            () = reclaim(shared) => {}
        }
    }
}

/// Beats for the last time, once everything has ended: nobody is to wait until the lease is over.
async fn leave(shared: &Shared) {
    if !shared.in_flight.is_empty() {
        return;
    }
    let request = ExtendRequest::leaving(shared.id, shared.answered());
    if let Err(problem) = shared.broker.extend(&request).await {
        debug!(
            error = &problem as &dyn std::error::Error,
            "the lease ends by itself"
        );
    }
}

/// How long a stopped consumer waits for the answer to its last heartbeats.
pub(crate) const LEAVE_WITHIN: Duration = Duration::from_millis(500);

async fn too_late_to_leave(shared: &Shared) {
    shared.drained.cancelled().await;
    tokio::time::sleep(LEAVE_WITHIN).await;
}

/// Watches beside the beats: a broker that does not answer must not hold up the end of trust.
async fn watch_for_ever(shared: &Shared) -> Infallible {
    loop {
        tokio::time::sleep(until_next_watch(shared)).await;
        watch_over(shared);
    }
}

/// Returns the time until it is worth looking: a beat, and no later than the end of trust.
fn until_next_watch(shared: &Shared) -> Duration {
    let trusted_for = shared.trusted_for();
    if trusted_for.is_zero() || shared.in_flight.is_empty() {
        shared.limits.beat
    } else {
        shared.limits.beat.min(trusted_for)
    }
}

/// Ends what is no longer trusted, and what blocks its thread.
fn watch_over(shared: &Shared) {
    let is_trusted = !shared.trusted_for().is_zero();
    let now = shared.clock.monotonic();
    for owed in shared.in_flight.all() {
        if !is_trusted {
            owed.lose();
        }
        let given_up_at = owed.context.ends_by().saturating_add(STUCK_AFTER);
        if !now.saturating_since(given_up_at).is_zero() && !is_in_worker(shared, &owed) {
            give_up(shared, &owed);
        }
    }
}

/// Returns whether a worker process has the run: that is killed, and blocks no thread here.
fn is_in_worker(shared: &Shared, owed: &Owed) -> bool {
    let task = shared.registry.get(owed.context.run().task.as_str());
    task.is_some_and(|task| shared.cpu_lane_of(task.definition()).is_some())
}

/// Settles a run whose task does not let go of its thread, or was never begun for lack of one.
fn give_up(shared: &Shared, owed: &Arc<Owed>) {
    let run = owed.context.run();
    if owed.end_stuck() {
        add(&shared.counters.stuck, 1);
        error!(task = %run.task, run = %run.id, "the task blocks its thread past its time limit");
        shared.settle_ended(owed, classify::stuck(owed.limit()));
    } else if !owed.has_ended() {
        warn!(task = %run.task, run = %run.id, "no thread was free to begin the run; given back");
        shared.end(owed, Outcome::Released);
    }
}

/// Renews the lease on everything in the table; returns whether the broker answered.
async fn extend(shared: &Shared, introduction: Option<&Arc<Introduction>>) -> bool {
    // Read first: what is claimed after this is not to be given back by this beat.
    let answered = shared.answered();
    // Before the table as well: whoever has reported and is not in it has ended.
    let mut progress = shared.port.reports().take();
    let held: Vec<LeaseToken> = shared
        .in_flight
        .all()
        .iter()
        .map(|owed| owed.token)
        .collect();
    progress.retain(|report| {
        let owed = shared.in_flight.get(report.token.run);
        owed.is_some_and(|owed| owed.token == report.token)
    });
    let mut request = ExtendRequest::new(shared.id, shared.limits.lease, answered)
        .holding(held)
        .reporting(progress);
    request.introduction = introduction.cloned();
    let sent = shared.clock.monotonic();
    // A slow broker has as long as the lease is trusted: asking again would not be quicker.
    let at_most = shared.trusted_for().max(shared.limits.beat);
    let extended = tokio::time::timeout(at_most, shared.broker.extend(&request)).await;
    match extended {
        Ok(Ok(Extended { lost, cancels, .. })) => {
            shared.trust_from(sent);
            for token in request.held.iter().filter(|it| lost.contains(&it.run)) {
                lose(shared, token);
            }
            pass_on(shared, cancels);
            true
        }
        Ok(Err(problem)) => missed(shared, request, &problem),
        Err(too_long) => missed(shared, request, &too_long),
    }
}

fn missed(
    shared: &Shared,
    request: ExtendRequest,
    problem: &(dyn std::error::Error + 'static),
) -> bool {
    shared.port.reports().put_back(request.progress);
    add(&shared.counters.broker_errors, 1);
    warn!(error = problem, "the lease was not renewed; trying again");
    false
}

/// Ends an attempt; a newer one of the same run, claimed while the beat was under way, goes on.
fn lose(shared: &Shared, token: &LeaseToken) {
    let owed = shared.in_flight.get(token.run);
    if let Some(owed) = owed.filter(|owed| owed.token == *token) {
        owed.lose();
    }
}

/// Tells tasks that somebody asked for their end.
pub(crate) fn pass_on(shared: &Shared, cancels: Vec<Cancel>) {
    for Cancel { run, reason, .. } in cancels {
        if let Some(owed) = shared.in_flight.get(run) {
            owed.context
                .cancellation()
                .cancel(CancelReason::Requested(reason));
        }
    }
}

/// Takes back the runs of dead consumers, in bounded steps.
async fn reclaim(shared: &Shared) {
    let limits = &shared.limits;
    let request =
        ReclaimRequest::new(limits.beat, limits.lease).with_crash_budget(limits.crash_budget);
    loop {
        match tokio::time::timeout(limits.beat, shared.broker.reclaim(&request)).await {
            Ok(Ok(reclaimed)) if reclaimed.more => tokio::task::yield_now().await,
            Ok(Ok(reclaimed)) => {
                if reclaimed.requeued + reclaimed.failed > 0 {
                    warn!(?reclaimed, "runs of dead consumers were taken back");
                }
                return;
            }
            Ok(Err(problem)) => {
                add(&shared.counters.broker_errors, 1);
                debug!(
                    error = &problem as &dyn std::error::Error,
                    "nothing was reclaimed"
                );
                return;
            }
            Err(_too_long) => return,
        }
    }
}
