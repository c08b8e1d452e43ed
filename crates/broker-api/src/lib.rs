//! The seam between tasks and storage: what a broker is, and what it must do.
//!
//! Depend on this crate to write a broker; applications depend on `aqueduct`. It is the smallest and
//! slowest-moving crate of the workspace. A first broker is a [`SimpleBroker`]: three methods. A full
//! one implements [`Broker`], then [`BrokerAdmin`] and [`ScheduleStore`], and shows with the
//! conformance suite which guarantees it gives.

mod admin;
mod broker;
mod capabilities;
mod checkpoint;
mod claim;
mod enqueue;
mod erased;
mod error;
mod ext;
mod extend;
#[cfg(feature = "test-util")]
pub mod faulty;
mod introduction;
mod key_holder;
mod lease;
mod lengths;
mod limits;
mod producer;
mod reclaim;
mod schedules;
mod settle;
mod simple;
mod wait;
pub mod wire;

pub use admin::{
    BrokerAdmin, ConsumerInfo, FULL_PAGE_BYTES, Holder, LimitInfo, MAX_HELD_BY, MAX_PAGE,
    PauseScope, RunFilter, RunPage, TaskInfo, TurnInfo,
};
pub use broker::{Broker, REPLAY_WINDOW, Sequence};
pub use capabilities::Capabilities;
pub use checkpoint::{CheckpointRequest, Checkpointed};
pub use claim::{Cancel, ClaimRequest, Claimed, LaneWant, MAX_CLAIM_BATCH};
pub use enqueue::{EnqueueRequest, MAX_ENQUEUE_BATCH};
pub use erased::{AdminHandle, BrokerFuture, BrokerHandle, ScheduleHandle};
pub use error::{BrokerError, BrokerErrorKind};
pub use ext::BrokerExt;
pub use extend::{ExtendRequest, Extended, Report};
pub use introduction::{Introduction, MAX_INTRODUCTION_BYTES};
pub use key_holder::KeyHolder;
pub use lease::{Lease, LeaseToken};
pub use lengths::QueueLengths;
pub use limits::{InvalidQueueLimit, QueueLimits};
pub use producer::Producer;
pub use reclaim::{DEFAULT_CRASH_BUDGET, MAX_RECLAIM_BATCH, ReclaimRequest, Reclaimed};
pub use schedules::{
    Fire, Fired, ReplacedDefinition, ScheduleDefinition, ScheduleEntry, ScheduleSnapshot,
    ScheduleStore, ScheduleVersion, TARDY_CLOCK_ALLOWANCE, Upserted,
};
pub use settle::{MAX_SETTLE_BATCH, Settle, SettleRequest, Settled};
pub use simple::SimpleBroker;
pub use wait::{LONGEST_WAIT, MAX_WAITERS_OF_A_RUN, MAX_WAITS, WaitEndedRequest, WaitRequest};

pub use aqueduct_core::queue::Enqueued;
pub use aqueduct_core::run::{CancelAnswer, Limit, Settlement, WaitAnswer};
