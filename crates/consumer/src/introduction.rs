//! What this consumer says of itself, for people who look into the broker.

use aqueduct_broker_api::Introduction;
use aqueduct_core::{Lane, TaskName};

use crate::shared::Shared;

/// How often the introduction goes with a heartbeat: with each so many, and with the first.
pub(crate) const BEATS_PER_INTRODUCTION: u32 = 15;

/// Returns where this consumer runs, and what it takes.
pub(crate) fn introduction(shared: &Shared) -> Introduction {
    let started_at = shared.clock.now();
    let release = &shared.limits.release;
    let introduction = Introduction::new(&host(), std::process::id(), started_at, release);
    let has_place = |lane: &Lane| match lane {
        Lane::Io => true,
        Lane::Cpu => shared.cpu.is_some(),
    };
    let lanes = Lane::ALL.into_iter().filter(has_place);
    let definitions = shared.registry.definitions();
    let tasks: Vec<TaskName> = definitions
        .iter()
        .flat_map(|task| std::iter::once(task.name()).chain(task.aliases()))
        .cloned()
        .collect();
    introduction.taking(lanes, shared.limits.queues.iter().cloned(), tasks)
}

/// Returns the name of this machine, if it is to be had without asking anybody.
fn host() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let variable = |name: &str| std::env::var(name).ok();
    let name = kernel
        .ok()
        .or_else(|| variable("HOSTNAME"))
        .or_else(|| variable("COMPUTERNAME"));
    name.unwrap_or_default().trim().to_owned()
}

/// The release of a program that does not say its own.
pub(crate) const LIBRARY: &str = concat!("aqueduct ", env!("CARGO_PKG_VERSION"));
