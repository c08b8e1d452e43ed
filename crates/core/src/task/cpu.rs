//! What a CPU task asks of the worker process that it runs in.

use std::fmt;
use std::time::Duration;

use super::result::IntoTaskError;
use crate::state::{State, StateNeed, States};

/// What a CPU task asks of the worker process that it runs in.
///
/// Tasks that ask for the same share workers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CpuOptions {
    /// How many places it takes, and how many threads libraries are told to start. Default: 1.
    pub cpus: u32,
    /// The most memory that the heap of the worker may have, in bytes.
    pub memory_limit: Option<u64>,
    /// The most CPU time of one attempt, in whole seconds.
    pub cpu_timeout: Option<Duration>,
    /// How long an attempt may report no progress; no limit by default.
    pub progress_timeout: Option<Duration>,
    /// Added to the priority of the process: 0 to 19, more is more polite. `None` leaves it to the pool.
    pub nice: Option<i32>,
    /// The stack of the thread that works, in bytes.
    pub stack_size: Option<usize>,
    /// Variables of the environment to set.
    pub env: Vec<(String, String)>,
}

/// Makes a value of application state, once in each worker process.
#[derive(Clone, Copy)]
pub struct StateMaker {
    need: StateNeed,
    name: &'static str,
    make: Make,
}

type Make = fn(&mut States) -> Result<(), String>;

/// The type of a parameter that receives application state.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not application state",
    note = "`State<T>` is"
)]
pub trait StateParam {
    /// The type of the value.
    type Value: Send + Sync + 'static;
}

/// What a function that makes state may return: the value, or a `Result` of it.
#[diagnostic::on_unimplemented(
    message = "the function that makes this state returns `{Self}` and not `{T}`",
    note = "it may return a `Result` as well"
)]
pub trait MakesState<T> {
    /// Returns the value, or in words why there is none.
    ///
    /// # Errors
    ///
    /// Returns the error of the function.
    fn made(self) -> Result<T, String>;
}

impl Default for CpuOptions {
    fn default() -> Self {
        Self {
            cpus: 1,
            memory_limit: None,
            cpu_timeout: None,
            progress_timeout: None,
            nice: None,
            stack_size: None,
            env: Vec::new(),
        }
    }
}

impl StateMaker {
    /// Creates a maker of the state that a parameter of type `P` receives; `name` is for messages.
    #[must_use]
    pub fn new<P: StateParam>(name: &'static str, make: Make) -> Self {
        Self {
            need: StateNeed::of::<P::Value>(),
            name,
            make,
        }
    }

    /// Returns what it makes.
    #[must_use]
    pub fn need(&self) -> StateNeed {
        self.need
    }

    /// Returns the name of the function, for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Makes the value, unless one of its type is there.
    ///
    /// # Errors
    ///
    /// Returns an error, in words, if the function fails.
    pub fn make(&self, states: &mut States) -> Result<(), String> {
        if states.satisfies(&self.need) {
            return Ok(());
        }
        (self.make)(states).map_err(|problem| format!("`{}` failed: {problem}", self.name))
    }
}

impl<T: Send + Sync + 'static> StateParam for State<T> {
    type Value = T;
}

impl<T> MakesState<T> for T {
    fn made(self) -> Result<T, String> {
        Ok(self)
    }
}

impl<T, E: IntoTaskError> MakesState<T> for Result<T, E> {
    fn made(self) -> Result<T, String> {
        self.map_err(|error| error.into_task_error().to_string())
    }
}

impl fmt::Debug for StateMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateMaker")
            .field("need", &self.need.type_name())
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
