//! Periodic tasks, time zones, missed and overlapping ticks.
//!
//! ```
//! use aqueduct::task;
//!
//! #[task(schedule = every("30s"))]
//! async fn heartbeat() {}
//!
//! #[task(schedule = cron("0 2 * * MON-FRI", tz = "Europe/Rome"))]
//! async fn nightly() {}
//! ```
//!
//! The text is checked when the program compiles. Run as many schedulers as you like: each tick is
//! queued once. Ticks that nobody fired, because all schedulers were down, follow a policy:
//!
//! ```
//! use aqueduct::scheduler::MissedTicks;
//! use aqueduct::{App, Broker};
//!
//! let app = App::new(Broker::memory())
//!     .scheduler(|scheduler| scheduler.missed_ticks(MissedTicks::All { max: 24 }));
//! ```
//!
//! Ticks go by the clock of the broker; the clock of this process may be wrong. If the broker's clock is
//! set forward, that is noticed within 30 seconds, and what was jumped over counts as missed. If it is
//! set back, nothing fires until it has caught up: no tick fires twice.
//!
//! # Ticks that overlap
//!
//! A tick that comes while the run before has not ended fires all the same, unless the schedule says otherwise:
//!
//! ```
//! use aqueduct::task;
//!
//! #[task(schedule = every("1m", overlap = skip))]
//! async fn import() {}
//!
//! #[task(schedule = cron("*/5 * * * *", overlap = cancel_previous), expires_in = "5m")]
//! async fn refresh() {}
//! ```
//!
//! `skip` drops the tick, `cancel_previous` fires it and ends the run before: at once if that waits, else its task is told.
//! The broker decides in the step that fires the tick, so it is the same with any number of schedulers. A run counts until its
//! end: while it waits, runs, or is tried again later. Dropped ticks are counted (`ScheduleEntry::overlaps`, with the last of
//! them) and logged. With `expires_in` a run that no consumer has begun in time goes by itself.
//!
//! # Clocks that are changed
//!
//! | schedule | when the clocks go forward | when they go back |
//! |---|---|---|
//! | `every("20m")` | keeps its rhythm | keeps its rhythm |
//! | `cron("30 2 * * *")`, a fixed time | fires at the first valid instant if its time does not exist that day | fires the first time only |
//! | `cron("*/20 * * * *")`, with `*` or steps in minute or hour | keeps its rhythm | keeps its rhythm, in both passes |
//!
//! A fixed time can ask for something else, in the attribute or at run time:
//!
//! | option | what becomes of 02:30 | |
//! |---|---|---|
//! | `skipped = run_after` | on a day without a 02:30 it fires at the first moment after | the default |
//! | `skipped = skip` | on a day without a 02:30 it fires nothing | |
//! | `repeated = first` | of two 02:30 the first fires | the default |
//! | `repeated = second` | the second fires | |
//! | `repeated = both` | both fire | |
//!
//! ```
//! use aqueduct::task;
//!
//! #[task(schedule = cron("30 2 * * *", tz = "Europe/Rome", skipped = skip, repeated = both))]
//! async fn read_meters() {}
//! ```
//!
//! [`Schedule::on_skipped_time`](crate::Schedule::on_skipped_time) and
//! [`Schedule::on_repeated_time`](crate::Schedule::on_repeated_time) are the same for a schedule that is made at run time. The choice is
//! part of the definition: all schedulers follow it, previews show it, and a process with another one is told of the difference.
//! What has no fixed time of day takes no such option.
//!
//! A day that a zone leaves out altogether, as Samoa did in 2011, fires nothing of its own. Look at what comes before you
//! trust it: [`Schedule::upcoming`](crate::Schedule::upcoming) lists the next ticks, and
//! [`ScheduleControl::list`](crate::scheduler::ScheduleControl::list) those of all that is stored.
//!
//! ```
//! use aqueduct::{Schedule, Timestamp};
//!
//! let nightly = Schedule::cron("30 2 * * *").unwrap().time_zone("Europe/Rome").unwrap();
//! let before = Timestamp::from_millis(1_774_700_000_000); // 28 March 2026
//! let ticks: Vec<String> = nightly.upcoming(before, 2).iter().map(ToString::to_string).collect();
//! assert_eq!(ticks, ["2026-03-29T01:00:00.000Z", "2026-03-30T00:30:00.000Z"]); // 02:30 does not exist on the 29th
//! println!("{}", nightly.describe());
//! ```
//!
//! A run that a tick has queued has an id of that time: `ctx.id().timestamp()` is the nominal time of its tick, however late it
//! runs. One that is queued by a call or by `run_now` has the time of that.
//!
//! # At run time
//!
//! [`ScheduleControl`](crate::scheduler::ScheduleControl) lists, adds, changes, pauses, removes schedules and runs them now, from
//! any process: [`Broker::schedules`](crate::Broker::schedules), or `app.schedules()`; [`parts`](super::parts) has an example.
//!
//! Each process stores the definitions of its code when it starts. Of two definitions of one schedule that with the higher
//! version wins: the number of the deploy, which `scheduler.deploy(…)` sets. A process with a lower version fires the stored
//! definition, and says both in its log; `control.differences()` returns them. Of the same version the one that was stored
//! last wins, and the one that it has replaced is shown beside it (`ScheduleEntry::replaced`, with the time): two releases that
//! share a number and take turns are seen there. `control.edit(…)` takes the next version, so that no restart undoes it.
