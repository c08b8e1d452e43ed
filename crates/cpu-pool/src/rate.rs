//! A rate: so many a second, with a burst of one second. Pure.

use std::time::Duration;

/// Allows so many a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    per_second: u32,
    left: f64,
    last: Option<Duration>,
}

impl Rate {
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            left: f64::from(per_second),
            last: None,
        }
    }

    /// Takes one, if one is left at `now`.
    pub(crate) fn allows(&mut self, now: Duration) -> bool {
        let limit = f64::from(self.per_second);
        let passed = now.saturating_sub(self.last.unwrap_or(now));
        self.left = (self.left + passed.as_secs_f64() * limit).min(limit);
        self.last = Some(now);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let mut rate = Rate::new(10);
        let at = Duration::from_millis;
        assert_eq!((0..50).filter(|_| rate.allows(at(5))).count(), 10);
        assert_eq!((0..50).filter(|_| rate.allows(at(505))).count(), 5);
        assert_eq!((0..50).filter(|_| rate.allows(at(90_000))).count(), 10);
    }
}
