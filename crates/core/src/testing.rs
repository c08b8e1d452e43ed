//! What tests need of this crate: one seed for everything, and the days on which clocks change.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use chrono::{Offset, TimeZone, Utc};

use crate::id;
use crate::schedule::zone;
use crate::time::Timestamp;

/// A thread whose random numbers follow from a seed; they do so until this is dropped.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Seeded(());

thread_local! {
    static IS_SEEDED: Cell<bool> = const { Cell::new(false) };
}

/// The variable of the environment with the seed of tests.
pub const SEED_VARIABLE: &str = "AQUEDUCT_SEED";

/// Returns the seed of `AQUEDUCT_SEED`, or a new one.
///
/// # Panics
///
/// Panics if the variable is no number: another seed would not repeat what is looked for.
#[must_use]
pub fn drawn_seed() -> u64 {
    match std::env::var(SEED_VARIABLE) {
        Ok(given) => given
            .parse()
            .unwrap_or_else(|_| panic!("{SEED_VARIABLE}={given} is no number")),
        Err(_) => RandomState::new().hash_one(()),
    }
}

/// Makes everything that this library does at random on this thread follow from a seed: ids, jitter.
///
/// The thread is then one that does everything: to wait in it for another one is an error.
pub fn seed(seed: u64) -> Seeded {
    fastrand::seed(seed);
    id::seed(seed);
    IS_SEEDED.set(true);
    Seeded(())
}

impl Drop for Seeded {
    fn drop(&mut self) {
        IS_SEEDED.set(false);
        id::seed(id::os_entropy());
        fastrand::seed(id::os_entropy());
    }
}

/// Returns whether this thread has a seed.
#[must_use]
pub fn is_seeded() -> bool {
    IS_SEEDED.get()
}

/// Returns when the clocks of a time zone are changed next, within two years; to the second.
///
/// Returns `None` if they are not, or there is no zone of that name.
#[must_use]
pub fn next_clock_change(zone_name: &str, after: Timestamp) -> Option<Timestamp> {
    let zone = zone(zone_name)?;
    let offset = |time: Timestamp| {
        let seconds = i64::try_from(time.as_millis() / 1000).ok()?;
        let time = Utc.timestamp_opt(seconds, 0).single()?;
        Some(zone.offset_from_utc_datetime(&time.naive_utc()).fix())
    };
    let mut before = Timestamp::from_millis(after.as_millis() / 1000 * 1000);
    for _ in 0..LOOKS {
        let mut behind = before.checked_add(LOOK_EVERY)?;
        if offset(before) == offset(behind) {
            before = behind;
            continue;
        }
        let unchanged = offset(before);
        while behind.saturating_since(before) > SECOND {
            let seconds = behind.saturating_since(before).as_secs() / 2;
            let middle = before.saturating_add(Duration::from_secs(seconds));
            if offset(middle) == unchanged {
                before = middle;
            } else {
                behind = middle;
            }
        }
        return Some(behind);
    }
    None
}

/// No two changes of a zone are nearer to each other than this.
const LOOK_EVERY: Duration = Duration::from_hours(24);

/// Two years.
const LOOKS: usize = 731;

const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn changes_are_found_to_the_second() {
        // 2026: Rome changes on 29 March at 01:00 UTC and on 25 October at 01:00 UTC.
        let spring = next_clock_change("Europe/Rome", at(1_767_225_600));
        assert_eq!(spring, Some(at(1_774_746_000)));
        let autumn = next_clock_change("Europe/Rome", at(1_774_746_000));
        assert_eq!(autumn, Some(at(1_792_890_000)));
        // Lord Howe changes by half an hour: on 5 April at 15:00 UTC the day before.
        let half = next_clock_change("Australia/Lord_Howe", at(1_767_225_600));
        assert_eq!(half, Some(at(1_775_314_800)));
        assert_eq!(next_clock_change("UTC", at(0)), None);
        assert_eq!(next_clock_change("Nowhere/At_All", at(0)), None);
    }
}
