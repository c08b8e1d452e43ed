//! Where the random numbers of a test begin.

use aqueduct_core::testing::{SEED_VARIABLE, drawn_seed};

/// Returns the seed of `AQUEDUCT_SEED`, or a new one, and says it.
///
/// # Panics
///
/// Panics if the variable is no number: another seed would not repeat what is looked for.
#[must_use]
#[expect(
    clippy::print_stderr,
    reason = "whoever sees the test fail is to see it again"
)]
pub fn seed() -> u64 {
    let seed = drawn_seed();
    eprintln!("{SEED_VARIABLE}={seed}");
    seed
}
