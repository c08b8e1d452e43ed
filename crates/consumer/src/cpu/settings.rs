//! How CPU tasks are kept apart.

use aqueduct_cpu_pool::PoolConfig;

/// How CPU tasks are kept apart, and how many run.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CpuSettings {
    /// Whether they run in processes or on threads. Default: processes, where they are supported.
    pub isolation: Isolation,
    /// The pool: how many workers, how long each wait.
    pub pool: PoolConfig,
}

/// What keeps CPU tasks apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Isolation {
    /// Each runs in a process of its own, which can be killed, limited and replaced: on Linux so far;
    /// elsewhere threads are used.
    #[default]
    Process,
    /// They run on threads of this process: what does not end by itself cannot be stopped. For tests.
    Thread,
}

impl CpuSettings {
    /// Creates settings for tasks on threads, for tests.
    #[must_use]
    pub fn threads() -> Self {
        Self {
            isolation: Isolation::Thread,
            ..Self::default()
        }
    }

    /// Creates settings for tasks in processes.
    #[must_use]
    pub fn processes(pool: PoolConfig) -> Self {
        Self {
            isolation: Isolation::Process,
            pool,
        }
    }
}
