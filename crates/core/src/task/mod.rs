//! Tasks: what can be run, under a name.

mod asks;
mod cpu;
mod definition;
mod error;
mod fair;
mod function;
mod limit;
mod params;
mod result;
mod unique;

pub use cpu::{CpuOptions, MakesState, StateMaker, StateParam};
pub use definition::{
    DEFAULT_TIMEOUT, InvalidDefinition, Location, MAX_TIMEOUT, TaskDefinition, TaskSchedule,
};
pub use error::{TaskError, TaskErrorKind};
pub use fair::FairTemplate;
pub use function::FunctionTask;
pub use limit::TaskLimit;
pub use params::{InvalidParams, ParamSpec, decode, decode_input};
pub use result::{IntoTaskError, IsOutput, Returned, ViaResult, ViaValue};
pub use unique::UniqueTemplate;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::context::TaskContext;
use crate::payload::Payload;

/// A task: a definition, and a body that runs one attempt.
///
/// `#[task]` implements this for a function; [`FunctionTask`] does it for a closure.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task",
    label = "not a task",
    note = "write `#[task]` above the function, and its name here"
)]
pub trait Task: fmt::Debug + Send + Sync + 'static {
    /// Returns the name of the task and how it is queued, limited and retried.
    fn definition(&self) -> &TaskDefinition;

    /// Checks that a payload decodes into the parameters, without running anything.
    ///
    /// # Errors
    ///
    /// Returns an error that names the parameter that is wrong, missing or unknown.
    fn check(&self, params: &Payload) -> Result<(), InvalidParams>;

    /// Decodes the parameters and returns the future that runs one attempt.
    ///
    /// # Errors
    ///
    /// Returns an error if the payload does not decode into the parameters.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped on time-out, cancellation and loss of the lease. The run may then
    /// start again elsewhere, so effects before an `await` must bear repetition.
    fn start(&self, context: TaskContext) -> Result<TaskFuture, InvalidParams>;
}

/// The future of one attempt.
pub type TaskFuture = Pin<Box<dyn Future<Output = TaskResult> + Send>>;

/// What an attempt returns: the encoded value if the run keeps results, or an error.
pub type TaskResult = Result<Option<Payload>, TaskError>;
