//! Changing all runs that pass a filter, a batch at a time.

use aqueduct_broker_api::{BrokerAdmin, CancelAnswer, MAX_PAGE, RunFilter};
use aqueduct_core::run::{Reason, Transition};
use aqueduct_core::{RunId, RunState};

use super::{Admin, AdminError};

/// The most runs that one sweep looks at, unless [`Sweep::at_most`] says less.
pub const MAX_SWEEP: u64 = 1_000_000;

/// Changes all runs that pass a filter, a batch at a time, in the order of their ids.
///
/// Each run is looked at once: one that fails again while the sweep goes on is left alone. Stop it by not
/// asking for the next batch, or by dropping it: what was done stays done, and nothing is half done.
#[derive(Debug)]
#[must_use = "nothing is changed until the first batch is asked for"]
pub struct Sweep {
    admin: Admin,
    filter: RunFilter,
    change: Change,
    left: u64,
    count: SweepCount,
    is_over: bool,
}

/// What a sweep does to a run.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Requeue,
    Discard,
    Cancel(Reason),
}

/// What a sweep has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepCount {
    /// Runs that were changed; running ones that were told to end count.
    pub changed: u64,
    /// Runs that passed the filter and could not be changed, or no longer.
    pub left_alone: u64,
    /// Whether the sweep stopped at its bound, and more runs may pass the filter.
    pub more: bool,
}

impl Sweep {
    pub(super) fn new(admin: Admin, filter: RunFilter, change: Change) -> Result<Self, AdminError> {
        change.check(&filter)?;
        Ok(Self {
            admin,
            filter,
            change,
            left: MAX_SWEEP,
            count: SweepCount::default(),
            is_over: false,
        })
    }

    /// Looks at so many runs at most, and never at more than [`MAX_SWEEP`].
    pub fn at_most(mut self, runs: u64) -> Self {
        self.left = runs.min(MAX_SWEEP);
        self
    }

    /// Returns what was done so far, also after an error.
    #[must_use]
    pub fn count(&self) -> SweepCount {
        self.count
    }

    /// Changes the next batch, up to [`MAX_PAGE`] runs; returns what was done so far, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Returns an error if the broker did not answer. The next call goes on with the same batch; what
    /// was done without an answer is not counted.
    ///
    /// # Cancel safety
    ///
    /// As after an error.
    pub async fn next_batch(&mut self) -> Result<Option<SweepCount>, AdminError> {
        if self.is_over {
            return Ok(None);
        }
        let size = usize::try_from(self.left).unwrap_or(MAX_PAGE);
        // Zero would mean a whole page.
        self.filter.limit = size.min(self.filter.page_size()).max(1);
        let page = self.admin.seam().list(&self.filter).await?;
        let runs: Vec<RunId> = page.runs.iter().map(|run| run.id).collect();
        if self.left == 0 || runs.is_empty() {
            self.is_over = true;
            self.count.more = !runs.is_empty();
            return Ok(None);
        }
        let changed = self.change.apply(&self.admin, &runs).await?;
        self.count.changed += changed;
        self.count.left_alone += runs.len() as u64 - changed;
        self.left -= runs.len() as u64;
        self.is_over = page.next.is_none();
        self.filter.after = page.next;
        Ok(Some(self.count))
    }

    /// Changes all that is left; returns what was done.
    ///
    /// # Errors
    ///
    /// As [`Sweep::next_batch`]; [`Sweep::count`] says how far it came.
    ///
    /// # Cancel safety
    ///
    /// As [`Sweep::next_batch`].
    pub async fn to_end(&mut self) -> Result<SweepCount, AdminError> {
        while self.next_batch().await?.is_some() {}
        Ok(self.count)
    }
}

impl Change {
    /// Refuses a filter that only runs pass which cannot be changed in this way.
    fn check(&self, filter: &RunFilter) -> Result<(), AdminError> {
        let wanted = match filter.state {
            Some(state) if !self.fits(state) => state.to_string(),
            None if !self.fits(RunState::Failed) && filter.wants_only_ended() => "ended".to_owned(),
            _ => return Ok(()),
        };
        let (done, hint) = match self {
            Self::Requeue => ("requeued", "failed, cancelled and expired ones can"),
            Self::Discard => (
                "discarded",
                "only ended ones can; cancel or purge the others",
            ),
            Self::Cancel(_) => (
                "cancelled",
                "only ones that have not ended can; discard those",
            ),
        };
        let message = format!("a run that is {wanted} cannot be {done}; {hint}");
        Err(AdminError::contradiction(message))
    }

    fn fits(&self, state: RunState) -> bool {
        match self {
            Self::Requeue => state.after(Transition::Requeue).is_some(),
            Self::Discard => state.is_final(),
            Self::Cancel(_) => !state.is_final(),
        }
    }

    /// Changes one batch; returns how many runs were changed.
    async fn apply(&self, admin: &Admin, runs: &[RunId]) -> Result<u64, AdminError> {
        let changed = match self {
            Self::Requeue => count(&admin.requeue(runs).await?),
            Self::Discard => count(&admin.discard(runs).await?),
            Self::Cancel(reason) => {
                let answers = admin.seam().cancel(runs, reason.clone()).await?;
                let ends = |it: &&CancelAnswer| {
                    matches!(it, CancelAnswer::Cancelled | CancelAnswer::Requested)
                };
                answers.iter().filter(ends).count()
            }
        };
        Ok(changed as u64)
    }
}

fn count(answers: &[bool]) -> usize {
    answers.iter().filter(|is_changed| **is_changed).count()
}
