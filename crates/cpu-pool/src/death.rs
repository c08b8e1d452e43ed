//! Every death has a name. Pure.

use std::fmt;
use std::time::Duration;

/// How a worker died while it had work.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Death {
    /// A thread used up its stack.
    StackOverflow {
        /// The thread.
        thread: String,
    },
    /// An allocation failed.
    OutOfMemory {
        /// How much was asked for.
        asked: String,
    },
    /// The CPU time limit passed.
    CpuTime,
    /// A signal ended it that nobody here sent.
    Signal {
        /// The number.
        signal: i32,
        /// What it last said on stderr.
        last_words: String,
    },
    /// The work called `exit`.
    Exited {
        /// The code.
        code: i32,
        /// What it last said on stderr.
        last_words: String,
    },
    /// It wrote something that is no frame, or not now.
    Protocol {
        /// What was wrong.
        problem: String,
    },
    /// It used more memory than its share of the budget.
    OverBudget {
        /// How much it used, in bytes.
        used: u64,
        /// How much it may use, in bytes.
        share: u64,
    },
    /// It gave no sign of life for too long.
    Hung {
        /// How long.
        silent_for: Duration,
    },
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Code(i32),
    Signal(i32),
}

impl Death {
    /// Names a death by its exit and what the worker last said on stderr.
    pub(crate) fn classify(exit: Exit, last_words: &[String]) -> Self {
        let said = |text: &str| last_words.iter().rev().find(|line| line.contains(text));
        let all = || last_words.join("\n");
        match exit {
            Exit::Code(code) => Self::Exited {
                code,
                last_words: all(),
            },
            Exit::Signal(SIGXCPU) => Self::CpuTime,
            Exit::Signal(SIGABRT) => {
                if let Some(line) = said(STACK_OVERFLOW) {
                    return Self::StackOverflow {
                        thread: quoted(line),
                    };
                }
                if let Some(line) = said(ALLOCATION_FAILED) {
                    return Self::OutOfMemory { asked: asked(line) };
                }
                Self::Signal {
                    signal: SIGABRT,
                    last_words: all(),
                }
            }
            Exit::Signal(signal) => Self::Signal {
                signal,
                last_words: all(),
            },
        }
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StackOverflow { thread } => write!(
                f,
                "stack overflow in thread `{thread}`; a larger `stack_size` may help"
            ),
            Self::OutOfMemory { asked } => {
                write!(f, "out of memory: an allocation of {asked} failed")
            }
            Self::CpuTime => f.write_str("the CPU time limit has passed (SIGXCPU)"),
            Self::Signal { signal, last_words } => {
                write!(f, "killed by signal {signal} ({})", signal_name(*signal))?;
                if *signal == SIGKILL {
                    f.write_str("; was the system out of memory?")?;
                }
                said(f, last_words)
            }
            Self::Exited { code, last_words } => {
                write!(f, "the task called exit({code})")?;
                said(f, last_words)
            }
            Self::Protocol { problem } => write!(f, "protocol violation: {problem}"),
            Self::OverBudget { used, share } => write!(
                f,
                "out of memory: {} MiB in use, and the share of a worker is {} MiB",
                used >> 20,
                share >> 20
            ),
            Self::Hung { silent_for } => write!(f, "hung: no sign of life for {silent_for:?}"),
        }
    }
}

fn said(f: &mut fmt::Formatter<'_>, last_words: &str) -> fmt::Result {
    if last_words.is_empty() {
        return Ok(());
    }
    write!(f, "; it last said:\n{last_words}")
}

/// Returns the name in quotes of `thread 'name' (1234) has overflowed its stack`.
fn quoted(line: &str) -> String {
    line.split('\'').nth(1).unwrap_or("?").to_owned()
}

/// Returns the amount of `memory allocation of 1024 bytes failed`.
fn asked(line: &str) -> String {
    let rest = line.split(ALLOCATION_FAILED).nth(1).unwrap_or_default();
    rest.split(" failed").next().unwrap_or_default().to_owned()
}

/// Returns the name of a signal, as on Linux for x86 and Arm.
#[must_use]
pub fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        SIGABRT => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        SIGKILL => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        SIGXCPU => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => "a signal without a common name",
    }
}

/// What the standard library says before it aborts for want of stack.
pub(crate) const STACK_OVERFLOW: &str = "has overflowed its stack";

/// What the standard library says before it aborts for want of memory.
pub(crate) const ALLOCATION_FAILED: &str = "memory allocation of ";

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(exit: Exit, words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|line| (*line).to_owned()).collect();
        Death::classify(exit, &words).to_string()
    }

    #[test]
    fn every_death_has_a_name() {
        let overflow = "thread 'cpu-work' (77) has overflowed its stack";
        let fatal = "fatal runtime error: stack overflow, aborting";
        let named = name(Exit::Signal(6), &["before", overflow, fatal]);
        assert!(named.starts_with("stack overflow in thread `cpu-work`"));
        let memory = "memory allocation of 4096 bytes failed";
        let named = name(Exit::Signal(6), &[memory]);
        assert_eq!(named, "out of memory: an allocation of 4096 bytes failed");
        assert_eq!(name(Exit::Signal(6), &[]), "killed by signal 6 (SIGABRT)");
        assert!(name(Exit::Signal(9), &[]).contains("SIGKILL"));
        assert!(name(Exit::Signal(24), &[]).contains("CPU time limit"));
        let exit = name(Exit::Code(7), &["bye"]);
        assert_eq!(exit, "the task called exit(7); it last said:\nbye");
    }
}
