//! CPU tasks: functions that compute, in processes of their own.
//!
//! An async task that computes for a second holds up all tasks of its thread for a second. Mark it
//! `#[cpu_task]` instead, and it runs in a *worker*: this program once more, started as a child, that does one
//! run at a time. It may block, use all the memory it is allowed, overflow its stack or abort: its neighbours
//! and the consumer go on.
//!
//! ```no_run
//! use aqueduct::{App, Broker, State, TaskContext, TaskError, cpu_task, task, tasks};
//!
//! struct Model(Vec<f64>);
//!
//! fn load_model() -> Result<Model, std::io::Error> {
//!     Ok(Model(vec![0.5; 1000])) // once in each worker, before its first run
//! }
//!
//! #[cpu_task(timeout = "5m", memory_limit = "1GiB", init = load_model)]
//! fn score(ctx: TaskContext, model: State<Model>, rounds: u64) -> Result<(), TaskError> {
//!     let mut sum = 0.0;
//!     for round in 0..rounds {
//!         ctx.check_cancelled()?; // ends here on a time-out, a cancellation, a stop
//!         ctx.progress(round, rounds);
//!         sum += model.0.iter().sum::<f64>();
//!     }
//!     store::queue(&ctx, sum).blocking()?; // goes through the consumer: no connection here
//!     Ok(())
//! }
//!
//! #[task]
//! async fn store(sum: f64) {
//!     let _ = sum;
//! }
//!
//! #[aqueduct::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let app = App::new(Broker::memory()).tasks(tasks![score, store]);
//!     app.run_until_ctrl_c().await?;
//!     Ok(())
//! }
//! ```
//!
//! # What a worker knows
//!
//! `#[aqueduct::main]` makes a worker of the process before the body of `main` runs, and repeats the `tasks![…]`
//! that stands in the body. If your list is elsewhere, name the function that returns it:
//! `#[aqueduct::main(tasks = work::all)]`. Without that attribute call [`cpu::init`](crate::cpu::init) first in
//! `main`. A program that does neither still works as long as it starts an app: the worker then runs `main` up
//! to that point, and says so in the log.
//!
//! A worker shares nothing with its consumer. `State<T>` is made by the function that `init` names. The
//! [`TaskManager`](crate::TaskManager) works as elsewhere, through the consumer: only a run that still has its
//! lease can queue. Progress, `tracing` events from `INFO` up and whatever is printed go the same way; where nobody logs,
//! prints appear on the consumer's stderr. Events stand in the consumer's span of the run, with the spans around
//! them in the worker as the field `spans`. Of what is printed
//! too fast a part is left out; one more line says how much. A program that sets a subscriber of its own in its workers keeps it.
//!
//! # Ends
//!
//! | what happens | what the run sees | counts as |
//! |---|---|---|
//! | an error, a panic | as elsewhere; a panic also ends the worker | a failure |
//! | its time limit passes | `ctx.is_cancelled()`; after 5 s SIGTERM; after 2 s more SIGKILL | a failure |
//! | somebody cancels it | the same | cancelled |
//! | `cpu_timeout` passes | SIGXCPU | a failure |
//! | no `ctx.progress(…)` for its `progress_timeout` | as with its time limit | a failure |
//! | the consumer stops | `ctx.is_cancelled()`; killed after the grace time | given back |
//! | the worker dies: a signal, `exit`, no stack, no memory | its name is in the failure | a crash |
//! | no worker starts | nothing | given back; the consumer claims no CPU runs for a while |
//!
//! Programs that a task has started end with it, however it ends: when it returns, what it has left behind is killed, and
//! every kill is one of the whole process group. What the `init` of its state has started stays as long as the worker, and
//! what has left the group with `setsid` is a daemon of its own. When the consumer dies, its workers kill themselves and
//! their groups.
//!
//! The failure of a panic has its message and its place; the backtrace is in the log, if `RUST_BACKTRACE` asks for one.
//!
//! # Cost and limits
//!
//! A run costs some tens of microseconds beyond the work; a worker starts in a few milliseconds and needs
//! about half a megabyte, and whatever the constants of your program need that hold addresses: each process has its
//! own copy of them, unless it is built with `-C relocation-model=static`. Parameters and results are copied through a pipe. So a task under a millisecond is
//! better left where it is, or batched. There are as many workers as cores
//! ([`PoolConfig::workers`](crate::cpu::PoolConfig)); `cpus = 4` makes a task take four places. The CPU lane is
//! claimed only for free workers: no run waits here while another consumer is idle, and IO tasks never wait behind
//! CPU tasks.
//!
//! Workers are a little polite (`nice` 10, [`PoolConfig::nice`](crate::cpu::PoolConfig)): although every core computes, the
//! consumer and its IO tasks run when they have something to do.
//!
//! # Containers, Kubernetes, systemd
//!
//! Workers raise their own `oom_score_adj`, so that the system ends one of them rather than the consumer. But on Kubernetes
//! with cgroup v2 the memory of a container is one group by default, and one worker over the limit ends the whole
//! container. So where the container has a limit that can be read, of either version of cgroups, the workers share what it
//! leaves beside the consumer and a tenth in reserve: one that uses more than its share is killed, and its run has crashed
//! as out of memory. The memory is looked at ten times a second, and the programs that a task starts are not counted: set
//! `memory_limit` for tasks that grow faster. Outside of containers nothing is limited;
//! [`MemoryBudget`](crate::cpu::MemoryBudget) sets another budget, or none.
//!
//! In a container let a small init be process 1 (`docker run --init`, `shareProcessNamespace` on Kubernetes): it reaps what
//! outlives a killed worker. Give the consumer longer to stop than its grace time, 25 s by default
//! (`terminationGracePeriodSeconds`, `TimeoutStopSec`). With systemd use `KillMode=mixed`: the default sends SIGTERM to
//! every process at once, and a busy worker then finishes its run and leaves.
//!
//! # Tests
//!
//! A task is still a function. Through an app, [`CpuSettings::threads`](crate::cpu::CpuSettings::threads) runs CPU
//! tasks on threads of the test; [`cpu_worker!`](crate::cpu_worker) gives a test real workers.
//!
//! Worker processes exist on Linux so far; elsewhere CPU tasks run on threads.
