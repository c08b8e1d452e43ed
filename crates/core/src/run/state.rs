//! The states of a run and the one table of transitions between them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a run is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(
    clippy::exhaustive_enums,
    reason = "brokers and tools must handle every state"
)]
pub enum RunState {
    /// Due later: delayed at enqueue, snoozed or parked.
    Scheduled,
    /// Ready to be claimed.
    Queued,
    /// Held by one consumer under a lease.
    Running,
    /// Failed, and due again later.
    Retrying,
    /// Ended well.
    Succeeded,
    /// Ended badly for good; kept, and can be requeued.
    Failed,
    /// Ended by request, of the task itself or from outside.
    Cancelled,
    /// Never started before its deadline.
    Expired,
}

/// What moves a run from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "brokers and tools must handle every transition"
)]
pub enum Transition {
    /// The time that the run waited for has come.
    Due,
    /// A consumer takes the run under a lease.
    Claim,
    /// The attempt ended well.
    Succeed,
    /// The attempt failed and will be repeated.
    Retry,
    /// The attempt failed for good.
    Fail,
    /// Somebody asked for the end of the run.
    Cancel,
    /// The deadline passed before the first start.
    Expire,
    /// The consumer gives the run back untouched.
    Release,
    /// The task asked to be started again later.
    Snooze,
    /// The consumer cannot run it yet: unknown task, or parameters of another version.
    Park,
    /// The lease ran out and the run is taken back.
    Reclaim,
    /// An operator starts an ended run anew.
    Requeue,
    /// What the run waited for, and ended with, was started anew.
    Await,
}

impl RunState {
    /// Every state, in the order of a run's life.
    pub const ALL: [Self; 8] = [
        Self::Scheduled,
        Self::Queued,
        Self::Running,
        Self::Retrying,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
    ];

    /// Returns the state after `transition`, or `None` where it is not allowed.
    #[must_use]
    pub const fn after(self, transition: Transition) -> Option<Self> {
        use Transition as T;
        match (self, transition) {
            (Self::Scheduled | Self::Retrying, T::Due)
            | (Self::Running, T::Release | T::Reclaim)
            | (Self::Failed | Self::Cancelled | Self::Expired, T::Requeue) => Some(Self::Queued),
            (Self::Queued, T::Claim) => Some(Self::Running),
            (Self::Running, T::Succeed) => Some(Self::Succeeded),
            (Self::Running, T::Retry) => Some(Self::Retrying),
            (Self::Running, T::Snooze | T::Park) | (Self::Cancelled, T::Await) => {
                Some(Self::Scheduled)
            }
            (Self::Running, T::Fail) => Some(Self::Failed),
            (Self::Scheduled | Self::Queued | Self::Running | Self::Retrying, T::Cancel) => {
                Some(Self::Cancelled)
            }
            (Self::Scheduled | Self::Queued, T::Expire) => Some(Self::Expired),
            (
                Self::Scheduled
                | Self::Queued
                | Self::Running
                | Self::Retrying
                | Self::Succeeded
                | Self::Failed
                | Self::Cancelled
                | Self::Expired,
                _,
            ) => None,
        }
    }

    /// Returns whether nothing but a requeue can follow, of the run or of what it waited for.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Expired
        )
    }

    /// Returns the number that stands for the state on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Scheduled => 0,
            Self::Queued => 1,
            Self::Running => 2,
            Self::Retrying => 3,
            Self::Succeeded => 4,
            Self::Failed => 5,
            Self::Cancelled => 6,
            Self::Expired => 7,
        }
    }

    /// Returns the state that a wire number stands for.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl Transition {
    /// Every transition.
    pub const ALL: [Self; 13] = [
        Self::Due,
        Self::Claim,
        Self::Succeed,
        Self::Retry,
        Self::Fail,
        Self::Cancel,
        Self::Expire,
        Self::Release,
        Self::Snooze,
        Self::Park,
        Self::Reclaim,
        Self::Requeue,
        Self::Await,
    ];
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        })
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Due => "due",
            Self::Claim => "claim",
            Self::Succeed => "succeed",
            Self::Retry => "retry",
            Self::Fail => "fail",
            Self::Cancel => "cancel",
            Self::Expire => "expire",
            Self::Release => "release",
            Self::Snooze => "snooze",
            Self::Park => "park",
            Self::Reclaim => "reclaim",
            Self::Requeue => "requeue",
            Self::Await => "await",
        })
    }
}
