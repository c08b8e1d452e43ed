//! Cores: two processes on one core switch, two on two cores wake each other up, which costs far more.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Keeps the calling thread, and whatever it starts, on one core.
pub(crate) fn stay_on(core: usize) -> io::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    Ok(sched_setaffinity(None, &cores)?)
}

/// Calls `measure` on a core, with whatever it starts.
pub(crate) fn on<T>(core: usize, measure: impl FnOnce() -> T) -> io::Result<T> {
    let before = sched_getaffinity(None)?;
    stay_on(core)?;
    let measured = measure();
    sched_setaffinity(None, &before)?;
    Ok(measured)
}

/// Returns the first two cores that this process may use, or the same one twice.
pub(crate) fn two() -> io::Result<(usize, usize)> {
    let cores = sched_getaffinity(None)?;
    let mut usable = (0..CpuSet::MAX_CPU).filter(|core| cores.is_set(*core));
    let first = usable.next().unwrap_or(0);
    Ok((first, usable.next().unwrap_or(first)))
}
