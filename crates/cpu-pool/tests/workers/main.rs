//! Real workers: this program is its own worker, and its own parent to be killed.
//!
//! Names of tests that begin with a number are rows of the list of failures that the design was made
//! for.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, and speaks to whoever runs it"
)]

mod body;
mod chaos;
mod deaths;
mod early;
mod left;
mod life;
mod orphans;
mod starting;
mod stopping;
mod support;
mod traffic;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    if std::env::var_os("NO_HOOK").is_none()
        && let Some(entry) = aqueduct_cpu_pool::entry().unwrap()
    {
        aqueduct_cpu_pool::serve(entry, body::Acts);
    }
    if let Some(act) = std::env::args()
        .nth(1)
        .filter(|it| it.starts_with("parent-"))
    {
        return orphans::be_a_parent(&act);
    }
    let mut tests: Vec<Trial> = Vec::new();
    tests.extend(traffic::tests());
    tests.extend(deaths::tests());
    tests.extend(stopping::tests());
    tests.extend(starting::tests());
    tests.extend(life::tests());
    tests.extend(orphans::tests());
    tests.extend(left::tests());
    tests.extend(chaos::tests());
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}
