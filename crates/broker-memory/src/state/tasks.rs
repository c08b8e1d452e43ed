//! What is known of each task: how its runs ended, and whether it is paused.

use std::collections::HashMap;

use aqueduct_broker_api::TaskInfo;
use aqueduct_core::{RunState, TaskName, Timestamp};

/// The most tasks that are known; runs of further ones are not counted and cannot be paused.
const MAX_TASKS: usize = 10_000;

/// All known tasks, by number and by name.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    known: Vec<Known>,
    names: HashMap<TaskName, usize>,
}

#[derive(Debug)]
struct Known {
    info: TaskInfo,
    is_paused: bool,
}

impl Tasks {
    /// Returns the number of a task, new or known; `None` if there are too many.
    pub(super) fn number_of(&mut self, name: &TaskName) -> Option<usize> {
        if let Some(number) = self.names.get(name) {
            return Some(*number);
        }
        let number = self.known.len();
        if number >= MAX_TASKS {
            return None;
        }
        self.known.push(Known {
            info: TaskInfo::new(name.clone()),
            is_paused: false,
        });
        self.names.insert(name.clone(), number);
        Some(number)
    }

    pub(super) fn count_end(&mut self, task: usize, state: RunState, now: Timestamp) {
        let Some(Known { info, .. }) = self.known.get_mut(task) else {
            return;
        };
        match state {
            RunState::Succeeded => info.succeeded += 1,
            RunState::Failed => info.failed += 1,
            _ => {}
        }
        info.last_state = Some(state);
        info.last_ended_at = Some(now);
    }

    pub(super) fn count_retry(&mut self, task: usize) {
        if let Some(known) = self.known.get_mut(task) {
            known.info.retried += 1;
        }
    }

    pub(super) fn is_paused(&self, task: usize) -> bool {
        self.known.get(task).is_some_and(|known| known.is_paused)
    }

    pub(super) fn set_paused(&mut self, name: &TaskName, paused: bool) {
        let number = self.number_of(name);
        if let Some(known) = number.and_then(|number| self.known.get_mut(number)) {
            known.is_paused = paused;
        }
    }

    pub(super) fn paused(&self) -> impl Iterator<Item = &TaskName> {
        self.known
            .iter()
            .filter(|known| known.is_paused)
            .map(|known| &known.info.task)
    }

    /// Returns what is known of each task that has ended or retried a run.
    pub(super) fn infos(&self) -> impl Iterator<Item = &TaskInfo> {
        let infos = self.known.iter().map(|known| &known.info);
        infos.filter(|info| info.last_state.is_some() || info.retried > 0)
    }
}
