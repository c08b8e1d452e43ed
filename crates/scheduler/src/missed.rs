//! What becomes of ticks that nobody fired in time. Pure.

use std::time::Duration;

use aqueduct_core::{Schedule, Timestamp};

/// The most ticks that are caught up at once.
pub const MAX_CATCH_UP: usize = 1000;

/// A tick that is no older than this is on time, and fires whatever the policy.
const ON_TIME: Duration = Duration::from_secs(1);

/// What becomes of ticks that nobody fired in time: all schedulers were down, or the broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissedTicks {
    /// They are dropped.
    Skip,
    /// The latest of them fires, once.
    #[default]
    Once,
    /// The latest `max` of them fire, in order; at most [`MAX_CATCH_UP`].
    All {
        /// How many.
        max: usize,
    },
}

/// What to do about the ticks that are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing is due.
    Nothing,
    /// Fire these, in order; whatever lies before the first is done with, too.
    Fire(Vec<Timestamp>),
    /// Mark this tick, and all before it, as done without a run.
    Skip(Timestamp),
}

impl MissedTicks {
    /// Returns what to do at `now` about the ticks after `last_tick`.
    pub(crate) fn due(self, schedule: &Schedule, last_tick: Timestamp, now: Timestamp) -> Due {
        let Some(latest) = schedule.latest_at(now).filter(|tick| *tick > last_tick) else {
            return Due::Nothing;
        };
        let is_on_time = now.saturating_since(latest) <= ON_TIME;
        match self {
            Self::Skip if !is_on_time => Due::Skip(latest),
            Self::Skip | Self::Once => Due::Fire(vec![latest]),
            Self::All { max } => {
                let max = max.clamp(1, MAX_CATCH_UP);
                Due::Fire(schedule.latest_between(last_tick, now, max))
            }
        }
    }
}
