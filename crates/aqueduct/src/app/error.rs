//! The error of an application.

use std::error::Error;
use std::fmt;

use aqueduct_core::TaskDefinition;
use aqueduct_core::registry::DuplicateTask;

/// Why an application cannot start, or had to stop.
#[derive(Debug)]
pub struct AppError {
    message: String,
    cause: Option<Cause>,
}

/// What an error goes back to.
#[derive(Debug)]
enum Cause {
    /// This is its source.
    Source(Box<dyn Error + Send + Sync>),
    /// It says what this says, and has the same source.
    Same(Box<dyn Error + Send + Sync>),
}

impl AppError {
    fn new(message: String) -> Self {
        Self {
            message,
            cause: None,
        }
    }

    fn because(message: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            message: message.to_owned(),
            cause: Some(Cause::Source(source.into())),
        }
    }

    pub(super) fn observer(error: std::io::Error) -> Self {
        Self::because("the thread of an observer cannot start", error)
    }

    pub(super) fn signals(error: std::io::Error) -> Self {
        Self::because("signals cannot be awaited", error)
    }

    #[cfg(feature = "testing")]
    pub(super) fn state(problem: String) -> Self {
        Self::new(problem)
    }

    pub(super) fn tasks(error: &DuplicateTask) -> Self {
        Self::new(error.to_string())
    }

    pub(super) fn lacks(task: &TaskDefinition, what: &str) -> Self {
        Self::new(format!(
            "task `{}` ({}) needs {what}, which this broker cannot do",
            task.name(),
            task.location()
        ))
    }

    /// A part of the application that cannot be built, or that had to stop.
    pub(super) fn part(error: impl Error + Send + Sync + 'static) -> Self {
        Self {
            message: error.to_string(),
            cause: Some(Cause::Same(Box::new(error))),
        }
    }

    #[cfg(feature = "scheduler")]
    pub(super) fn panicked(part: &str) -> Self {
        Self::new(format!(
            "the {part} panicked, which is a defect of Aqueduct"
        ))
    }

    pub(super) fn no_runtime() -> Self {
        Self::new(
            "there is no tokio runtime here: use `#[aqueduct::main]` or `#[tokio::main]`"
                .to_owned(),
        )
    }

    pub(super) fn second_signal() -> Self {
        Self::new("stopped at once by a second signal; running tasks were not awaited".to_owned())
    }

    /// Returns an error if there is a problem: the one, or all in one.
    pub(super) fn all(problems: Vec<Self>) -> Result<(), Self> {
        let mut problems = problems;
        match problems.len() {
            0 => Ok(()),
            1 => problems.pop().map_or(Ok(()), Err),
            count => {
                let lines: Vec<String> = problems.iter().map(|it| format!("\n- {it}")).collect();
                Err(Self::new(format!("{count} problems:{}", lines.concat())))
            }
        }
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for AppError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Some(Cause::Source(source)) => Some(&**source),
            Some(Cause::Same(error)) => error.source(),
            None => None,
        }
    }
}
