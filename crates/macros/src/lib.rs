//! The attributes of Aqueduct. Use them through the crate `aqueduct`, which re-exports them.
//!
//! A macro here is five steps: parse the attribute (`args`), read the function (`model`), check both
//! (`check`), emit (`expand`); this file is the entry. The body of a function is never parsed.

mod args;
mod check;
mod cpu;
mod cpu_args;
mod cron_text;
mod definition;
mod duration_text;
mod expand;
mod fair_args;
mod input;
mod key;
mod key_text;
mod krate;
mod limit;
mod main_fn;
mod model;
mod nearest;
mod schedule;
mod size_text;
mod unique_args;

use proc_macro::TokenStream;

/// Makes a task of a function.
///
/// The function stays callable as it is. Beside it stands a handle of the same name:
/// `name::queue(&ctx_or_manager, args…)` queues a run when awaited, and `name::with(args…)` is a call to
/// set options on, to queue later, or to run inline. `name::queue_and_wait(…)` returns its value, and
/// `name::handle(&ctx_or_manager, id)` is a handle on a run that was queued before.
///
/// # Parameters of the function
///
/// - `TaskContext` or `&TaskContext`: the context of the run; mark a type alias with `#[context]`.
/// - `State<T>`: application state, checked when the app is built; mark a type alias with `#[state]`.
/// - everything else is a parameter of the run: owned, `Serialize` and `Deserialize`, sent as a map by
///   name. `#[serde(…)]` on it is honoured. A single struct marked `#[params]` is the map itself.
/// - one of these may be marked `#[input]`: in a workflow it is what ran before returned. Then
///   `name::after(args…)`, without it, is a follow-up.
///
/// The return type is `()`, a value, or a `Result` with any error that `?` can turn into `TaskError`.
///
/// # Options
///
/// | option | means | default |
/// |---|---|---|
/// | `name = "…"` | the name that runs are stored under | the function's |
/// | `alias = "…"` | an older name; may be repeated | |
/// | `queue = "…"` | the queue of runs | `default` |
/// | `priority = "high"` | `high`, `medium` or `low` | `medium` |
/// | `timeout = "5m"` | how long an attempt may take | `1m` |
/// | `total_timeout = "1h"` | how long a run may take in all, from when it is due | none |
/// | `expires_in = "10m"` | runs expire that have not started so long after they were queued | none |
/// | `retry(max = 3, backoff = "2s", …)` | see below | 3, exponential from 1 s |
/// | `retry = none` | failures are final | |
/// | `keep_result = "1h"` | finished runs and results are kept that long | not kept |
/// | `unique = "sync:{account}"` | at most one unfinished run has this key, made of its parameters | |
/// | `unique(key = "…", …)` | the same, and `scope`, `on_conflict`: see below | |
/// | `debounce("5s")` | a run starts so long after the last call, with its parameters; `key = "…"`, `at_most = "1m"` | |
/// | `throttle("1m")` | one run in that time; `key = "…"` | |
/// | `max_concurrency = 5` | so many of its runs run at once, over all consumers; `(5, key = "…")` for each key | |
/// | `rate_limit(100, per = "1m")` | so many of its runs start in that time; `key = "…"` for each key | |
/// | `fair = "tenant:{tenant}"` | its runs take turns with those of other keys; `fair(key = "…", weight = 3)`: three a turn | |
/// | `schedule = every("30s")` | fires at an interval; `delay = "…"`, `jitter = "…"`, `overlap = …` | |
/// | `schedule = cron("0 2 * * *")` | fires by a cron text; `tz = "Europe/Rome"`, `skipped = …`, `repeated = …`, `jitter = "…"`, `overlap = …` | |
/// | `output = T` | the success type, where the return type is an alias | read off the return type |
/// | `crate = path` | where to find `aqueduct` | found by itself |
///
/// `retry(…)` takes `max` (retries), `backoff` (the first wait), `kind` (`"exponential"`, `"linear"`,
/// `"fixed"`), `max_wait` (ten minutes, or `backoff` if that is longer), and `jitter` (`"full"`, `"equal"`, `"none"`). `overlap` is `skip`, `cancel_previous` or
/// `allow` (the default): what becomes of a tick while the run before has not ended. `skipped` is `run_after` (the default) or
/// `skip`, `repeated` is `first` (the default), `second` or `both`: what becomes of a fixed time that does not exist, or comes twice, on
/// a day when the clocks are changed.
///
/// `unique(…)` takes `key`, `scope`: how long a run holds it (`queued`: until its first attempt begins,
/// `until_finished`, or `window("10m")` from its acceptance on), and `on_conflict`: what becomes of a run that
/// finds it held (`return_existing`, `replace` or `refuse`). Without a key, those of `debounce` and `throttle` are the
/// name of the task: one for all its runs.
#[proc_macro_attribute]
pub fn task(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand::task(expand::Flavour::Io, attribute.into(), &item.into()).into()
}

/// Makes a CPU task of a function: it runs in a worker process, where it may compute as long as it likes.
///
/// Everything is as with [`macro@task`], for synchronous and for asynchronous functions, with these options
/// more:
///
/// | option | means | default |
/// |---|---|---|
/// | `cpus = 4` | it takes that many places of the pool | 1 |
/// | `memory_limit = "512MiB"` | the most memory of its worker's heap | none |
/// | `cpu_timeout = "10s"` | the most CPU time of an attempt | none |
/// | `progress_timeout = "30s"` | how long an attempt may report no progress (`ctx.progress(…)`) | none |
/// | `nice = 10` | the worker is that much more polite | as the pool says: 10 |
/// | `stack_size = "64MiB"` | the stack of the thread that runs it | 8 MiB |
/// | `env(NAME = "value")` | variables of the environment | inherited |
/// | `init = load_model` | makes its `State<T>`, once in each worker; `init(a, b)` for several | |
///
/// A worker shares nothing with the process that queues: so its `State<T>` is made by the function that
/// `init` names, which returns a `T` or a `Result` of it.
#[proc_macro_attribute]
pub fn cpu_task(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expand::task(expand::Flavour::Cpu, attribute.into(), &item.into()).into()
}

/// Makes `main` asynchronous: runs its body on a multi-threaded runtime.
///
/// `#[aqueduct::main(worker_threads = 2)]` sets the number of threads; by default one a core.
///
/// Before that, a process that was started as a CPU worker becomes one, and the body does not run in it.
/// It knows the tasks of every `tasks![…]` that stands in the body. Where the list is elsewhere, name a
/// function that returns it: `#[aqueduct::main(tasks = work::all)]`. Without either, the worker runs the
/// body up to the start of the app, and says so in the log.
#[proc_macro_attribute]
pub fn main(attribute: TokenStream, item: TokenStream) -> TokenStream {
    main_fn::main(attribute.into(), &item.into()).into()
}
