//! The laws at work: hears of each step, and keeps the first thing that is wrong.

use aqueduct::Timestamp;
use aqueduct_core::Clock;
use aqueduct_core::time::Monotonic;

use super::event::{Deed, Heard};
use super::law::{Law, check};
use super::ledger::Ledger;
use super::view::View;

/// The laws, and what they judge by.
pub struct Court {
    ledger: Ledger,
    laws: Vec<Box<dyn Law>>,
    before: View,
    latest: Timestamp,
    /// When the step before was, on a clock that nobody sets.
    moment: Monotonic,
    wrong: Option<String>,
    last_wait: u64,
}

impl Court {
    /// Makes a court of these laws, for an empty broker.
    #[must_use]
    pub fn new(laws: Vec<Box<dyn Law>>) -> Self {
        Self {
            ledger: Ledger::default(),
            laws,
            before: View::default(),
            latest: Timestamp::MIN,
            moment: Monotonic::default(),
            wrong: None,
            last_wait: 0,
        }
    }

    /// Judges a step.
    pub(super) fn hear(&mut self, deed: &Deed, clock: &Clock, after: View) {
        if self.wrong.is_some() {
            return;
        }
        let verdict = self.judge(deed, clock, &after);
        if let Err(wrong) = verdict {
            self.wrong = Some(format!("{wrong}\n  after {deed:?}"));
        }
        self.before = after;
    }

    /// Notes what the clock shows before it is set: the broker may have looked at it in a step that is not judged.
    pub(super) fn note_time(&mut self, clock: &Clock) {
        self.latest = self.latest.max(clock.now());
    }

    fn judge(&mut self, deed: &Deed, clock: &Clock, after: &View) -> Result<(), String> {
        let (now, moment) = (clock.now(), clock.monotonic());
        let passed = moment.saturating_since(self.moment);
        (self.latest, self.moment) = (self.latest.max(now), moment);
        let is_first = self.ledger.enter(deed, now)?;
        let heard = Heard {
            deed,
            is_first,
            now,
            latest: self.latest,
            passed,
            taken: self.ledger.taken(),
            ledger: &self.ledger,
            before: &self.before,
            after,
        };
        self.laws.iter_mut().try_for_each(|law| law.hear(&heard))
    }

    /// Returns a number for a wait.
    pub(super) fn next_wait(&mut self) -> u64 {
        self.last_wait += 1;
        self.last_wait
    }

    /// Notes that something is wrong, unless something was before.
    pub(super) fn accuse(&mut self, wrong: String) {
        self.wrong.get_or_insert(wrong);
    }

    /// Returns the first thing that is wrong.
    #[must_use]
    pub fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    /// Returns what the broker stored after the last step.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.before
    }

    /// Returns who holds what.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Judges what is left once everything has come to rest.
    ///
    /// # Errors
    ///
    /// Returns the first thing that is wrong.
    pub fn rest(&mut self) -> Result<(), String> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        let view = &self.before;
        check(view.unfinished() == 0, || {
            let runs = view.runs.values().filter(|run| !run.state.is_final());
            let stuck: Vec<_> = runs.map(|run| (run.id, run.state, run.due_at)).collect();
            format!("these never end: {stuck:?}")
        })?;
        self.laws.iter_mut().try_for_each(|law| law.rest(view))
    }
}

impl std::fmt::Debug for Court {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Court").finish_non_exhaustive()
    }
}
