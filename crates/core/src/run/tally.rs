//! What has been counted of a run: its attempt number and its budgets.

use crate::run::failure::FailureKind;
use crate::run::settlement::Settlement;

/// The counters of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the fixed header of the wire format has these four"
)]
pub struct Tally {
    /// How often the run was claimed; with the consumer it fences, so it never decreases.
    pub attempt: u32,
    /// How many attempts failed: counted against the task's retry policy.
    pub failures: u32,
    /// How many attempts ended with the death of the consumer or child.
    pub crashes: u32,
    /// How often the run was parked in a row: unknown task or parameters of another version.
    pub parks: u32,
}

impl Tally {
    /// Returns the counters as a broker keeps them after a settlement.
    ///
    /// A failed attempt counts against one budget: the crash budget if its failure is a
    /// [`FailureKind::Crash`], else the retries.
    #[must_use]
    pub fn after(mut self, settlement: &Settlement) -> Self {
        match settlement {
            Settlement::Release | Settlement::Snooze { .. } => return self,
            Settlement::Park { .. } => {
                self.parks = self.parks.saturating_add(1);
                return self;
            }
            Settlement::Retry { failure, .. } | Settlement::Fail { failure } => {
                let budget = match failure.kind() {
                    FailureKind::Crash => &mut self.crashes,
                    _ => &mut self.failures,
                };
                *budget = budget.saturating_add(1);
            }
            Settlement::Succeed { .. } | Settlement::Cancel { .. } => {}
        }
        self.parks = 0;
        self
    }
}
