//! The limits that a worker puts on itself.

use std::fs;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::usage;
use crate::message::Limits;

/// Applies the limits of a profile; an error names the limit.
pub(super) fn apply(limits: &Limits) -> Result<(), String> {
    // No secrets on the disk.
    set(Resource::Core, Some(0)).map_err(|error| format!("core size: {error}"))?;
    if let Some(bytes) = limits.memory_bytes {
        set(Resource::Data, Some(bytes)).map_err(|error| format!("memory: {error}"))?;
    }
    nice(limits.nice).map_err(|error| format!("nice: {error}"))?;
    if !limits.cpus.is_empty() {
        affinity(&limits.cpus)?;
    }
    // When memory runs out, the system should end a worker and not its parent. Raising it needs no
    // privilege, but a sandbox may hide the file.
    let _ = fs::write("/proc/self/oom_score_adj", limits.oom_score.to_string());
    Ok(())
}

/// Limits the CPU time from now on; `None` takes the limit off.
pub(super) fn cpu_time(limit: Option<Duration>) -> Result<(), String> {
    let until = limit.map(|limit| {
        let until = usage::cpu().saturating_add(limit);
        until.as_secs() + u64::from(until.subsec_nanos() > 0)
    });
    set(Resource::Cpu, until).map_err(|error| format!("CPU time: {error}"))
}

/// Sets the soft limit, as far as the hard one allows.
fn set(resource: Resource, limit: Option<u64>) -> std::io::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(resource);
    let current = match (limit, maximum) {
        (Some(limit), Some(maximum)) => Some(limit.min(maximum)),
        (limit, maximum) => limit.or(maximum),
    };
    Ok(setrlimit(resource, Rlimit { current, maximum })?)
}

fn affinity(cores: &[usize]) -> Result<(), String> {
    let mut set = CpuSet::new();
    for core in cores {
        if *core >= CpuSet::MAX_CPU {
            return Err(format!("cores: there is no core {core}"));
        }
        set.set(*core);
    }
    sched_setaffinity(None, &set).map_err(|error| format!("cores: {error}"))
}
