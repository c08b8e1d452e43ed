//! Where the random numbers of a test begin.

use aqueduct::testing::SEED_VARIABLE;

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
    let seed = match std::env::var(SEED_VARIABLE) {
        Ok(given) => given
            .parse()
            .unwrap_or_else(|_| panic!("{SEED_VARIABLE}={given} is no number")),
        Err(_) => fastrand::u64(..),
    };
    eprintln!("{SEED_VARIABLE}={seed}");
    seed
}
