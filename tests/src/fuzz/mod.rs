//! Fuzzing: what comes from outside, and what must be true of it however it looks.
//!
//! A [`Target`] has a body, which panics when something is wrong, and examples to begin with. The same bodies are run
//! by cargo-fuzz (`cargo xtask fuzz`), which looks for inputs that reach new code, and as a smoke run from one seed by
//! the tests.

mod envelopes;
mod frames;
mod keys;
mod mutate;
mod params;
mod replies;
mod texts;

use fastrand::Rng;

/// Something that reads bytes from outside.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Reads the bytes, and panics if something is wrong: other than that they may be refused.
    pub body: fn(&[u8]),
    /// Returns inputs that mean something.
    pub examples: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    envelopes::RUNS,
    envelopes::PARTS,
    params::PARAMS,
    keys::KEYS,
    frames::FRAMES,
    replies::REPLIES,
    texts::SCHEDULES,
    texts::DURATIONS,
    texts::URLS,
    texts::TRACES,
    texts::NAMES,
];

/// Runs a body, for the fuzzer.
///
/// # Panics
///
/// Panics if there is no such target, or something is wrong.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a target").body)(bytes);
}

/// Runs a body on its examples, and on so many inputs that are made of them.
///
/// # Panics
///
/// Panics if something is wrong; the input was printed.
pub fn smoke(target: &Target, seed: u64, inputs: usize) {
    let mut dice = Rng::with_seed(seed);
    let examples = (target.examples)();
    let made = std::iter::from_fn(|| Some(mutate::from(&examples, &mut dice)));
    for input in examples.iter().cloned().chain(made.take(inputs)) {
        let shown = ShownIfWrong(target.name, &input);
        (target.body)(&input);
        drop(shown);
    }
}

/// Shows an input if it is dropped by a panic.
struct ShownIfWrong<'a>(&'a str, &'a [u8]);

impl Drop for ShownIfWrong<'_> {
    #[expect(clippy::print_stderr, reason = "whoever runs the test must see it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(name, input) = self;
            eprintln!(
                "{name} is wrong about {:?}",
                input.escape_ascii().to_string()
            );
        }
    }
}
