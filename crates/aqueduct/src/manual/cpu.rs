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
//!         ctx.checkpoint()?; // ends here on a time-out, a cancellation, a stop
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
//! lease can queue. Progress, `tracing` events and whatever is printed go the same way; where nobody logs,
//! prints appear on the consumer's stderr.
//!
//! # Ends
//!
//! | what happens | what the run sees | counts as |
//! |---|---|---|
//! | an error, a panic | as elsewhere; a panic also ends the worker | a failure |
//! | its time limit passes | `ctx.is_cancelled()`; after 5 s SIGTERM; after 2 s more SIGKILL | a failure |
//! | somebody cancels it | the same | cancelled |
//! | `cpu_timeout` passes | SIGXCPU | a failure |
//! | the consumer stops | `ctx.is_cancelled()`; killed after the grace time | given back |
//! | the worker dies: a signal, `exit`, no stack, no memory | its name is in the failure | a crash |
//! | no worker starts | nothing | given back; the consumer claims no CPU runs for a while |
//!
//! Every kill, and the end of a worker, ends the whole process group: programs that the task has started end with it, except those
//! that have left the group with `setsid`. When the consumer dies, its workers kill themselves and their groups.
//!
//! # Cost and limits
//!
//! A run costs some tens of microseconds beyond the work; a worker starts in a few milliseconds and needs
//! about a megabyte. Parameters and results are copied through a pipe. So a task under a millisecond is
//! better left where it is, or batched. There are as many workers as cores
//! ([`PoolConfig::workers`](crate::cpu::PoolConfig)); `cpus = 4` makes a task take four places. The CPU lane is
//! claimed only for free workers: no run waits here while another consumer is idle, and IO tasks never wait behind
//! CPU tasks.
//!
//! Workers raise their own `oom_score_adj`, so that the system ends one of them rather than the consumer. On
//! Kubernetes with cgroup v2 the memory of a container is one group by default, and one worker over the limit ends
//! the container: set `memory_limit` so that the sum stays under it. With systemd use `KillMode=mixed`: the default
//! sends SIGTERM to every process at once, and a busy worker then finishes its run and leaves.
//!
//! # Tests
//!
//! A task is still a function. Through an app, [`CpuSettings::threads`](crate::cpu::CpuSettings::threads) runs CPU
//! tasks on threads of the test; [`cpu_worker!`](crate::cpu_worker) gives a test real workers.
//!
//! Worker processes exist on Linux so far; elsewhere CPU tasks run on threads.
