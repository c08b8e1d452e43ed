//! What a broker can do, as facts.

use aqueduct_core::payload::MAX_PAYLOAD_BYTES;

/// What a broker can do.
///
/// An application that asks for more is refused when it is built, never served less silently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent facts")]
pub struct Capabilities {
    /// Runs survive the end of the broker's process.
    pub durable: bool,
    /// A late settlement or extension is refused; without it a run may be recorded twice.
    pub fenced: bool,
    /// Several processes can share the broker.
    pub shared: bool,
    /// Runs can be due later.
    pub delayed: bool,
    /// Runs can expire unstarted.
    pub expiry: bool,
    /// Priorities are honoured.
    pub priorities: bool,
    /// Unique keys are honoured, with their scopes and what is to become of conflicts.
    pub unique: bool,
    /// Limits that runs share are kept, over all consumers.
    pub limits: bool,
    /// Runs with a fair key take turns.
    pub fair: bool,
    /// Repetitions of an enqueue are known by an idempotency key.
    pub idempotency: bool,
    /// Finished runs and their results can be kept.
    pub results: bool,
    /// The end of a run that keeps its result can be waited for.
    pub waits: bool,
    /// Running runs can be asked to end.
    pub cancel: bool,
    /// Every stored run can be found, listed and purged; without it only some of them.
    pub lookup: bool,
    /// What consumers say of themselves is kept as long as they live.
    pub introductions: bool,
    /// What running runs report of their progress is kept as long as the attempt lasts.
    pub progress: bool,
    /// Running runs can keep a value for their next attempts.
    pub checkpoints: bool,
    /// Runs can follow others, and are stored together or not at all.
    pub workflows: bool,
    /// Schedules are stored and fire each tick once.
    pub schedules: bool,
    /// A schedule can ask what becomes of ticks while its last run has not ended.
    pub overlap: bool,
    /// The largest payload, in bytes.
    pub max_payload: usize,
}

impl Capabilities {
    /// Returns the facts of a broker that can do all that the contract knows, in one process: it is
    /// neither durable nor shared.
    #[must_use]
    pub const fn in_process() -> Self {
        Self {
            durable: false,
            fenced: true,
            shared: false,
            delayed: true,
            expiry: true,
            priorities: true,
            unique: true,
            limits: true,
            fair: true,
            idempotency: true,
            results: true,
            waits: true,
            cancel: true,
            lookup: true,
            introductions: true,
            progress: true,
            checkpoints: true,
            workflows: true,
            schedules: true,
            overlap: true,
            max_payload: MAX_PAYLOAD_BYTES,
        }
    }

    /// Returns the facts of a broker that can do nothing but queue and claim.
    #[must_use]
    pub const fn minimal() -> Self {
        Self {
            durable: false,
            fenced: false,
            shared: false,
            delayed: false,
            expiry: false,
            priorities: false,
            unique: false,
            limits: false,
            fair: false,
            idempotency: false,
            results: false,
            waits: false,
            cancel: false,
            lookup: false,
            introductions: false,
            progress: false,
            checkpoints: false,
            workflows: false,
            schedules: false,
            overlap: false,
            max_payload: MAX_PAYLOAD_BYTES,
        }
    }
}
