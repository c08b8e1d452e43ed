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
//! Ticks go by the clock of the broker; the clock of this process may be wrong. If the broker's clock is
//! set forward, that is noticed within 30 seconds, and what was jumped over counts as missed. If it is
//! set back, nothing fires until it has caught up: no tick fires twice.
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
