//! Periodic tasks, time zones, missed ticks.
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
//! At run time, [`ScheduleControl`](crate::scheduler::ScheduleControl) lists, switches, changes and
//! removes schedules, from any process; [`parts`](super::parts) has an example. A [`Schedule`](crate::Schedule) tells its next ticks:
//!
//! ```
//! use aqueduct::{Schedule, Timestamp};
//!
//! let schedule = Schedule::cron("@hourly").unwrap();
//! assert_eq!(schedule.upcoming(Timestamp::MIN, 3).len(), 3);
//! println!("{}", schedule.describe());
//! ```
