//! Running a test: on one thread, in virtual time, from a seed.

use aqueduct_core::testing::{self, SEED_VARIABLE};

use super::TestKit;

/// Runs a test with a kit, from a new seed; one that fails prints its seed.
///
/// With the variable `AQUEDUCT_SEED` the test runs from that seed.
///
/// ```
/// // #[test]
/// fn time_is_virtual() {
///     aqueduct::testing::run(async |kit| {
///         let before = kit.now();
///         tokio::time::sleep(std::time::Duration::from_secs(3600)).await; // takes no time
///         assert_eq!(kit.now().saturating_since(before).as_secs(), 3600);
///     });
/// }
/// # time_is_virtual();
/// ```
///
/// # Panics
///
/// Panics if the test does, if `AQUEDUCT_SEED` is not a number, or within a runtime.
pub fn run<T>(test: impl AsyncFnOnce(TestKit) -> T) -> T {
    run_seeded(testing::drawn_seed(), test)
}

/// Runs a test with a kit, from a seed: the same seed makes the same order of everything.
///
/// That holds for what this library does. A `HashMap` of the test, or a thread, is as random as ever.
///
/// # Panics
///
/// Panics if the test does, or within a runtime.
pub fn run_seeded<T>(seed: u64, test: impl AsyncFnOnce(TestKit) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => panic!("the runtime cannot start: {error}"),
    };
    let _seeded = testing::seed(seed);
    let _shown = ShownIfFailed(seed);
    runtime.block_on(async { test(TestKit::new(seed)).await })
}

/// Shows the seed if it is dropped by a panic.
struct ShownIfFailed(u64);

impl Drop for ShownIfFailed {
    #[expect(clippy::print_stderr, reason = "whoever runs the test must see it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to see it again: {SEED_VARIABLE}={}", self.0);
        }
    }
}
