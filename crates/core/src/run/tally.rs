//! What has been counted of a run: its attempt number and its budgets.

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
