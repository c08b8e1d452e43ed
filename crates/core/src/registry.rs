//! The registry: from a task's name to the task.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::lane::Lane;
use crate::name::TaskName;
use crate::state::{StateNeed, States};
use crate::task::{Location, Task, TaskDefinition};

/// The tasks that a process knows, by name and alias.
#[derive(Clone, Debug, Default)]
pub struct TaskRegistry {
    tasks: HashMap<TaskName, Arc<dyn Task>>,
}

/// The error of registering two tasks under one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "two tasks are named `{name}`: {first} and {second}; give one of them `#[task(name = \"…\")]`"
)]
pub struct DuplicateTask {
    name: TaskName,
    first: Location,
    second: Location,
}

/// The error of tasks that need application state which was not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingStates(Vec<MissingState>);

/// One task's need that is not met.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingState {
    /// The task that asks for the value.
    pub task: TaskName,
    /// The type of the value.
    pub type_name: &'static str,
    /// Where the task is defined.
    pub location: Location,
    /// Whether the value is missing in the worker process of a CPU task.
    pub in_worker: bool,
}

impl TaskRegistry {
    /// Creates an empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a task under its name and its aliases.
    ///
    /// # Errors
    ///
    /// Returns an error, with both places in the source, if one of the names is taken.
    pub fn register(&mut self, task: &Arc<dyn Task>) -> Result<(), DuplicateTask> {
        let definition = task.definition();
        let names: Vec<TaskName> = std::iter::once(definition.name())
            .chain(definition.aliases())
            .cloned()
            .collect();
        for name in &names {
            // The same task given twice is one task.
            let other = self.tasks.get(name);
            let other = other.filter(|it| !std::ptr::eq(it.definition(), definition));
            if let Some(other) = other {
                return Err(DuplicateTask {
                    name: name.clone(),
                    first: other.definition().location(),
                    second: definition.location(),
                });
            }
        }
        for name in names {
            self.tasks.insert(name, Arc::clone(task));
        }
        Ok(())
    }

    /// Returns the task of that name or alias.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Task>> {
        self.tasks.get(name)
    }

    /// Returns each task once, sorted by name.
    #[must_use]
    pub fn definitions(&self) -> Vec<&TaskDefinition> {
        let mut all: Vec<&TaskDefinition> = self
            .tasks
            .iter()
            .filter(|(name, task)| *name == task.definition().name())
            .map(|(_, task)| task.definition())
            .collect();
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all
    }

    /// Returns whether no task is registered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Checks that `states` holds every value that a registered task asks for.
    ///
    /// # Errors
    ///
    /// Returns an error that lists everything that is missing.
    pub fn check_states(&self, states: &States) -> Result<(), MissingStates> {
        let missing: Vec<MissingState> = self
            .definitions()
            .into_iter()
            .flat_map(|definition| {
                let is_cpu = definition.lane() == Lane::Cpu;
                let is_made = |need: &StateNeed| {
                    let makers = definition.makers().iter();
                    makers.into_iter().any(|maker| maker.need() == *need)
                };
                let unmet = definition
                    .needs()
                    .iter()
                    .filter(move |need| !is_made(need) && (is_cpu || !states.satisfies(need)));
                unmet.map(move |need| MissingState {
                    task: definition.name().clone(),
                    type_name: need.type_name(),
                    location: definition.location(),
                    in_worker: is_cpu,
                })
            })
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(MissingStates(missing))
        }
    }

    /// Returns whether a task runs in a worker process.
    #[must_use]
    pub fn has_cpu_tasks(&self) -> bool {
        self.cpu_tasks().next().is_some()
    }

    /// Returns the tasks that run in worker processes, each once for each of its names.
    pub fn cpu_tasks(&self) -> impl Iterator<Item = &TaskDefinition> {
        let definitions = self.tasks.values().map(|task| task.definition());
        definitions.filter(|definition| definition.lane() == Lane::Cpu)
    }

    /// Makes the application state of all CPU tasks, as a worker process has it.
    ///
    /// # Errors
    ///
    /// Returns an error, in words, if a function that makes state fails.
    pub fn make_states(&self) -> Result<States, String> {
        let mut states = States::default();
        for definition in self.definitions() {
            for maker in definition.makers() {
                maker.make(&mut states)?;
            }
        }
        Ok(states)
    }

    /// Returns the registered name that is most like `name`, if one is near.
    #[must_use]
    pub fn nearest(&self, name: &str) -> Option<&TaskName> {
        self.tasks
            .keys()
            .map(|known| (edit_distance(known.as_str(), name), known))
            .filter(|(distance, known)| *distance <= known.as_str().len().max(name.len()) / 3)
            .min()
            .map(|(_, known)| known)
    }
}

impl MissingStates {
    /// Returns every need that is not met.
    #[must_use]
    pub fn missing(&self) -> &[MissingState] {
        &self.0
    }
}

impl fmt::Display for MissingStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "tasks ask for application state that was not given with `.state(…)`:"
        )?;
        for missing in &self.0 {
            let MissingState {
                task,
                type_name,
                location,
                in_worker,
            } = missing;
            write!(
                f,
                "\n  task `{task}` ({location}) needs `State<{type_name}>`"
            )?;
            if *in_worker {
                f.write_str(" in its worker process: name what makes it, `#[cpu_task(init = …)]`")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for MissingStates {}

/// Returns the Levenshtein distance of two names: insertions, deletions and replacements.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut previous = i + 1;
        for (right, cell) in b.bytes().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal + usize::from(left != right);
            diagonal = *cell;
            previous = replaced.min(previous + 1).min(diagonal + 1);
            *cell = previous;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
