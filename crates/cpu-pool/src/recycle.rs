//! When a worker has done enough. Pure.

use std::time::Duration;

/// How much a worker may do before another takes its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) runs: Option<u64>,
    pub(crate) age: Option<Duration>,
    pub(crate) memory: Option<u64>,
    pub(crate) ends_on_panic: bool,
}

/// What a worker has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) runs: u64,
    pub(crate) age: Duration,
    /// Memory in use now, not at its peak: what was freed does not count.
    pub(crate) memory: u64,
    pub(crate) panicked: bool,
}

impl Lifetime {
    /// Spreads the limits by up to a tenth, so that many workers do not leave together.
    pub(crate) fn spread(mut self, random: u32) -> Self {
        self.age = self.age.map(|age| age * (90 + random % 21) / 100);
        self.runs = self.runs.map(|runs| {
            let tenth = runs / 10;
            runs - tenth + u64::from(random) % (2 * tenth + 1)
        });
        self
    }

    /// Returns why the worker should leave, if it should.
    pub(crate) fn verdict(&self, life: &Life) -> Option<&'static str> {
        if life.panicked && self.ends_on_panic {
            return Some("panic");
        }
        if self.runs.is_some_and(|limit| life.runs >= limit) {
            return Some("max_runs");
        }
        if self.memory.is_some_and(|limit| life.memory > limit) {
            return Some("max_memory");
        }
        if self.age.is_some_and(|limit| life.age >= limit) {
            return Some("max_age");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_its_reason() {
        let lifetime = Lifetime {
            runs: Some(3),
            age: Some(Duration::from_secs(9)),
            memory: Some(1000),
            ends_on_panic: true,
        };
        let life = Life {
            runs: 2,
            ..Life::default()
        };
        assert_eq!(lifetime.verdict(&life), None);
        let verdict = |change: fn(&mut Life)| {
            let mut life = life;
            change(&mut life);
            lifetime.verdict(&life)
        };
        assert_eq!(verdict(|it| it.runs = 3), Some("max_runs"));
        assert_eq!(verdict(|it| it.memory = 1001), Some("max_memory"));
        assert_eq!(
            verdict(|it| it.age = Duration::from_secs(9)),
            Some("max_age")
        );
        assert_eq!(verdict(|it| it.panicked = true), Some("panic"));
    }

    #[test]
    fn limits_are_spread_by_a_tenth_and_small_ones_are_exact() {
        let lifetime = |runs| Lifetime {
            runs: Some(runs),
            ..Lifetime::default()
        };
        assert_eq!(lifetime(1).spread(77).runs, Some(1));
        for random in 0..500 {
            let runs = lifetime(1000).spread(random).runs;
            assert!(runs.is_some_and(|runs| (900..=1100).contains(&runs)));
        }
    }
}
