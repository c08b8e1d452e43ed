//! What a task may return: a value, or a `Result` of a value; told apart by type, not by name.
//!
//! Generated code wraps the return value in [`Returned`] and calls `finish` on `&mut &mut` of it with
//! both traits in scope. Method look-up tries [`ViaResult`] first, which exists for every `Result`,
//! and falls back to [`ViaValue`]; bounds are checked only after that choice, so a `Result` whose
//! error does not fit is an error message and never taken for a plain value.

use serde::Serialize;

use super::TaskResult;
use super::error::{TaskError, TaskErrorKind};
use crate::payload::Payload;

/// The return value of a task, on its way to a [`TaskResult`].
#[derive(Debug)]
pub struct Returned<T>(Option<T>);

/// An error that a task may return.
///
/// Implemented for every error type, for `anyhow::Error` and for [`TaskError`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error that a task can return",
    label = "this task returns `Err({Self})`",
    note = "return an error type (anything with `std::error::Error`), `anyhow::Error` or `TaskError`",
    note = "for a text write `.map_err(TaskError::msg)`"
)]
pub trait IntoTaskError {
    /// Converts the error.
    fn into_task_error(self) -> TaskError;
}

/// The type that the handle of a task promises.
///
/// Implemented by every type for itself: a mismatch is an error at compile time.
#[diagnostic::on_unimplemented(
    message = "the task returns `{Self}`, but its attribute took it for `{Out}`",
    note = "the attribute reads the success type off the written return type and cannot see through an alias",
    note = "write it out: `#[task(output = …)]`"
)]
pub trait IsOutput<Out> {}

impl<T> IsOutput<T> for T {}

/// Finishes a task that returns a `Result`.
pub trait ViaResult<T, E> {
    /// Returns what to record, with the value encoded if `keep` says so.
    ///
    /// # Errors
    ///
    /// Returns the task's error, or one that says that the value cannot be encoded.
    fn finish<Out>(self, keep: bool) -> TaskResult
    where
        T: Serialize + IsOutput<Out>,
        E: IntoTaskError;
}

/// Finishes a task that returns a plain value.
pub trait ViaValue<T> {
    /// Returns what to record, with the value encoded if `keep` says so.
    ///
    /// # Errors
    ///
    /// Returns an error if the value cannot be encoded.
    fn finish<Out>(self, keep: bool) -> TaskResult
    where
        T: Serialize + IsOutput<Out>;
}

impl<T> Returned<T> {
    /// Wraps a return value.
    pub fn new(value: T) -> Self {
        Self(Some(value))
    }
}

impl<E: Into<TaskError>> IntoTaskError for E {
    fn into_task_error(self) -> TaskError {
        self.into()
    }
}

#[expect(
    clippy::mut_mut,
    reason = "the second reference is what puts this trait first"
)]
impl<T, E> ViaResult<T, E> for &mut &mut Returned<Result<T, E>> {
    fn finish<Out>(self, keep: bool) -> TaskResult
    where
        T: Serialize + IsOutput<Out>,
        E: IntoTaskError,
    {
        match self.0.take() {
            Some(Ok(value)) => record(&value, keep),
            Some(Err(error)) => Err(error.into_task_error()),
            None => Ok(None),
        }
    }
}

impl<T> ViaValue<T> for &mut Returned<T> {
    fn finish<Out>(self, keep: bool) -> TaskResult
    where
        T: Serialize + IsOutput<Out>,
    {
        self.0.take().map_or(Ok(None), |value| record(&value, keep))
    }
}

fn record<T: Serialize>(value: &T, keep: bool) -> TaskResult {
    if !keep {
        return Ok(None);
    }
    match Payload::encode(value) {
        Ok(payload) => Ok(Some(payload)),
        Err(error) => Err(TaskErrorKind::InvalidResult(error.into()).into()),
    }
}
