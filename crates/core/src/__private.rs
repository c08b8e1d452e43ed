//! What generated code may touch; not part of the public interface.

pub use std::boxed::Box;
pub use std::sync::OnceLock;

pub use serde;

pub use crate::context::{FromContext, TaskContext};
pub use crate::id::RunId;
pub use crate::lane::Lane;
pub use crate::manager::{FollowUp, Queue, QueueAndWait, QueueTarget, RunHandle, TaskCall};
pub use crate::name::{QueueName, TaskName};
pub use crate::payload::{Params, Payload};
pub use crate::priority::Priority;
pub use crate::retry::{Jitter, RetryPolicy};
pub use crate::run::{OnConflict, UniqueScope};
pub use crate::schedule::{Overlap, Schedule};
pub use crate::state::{StateNeed, States};
pub use crate::task::{
    CpuOptions, FairTemplate, InvalidParams, IsOutput, Location, ParamSpec, Returned, StateMaker,
    Task, TaskDefinition, TaskError, TaskFuture, TaskLimit, UniqueTemplate, ViaResult, ViaValue,
    decode, decode_input,
};

/// Unwraps a value that the attribute has checked at compile time.
///
/// # Panics
///
/// Panics if attribute and library disagree, which is a defect of this workspace.
#[track_caller]
pub fn checked<T, E: std::fmt::Display>(value: Result<T, E>) -> T {
    match value {
        Ok(value) => value,
        Err(error) => panic!("the attribute accepted what the library refuses: {error}"),
    }
}

/// Creates a duration of that many milliseconds.
#[must_use]
pub const fn duration(millis: u64) -> std::time::Duration {
    std::time::Duration::from_millis(millis)
}

/// Puts what a function has made among the states.
///
/// # Errors
///
/// Returns the error of the function, in words.
pub fn make_state<P: crate::task::StateParam>(
    states: &mut States,
    made: impl crate::task::MakesState<P::Value>,
) -> Result<(), String> {
    states.insert(made.made()?);
    Ok(())
}

/// Reads a schedule that the attribute has checked.
///
/// # Errors
///
/// Returns an error if attribute and library disagree.
pub fn schedule(text: &str) -> Result<Schedule, crate::schedule::InvalidSchedule> {
    text.parse()
}

/// Reads the template of a key that the attribute has checked.
///
/// # Errors
///
/// Returns an error if attribute and library disagree.
pub fn key(template: &str) -> Result<crate::key::KeyTemplate, crate::key::InvalidTemplate> {
    template.parse()
}

/// Adds a need to a definition, if there is one.
#[must_use]
pub fn with_need(definition: TaskDefinition, need: Option<StateNeed>) -> TaskDefinition {
    match need {
        Some(need) => definition.with_need(need),
        None => definition,
    }
}
