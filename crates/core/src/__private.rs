//! What generated code may touch; not part of the public interface.

pub use serde;

pub use crate::context::{FromContext, TaskContext};
pub use crate::lane::Lane;
pub use crate::manager::{Queue, QueueTarget, TaskCall};
pub use crate::name::{QueueName, TaskName};
pub use crate::payload::{Params, Payload};
pub use crate::priority::Priority;
pub use crate::retry::{Jitter, RetryPolicy};
pub use crate::schedule::Schedule;
pub use crate::state::StateNeed;
pub use crate::task::{
    InvalidParams, IsOutput, Location, ParamSpec, Returned, Task, TaskDefinition, TaskError,
    TaskFuture, ViaResult, ViaValue, decode,
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
