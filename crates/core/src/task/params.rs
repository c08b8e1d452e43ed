//! What parameters a task takes, and the error of parameters that do not fit.

use std::fmt;

use serde::de::DeserializeOwned;

use super::definition::TaskDefinition;
use crate::name::TaskName;
use crate::payload::{Payload, PayloadError};

/// One parameter of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "generated code builds it in a constant"
)]
pub struct ParamSpec {
    /// The name, which is also its key on the wire.
    pub name: &'static str,
    /// Its type, as written.
    pub type_name: &'static str,
}

/// The error of parameters that do not fit a task.
#[derive(Debug)]
pub struct InvalidParams {
    task: TaskName,
    problem: String,
    takes: String,
}

impl InvalidParams {
    /// Creates the error for a payload that a task could not decode.
    #[must_use]
    pub fn new(task: TaskName, error: &PayloadError, takes: &[ParamSpec]) -> Self {
        Self::from_problem(task, error.to_string(), takes)
    }

    /// Creates the error for a payload that is not a map.
    #[must_use]
    pub fn not_a_map(task: TaskName, takes: &[ParamSpec]) -> Self {
        Self::from_problem(
            task,
            "they are not a map from name to value".to_owned(),
            takes,
        )
    }

    fn from_problem(task: TaskName, problem: String, takes: &[ParamSpec]) -> Self {
        Self {
            task,
            problem,
            takes: list(takes),
        }
    }

    /// Returns the task that was meant.
    #[must_use]
    pub fn task(&self) -> &TaskName {
        &self.task
    }
}

impl fmt::Display for InvalidParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            task,
            problem,
            takes,
        } = self;
        write!(
            f,
            "the parameters do not fit task `{task}`: {problem}; it takes {takes}"
        )
    }
}

impl std::error::Error for InvalidParams {}

/// Decodes the parameters of a task from a payload.
///
/// # Errors
///
/// Returns an error if the payload is not a map, or does not decode into `P`.
pub fn decode<P: DeserializeOwned>(
    definition: &TaskDefinition,
    params: &Payload,
) -> Result<P, InvalidParams> {
    let (name, takes) = (definition.name(), definition.params());
    if !params.is_map() {
        return Err(InvalidParams::not_a_map(name.clone(), takes));
    }
    params
        .decode()
        .map_err(|error| InvalidParams::new(name.clone(), &error, takes))
}

/// Decodes what the runs returned that a task follows.
///
/// # Errors
///
/// Returns an error if it does not decode into `T`, the type of the parameter `name`.
pub fn decode_input<T: DeserializeOwned>(
    definition: &TaskDefinition,
    name: &str,
    input: &Payload,
) -> Result<T, InvalidParams> {
    input.decode().map_err(|error| {
        let problem = format!("what ran before is not its `{name}`: {error}");
        InvalidParams::from_problem(definition.name().clone(), problem, definition.params())
    })
}

fn list(takes: &[ParamSpec]) -> String {
    if takes.is_empty() {
        return "no parameters".to_owned();
    }
    let names: Vec<String> = takes
        .iter()
        .map(|param| format!("`{}: {}`", param.name, param.type_name))
        .collect();
    names.join(", ")
}
