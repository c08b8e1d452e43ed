//! Calls of tasks by name, for workflows; queueing one by name is in `mod.rs`.

use super::TaskManager;
use super::call::TaskCall;
use super::error::{QueueError, QueueErrorKind};
use super::follow_up::FollowUp;
use crate::payload::{Params, Payload, PayloadError};
use crate::task::TaskDefinition;

impl TaskManager {
    /// Returns a call of a task by name, to set options on and queue, or to put into a workflow.
    ///
    /// The name and the parameters are checked against the registry; an error is returned when it is queued.
    pub fn call(&self, task: &str, params: impl Into<Params>) -> TaskCall<()> {
        self.checked_call(task, params.into())
    }

    /// Returns a follow-up by name, which takes what ran before it: any `In`.
    ///
    /// Checked against the registry are the name, that the task has an `#[input]`, and the names of the other
    /// parameters; an error is returned when it is queued. Whether what ran before is what the task takes is
    /// found out when it runs. Prefer the typed form `name::after(…)`, which the compiler checks.
    pub fn after<In>(&self, task: &str, params: impl Into<Params>) -> FollowUp<fn(In) -> ()> {
        let Some(found) = self.registry().get(task) else {
            let nearest = self.registry().nearest(task);
            return FollowUp::new(TaskCall::broken(QueueError::unknown_task(task, nearest)));
        };
        let params = params.into().into_payload();
        let problem = misfit(found.definition(), &params);
        FollowUp::new(match problem {
            Some(problem) => {
                TaskCall::broken(QueueError::new(QueueErrorKind::InvalidParams, problem))
            }
            None => TaskCall::new(found.definition(), params),
        })
    }
}

/// Returns why parameters are not those of a follow-up, if so.
fn misfit(definition: &TaskDefinition, params: &Result<Payload, PayloadError>) -> Option<String> {
    let name = definition.name();
    let Some(input) = definition.input() else {
        return Some(format!(
            "task `{name}` has no `#[input]`: let it follow by `call`, which takes nothing of what ran before"
        ));
    };
    let keys = params.as_ref().ok()?.keys().unwrap_or_default();
    let wrong = keys
        .into_iter()
        .find(|key| key == input || definition.params().iter().all(|param| param.name != key))?;
    Some(if wrong == input {
        format!("`{wrong}` of task `{name}` is what runs before it: leave it out")
    } else {
        format!("task `{name}` has no parameter `{wrong}`")
    })
}
