//! Assertions on what was queued.

use std::fmt::Write;

use aqueduct_core::task::Task;
use aqueduct_core::{Payload, QueuedTask, TaskName};
use serde::Serialize;

use super::value::{Value, params_of};

/// A run that a test expects to have been queued: its task, and some of its parameters.
#[derive(Clone, Debug)]
pub struct Expected {
    task: TaskName,
    /// What its task takes; empty if it does not say.
    takes: Vec<&'static str>,
    params: Vec<(&'static str, Value)>,
}

/// Checks that a task was queued, with these parameters if any are named.
///
/// ```
/// use aqueduct::testing::{self, assert_not_queued, assert_queued};
/// use aqueduct::{task, tasks};
///
/// #[task]
/// async fn add(a: u32, b: u32) -> u32 {
///     a + b
/// }
///
/// testing::run(async |kit| {
///     let manager = kit.app().tasks(tasks![add]).into_task_manager().unwrap();
///     add::queue(&manager, 1, 2).await.unwrap();
///     assert_queued!(kit, add);
///     assert_queued!(kit, add, a = 1, b = 2);
///     assert_queued!(kit, add, b = 2);
///     assert_not_queued!(kit, add, a = 2);
/// });
/// ```
#[macro_export]
macro_rules! assert_queued {
    ($kit:expr, $($task:ident)::+ $(, $name:ident = $value:expr)* $(,)?) => {
        $kit.assert_queued(&$crate::testing::Expected::of(&($($task)::+ {}))
            $(.with($crate::__private::stringify!($name), &$value))*)
    };
}

/// Checks that a task was not queued with these parameters, or not at all.
#[macro_export]
macro_rules! assert_not_queued {
    ($kit:expr, $($task:ident)::+ $(, $name:ident = $value:expr)* $(,)?) => {
        $kit.assert_not_queued(&$crate::testing::Expected::of(&($($task)::+ {}))
            $(.with($crate::__private::stringify!($name), &$value))*)
    };
}

impl Expected {
    /// Expects a run of a task, whatever its parameters.
    #[must_use]
    pub fn of(task: &dyn Task) -> Self {
        let definition = task.definition();
        let params = definition.params().iter().map(|param| param.name);
        Self {
            task: definition.name().clone(),
            takes: params.chain(definition.input()).collect(),
            params: Vec::new(),
        }
    }

    /// Expects a parameter, by its name in the run.
    ///
    /// # Panics
    ///
    /// Panics if the task has no such parameter, or the value cannot be encoded.
    #[must_use]
    #[track_caller]
    pub fn with<T: Serialize + ?Sized>(mut self, name: &'static str, value: &T) -> Self {
        let is_known = self.takes.is_empty() || self.takes.contains(&name);
        assert!(
            is_known,
            "task `{}` has no parameter `{name}`: it takes {}",
            self.task,
            self.takes.join(", ")
        );
        let value = Payload::encode(value).and_then(|value| value.decode());
        match value {
            Ok(value) => self.params.push((name, value)),
            Err(error) => panic!("`{name}` cannot be a parameter: {error}"),
        }
        self
    }

    pub(super) fn is_among(&self, queued: &[QueuedTask]) -> bool {
        queued.iter().any(|task| self.is_like(task))
    }

    fn is_like(&self, queued: &QueuedTask) -> bool {
        let params = params_of(&queued.payload);
        let has = |(name, value): &(&str, Value)| match params.get(*name) {
            Some(given) => given == value,
            None => *value == Value::Nil,
        };
        queued.task == self.task && self.params.iter().all(has)
    }

    /// Says what was expected, `is` it or `is not`, and what there is.
    pub(super) fn problem(&self, is: &str, queued: &[QueuedTask]) -> String {
        let params = self.params.iter().map(|(name, value)| (*name, value));
        let mut text = format!(
            "`{}({})` {is} among what was queued:",
            self.task,
            list(params)
        );
        if queued.is_empty() {
            text.push_str(" nothing");
        }
        for task in queued {
            let params = params_of(&task.payload);
            let params = list(params.iter().map(|(name, value)| (&**name, value)));
            // Writing to a text does not fail.
            let _ = write!(text, "\n  {}({params})", task.task);
        }
        text
    }
}

fn list<'a>(params: impl Iterator<Item = (&'a str, &'a Value)>) -> String {
    let params = params.map(|(name, value)| format!("{name} = {value}"));
    params.collect::<Vec<_>>().join(", ")
}
