//! What runs in a worker: the tasks of a registry.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aqueduct_broker_api::wire as envelope;
use aqueduct_core::cancel::CancelReason;
use aqueduct_core::context::ContextShared;
use aqueduct_core::run::{Reason, TaskRun};
use aqueduct_core::state::States;
use aqueduct_core::task::TaskResult;
use aqueduct_core::{Clock, TaskContext, TaskManager, TaskRegistry};
use aqueduct_cpu_pool::{Body, Failed, Link, Stop, StopReason, Work, pack};
use tokio::runtime::{Builder, Runtime};
use tracing::info_span;

use super::logs;
use super::port::{RelayPort, RelayedAttempt};
use super::wire::Asked;

/// Executes runs of the tasks in a registry.
pub(super) struct TaskBody {
    registry: Arc<TaskRegistry>,
    prepared: OnceLock<Prepared>,
}

/// What is made once in a worker.
struct Prepared {
    states: Arc<States>,
    runtime: TaskRuntime,
}

/// The runtime of async tasks; where it is dropped, waiting for its threads may be forbidden.
struct TaskRuntime(Option<Runtime>);

impl TaskRuntime {
    /// Runs an attempt to its end; `None` after the drop, which nobody sees.
    fn block_on<T>(&self, attempt: impl Future<Output = T>) -> Option<T> {
        self.0.as_ref().map(|runtime| runtime.block_on(attempt))
    }
}

impl Drop for TaskRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl TaskBody {
    pub(super) fn new(registry: Arc<TaskRegistry>) -> Self {
        Self {
            registry,
            prepared: OnceLock::new(),
        }
    }

    fn context(&self, run: TaskRun, work: &Work, link: &Link, states: &Arc<States>) -> TaskContext {
        let clock = Clock::system();
        let ends_by = clock.monotonic().saturating_add(work.remaining);
        let port = Arc::new(RelayPort(link.clone()));
        let manager = TaskManager::new(Arc::clone(&self.registry), port)
            .with_clock(clock)
            .with_states(Arc::clone(states));
        let attempt = Arc::new(RelayedAttempt(link.clone()));
        let shared = ContextShared::new(manager, Arc::clone(states)).with_port(attempt);
        let shared = Arc::new(shared);
        let context = TaskContext::new(run, shared, ends_by);
        let told = context.clone();
        link.on_stop(move |stop| {
            told.cancellation().cancel(reason_of(stop));
        });
        context
    }
}

impl Body for TaskBody {
    fn names(&self) -> Vec<String> {
        let tasks = self.registry.cpu_tasks();
        tasks.map(|task| task.name().to_string()).collect()
    }

    fn prepare(&self) -> Result<(), String> {
        let states = Arc::new(self.registry.make_states()?);
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("the runtime cannot start: {error}"))?;
        // A pool of threads prepares once as well.
        let runtime = TaskRuntime(Some(runtime));
        let _ = self.prepared.set(Prepared { states, runtime });
        Ok(())
    }

    fn run(&self, work: Work, link: &Link) -> Result<Vec<u8>, Failed> {
        let Some(Prepared { states, runtime }) = self.prepared.get() else {
            return Err(Failed::new("the worker was not prepared"));
        };
        let run = envelope::decode(&work.params).map_err(not_runnable)?;
        let Some(task) = self.registry.get(run.task.as_str()) else {
            return Err(not_runnable(format!(
                "the worker knows no task `{}`",
                run.task
            )));
        };
        let span = info_span!(target: logs::RUN_SPAN, "run", task = run.task.as_str(), run = %run.id, attempt = run.tally.attempt);
        let context = self.context(run, &work, link, states);
        let _logs = logs::to(link);
        let _entered = span.enter();
        let attempt = task.start(context).map_err(not_runnable)?;
        let gone = || Err(Failed::new("the worker has ended"));
        runtime.block_on(attempt).map_or_else(gone, finished)
    }
}

/// Encodes what a task returned: nothing for no value.
fn finished(result: TaskResult) -> Result<Vec<u8>, Failed> {
    let error = match result {
        Ok(value) => return Ok(value.map_or_else(Vec::new, |value| value.as_bytes().to_vec())),
        Err(error) => error,
    };
    let (asked, message) = Asked::of(error);
    Err(failed(&asked, message))
}

fn not_runnable(problem: impl fmt::Display) -> Failed {
    failed(&Asked::NotRunnable, problem.to_string())
}

fn failed(asked: &Asked, message: String) -> Failed {
    // What cannot be packed is an ordinary error.
    Failed::new(message).with_detail(pack(asked).unwrap_or_default())
}

fn reason_of(stop: &Stop) -> CancelReason {
    match &stop.why {
        StopReason::Requested(reason) => CancelReason::Requested(Reason::new(reason.as_str())),
        StopReason::TimedOut => CancelReason::TimedOut,
        StopReason::LeaseLost => CancelReason::LeaseLost,
        _ => CancelReason::ShuttingDown,
    }
}
