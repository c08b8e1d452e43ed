//! Enqueue layers, seen from the port that a manager queues through.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct_core::layer::EnqueueLayer;
use aqueduct_core::manager::{PortFuture, QueueError, QueuePort, TaskCall};
use aqueduct_core::queue::Enqueued;
use aqueduct_core::run::{CancelAnswer, Reason, WaitAnswer};
use aqueduct_core::{
    Payload, QueuedTask, RunId, RunState, TaskContext, TaskDefinition, TaskManager, TaskName,
    TaskRegistry, TaskRun,
};

/// Keeps what arrives.
#[derive(Debug, Default)]
struct Port(Mutex<Vec<QueuedTask>>);

impl QueuePort for Port {
    fn enqueue(&self, tasks: Vec<QueuedTask>) -> PortFuture<'_, Vec<Enqueued>> {
        let answers = vec![Enqueued::Accepted(RunState::Queued); tasks.len()];
        self.0.lock().unwrap().extend(tasks);
        Box::pin(async { Ok(answers) })
    }

    fn find(&self, _run: RunId) -> PortFuture<'_, Option<TaskRun>> {
        unreachable!("nothing is looked up")
    }

    fn cancel(&self, _run: RunId, _reason: Reason) -> PortFuture<'_, CancelAnswer> {
        unreachable!("nothing is cancelled")
    }

    fn pause(&self, _: Duration) -> PortFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn wait_ended(&self, _run: RunId, _at_most: Duration) -> PortFuture<'_, WaitAnswer> {
        unreachable!("nothing is waited for")
    }
}

/// Gives the runs of one task all the same id, and keeps the results of all.
struct Chooses;

impl EnqueueLayer for Chooses {
    fn on_enqueue(
        &self,
        task: &mut QueuedTask,
        _parent: Option<&TaskContext>,
    ) -> Result<(), QueueError> {
        if task.task.as_str() == "one" {
            task.id = RunId::from_u128(7);
        }
        task.options_mut().keep_result = Some(Duration::from_secs(1));
        Ok(())
    }
}

fn call(name: &'static str) -> TaskCall<()> {
    let definition = TaskDefinition::new(TaskName::from_static(name));
    TaskCall::new(&definition, Ok(Payload::empty()))
}

#[tokio::test]
async fn an_id_that_a_layer_has_chosen_is_not_new() {
    let port = Arc::new(Port::default());
    let manager = TaskManager::new(Arc::new(TaskRegistry::new()), Arc::<Port>::clone(&port));
    let manager = manager.with_enqueue_layer(Arc::new(Chooses));
    let handle = call("one").queue(&manager).await.unwrap();
    assert_eq!(
        handle.id(),
        RunId::from_u128(7),
        "the handle is on the run that was queued"
    );
    let others = manager
        .queue_many([call("one"), call("other")])
        .await
        .unwrap();
    assert_eq!(others[0].id(), RunId::from_u128(7));
    let arrived = port.0.lock().unwrap();
    let are_new: Vec<bool> = arrived.iter().map(|task| task.has_new_id).collect();
    assert_eq!(are_new, [false, false, true]);
    assert!(
        arrived.iter().all(|task| task.options.is_some()),
        "each was changed once"
    );
}
