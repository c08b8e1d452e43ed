//! The CPU lane: runs in worker processes.
//!
//! The consumer has a pool and gives it claimed runs; a worker has a `TaskBody` and executes them,
//! with a task manager that works through the consumer.

mod attempt;
mod body;
mod late;
mod logs;
mod port;
mod progress;
mod relay;
mod settings;
mod wire;

pub use late::{become_worker, serve_late};
pub use settings::{CpuSettings, Isolation};

pub(crate) use attempt::cpu_attempt;

use std::collections::HashMap;
use std::sync::Arc;

use aqueduct_core::state::StateNeed;
use aqueduct_core::task::{CpuOptions, TaskDefinition};
use aqueduct_core::{TaskName, TaskRegistry};
use aqueduct_cpu_pool::{PoolMetrics, Profile, StartError, ThreadPool, Workers};

use body::TaskBody;

use crate::error::ConsumerError;

/// The CPU lane of one consumer.
#[derive(Debug)]
pub(crate) struct CpuLane {
    workers: Box<dyn Workers>,
    profiles: HashMap<TaskName, Arc<Profile>>,
}

impl CpuLane {
    /// Creates the lane of a consumer; `None` if it has no CPU tasks, or is about to become a worker.
    pub(crate) fn new(
        registry: &Arc<TaskRegistry>,
        settings: CpuSettings,
    ) -> Result<Option<Self>, ConsumerError> {
        if !registry.has_cpu_tasks() || late::is_worker() {
            return Ok(None);
        }
        check_makers(registry)?;
        let names = registry.cpu_tasks().map(|task| task.name().to_string());
        let workers = workers(registry, settings, names.collect());
        let workers = workers.map_err(|error| ConsumerError::cpu(&error.to_string()))?;
        let mut profiles = Profiles::default();
        for definition in registry.cpu_tasks() {
            profiles.add(definition);
        }
        Ok(Some(Self {
            workers,
            profiles: profiles.by_task,
        }))
    }

    pub(crate) fn workers(&self) -> &dyn Workers {
        &*self.workers
    }

    pub(crate) fn metrics(&self) -> PoolMetrics {
        self.workers.metrics()
    }

    fn profile(&self, task: &TaskDefinition) -> Arc<Profile> {
        self.profiles.get(task.name()).cloned().unwrap_or_default()
    }
}

/// Refuses two functions that make state of one type: a worker has one value of each.
fn check_makers(registry: &TaskRegistry) -> Result<(), ConsumerError> {
    let mut known: HashMap<StateNeed, &'static str> = HashMap::new();
    for maker in registry
        .definitions()
        .into_iter()
        .flat_map(TaskDefinition::makers)
    {
        let name = *known.entry(maker.need()).or_insert(maker.name());
        if name != maker.name() {
            let (state, other) = (maker.need().type_name(), maker.name());
            let problem = format!(
                "two functions make `State<{state}>` for CPU tasks, `{name}` and `{other}`: use one of them"
            );
            return Err(ConsumerError::cpu(&problem));
        }
    }
    Ok(())
}

/// The profiles of tasks; equal ones are one.
#[derive(Default)]
struct Profiles {
    by_task: HashMap<TaskName, Arc<Profile>>,
    known: Vec<Arc<Profile>>,
}

impl Profiles {
    fn add(&mut self, task: &TaskDefinition) {
        let profile = task.cpu().map(profile_of).unwrap_or_default();
        let known = self.known.iter().find(|known| ***known == profile);
        let profile = known.cloned().unwrap_or_else(|| Arc::new(profile));
        self.known.push(Arc::clone(&profile));
        self.by_task.insert(task.name().clone(), profile);
    }
}

fn profile_of(options: &CpuOptions) -> Profile {
    let mut profile = Profile::default();
    profile.cpus = options.cpus;
    profile.memory_limit = options.memory_limit;
    profile.nice = options.nice;
    profile.stack_size = options.stack_size.unwrap_or(profile.stack_size);
    profile.env = options.env.iter().cloned().collect();
    profile
}

#[cfg(target_os = "linux")]
fn workers(
    registry: &Arc<TaskRegistry>,
    settings: CpuSettings,
    names: Vec<String>,
) -> Result<Box<dyn Workers>, StartError> {
    Ok(match settings.isolation {
        Isolation::Process => Box::new(aqueduct_cpu_pool::ProcessPool::new(settings.pool, names)?),
        Isolation::Thread => threads(registry, &settings),
    })
}

#[cfg(not(target_os = "linux"))]
fn workers(
    registry: &Arc<TaskRegistry>,
    settings: CpuSettings,
    _names: Vec<String>,
) -> Result<Box<dyn Workers>, StartError> {
    Ok(threads(registry, &settings))
}

fn threads(registry: &Arc<TaskRegistry>, settings: &CpuSettings) -> Box<dyn Workers> {
    let body = TaskBody::new(Arc::clone(registry));
    Box::new(ThreadPool::new(settings.pool.workers, body))
}
