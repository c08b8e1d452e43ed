//! What workers print: to the log, or to stderr where nobody logs.

use tracing::info;

/// Passes on a line that a worker has printed: to the log, or to stderr where nobody logs.
#[expect(
    clippy::print_stderr,
    reason = "a program without a log wants to see what its workers print"
)]
pub fn printed(line: &str) {
    if tracing::dispatcher::has_been_set() {
        info!(target: OUTPUT, "{line}");
    } else {
        eprintln!("{line}");
    }
}

/// The target of what workers print.
const OUTPUT: &str = "aqueduct::cpu::output";
