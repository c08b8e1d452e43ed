//! Names of tasks, queues and schedules: short, safe in keys and logs, cheap to clone.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// The error of a text that cannot be a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidName {
    what: &'static str,
    shown: String,
    problem: String,
}

impl InvalidName {
    fn new(what: &'static str, text: &str, fault: Fault) -> Self {
        let shown: String = text.chars().take(MAX_SHOWN_CHARS).collect();
        let problem = match fault {
            Fault::Empty => "it is empty".to_owned(),
            Fault::TooLong => format!(
                "it has {} bytes, at most {MAX_NAME_BYTES} are allowed",
                text.len()
            ),
            Fault::At(index) => match text.get(index..).and_then(|rest| rest.chars().next()) {
                Some(bad) if index == 0 => format!("it must not begin with {bad:?}"),
                Some(bad) => format!("{bad:?} at byte {index} is not allowed"),
                None => format!("the byte at {index} is not allowed"),
            },
        };
        Self {
            what,
            shown: shown.escape_debug().to_string(),
            problem,
        }
    }
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            shown,
            problem,
        } = self;
        write!(
            f,
            "\"{shown}\" cannot be a {what} name: {problem}; use ASCII letters, digits, `_`, `-`, `.`"
        )?;
        if *what == ScheduleName::WHAT {
            f.write_str(", `:`")
        } else {
            Ok(())
        }
    }
}

impl std::error::Error for InvalidName {}

/// What is wrong with a text.
#[derive(Clone, Copy)]
enum Fault {
    Empty,
    TooLong,
    At(usize),
}

/// Looks for the first fault; `const`, so that the names of tasks are checked at compile time.
const fn fault_of(text: &str, colon: bool) -> Option<Fault> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return Some(Fault::Empty);
    }
    if bytes.len() > MAX_NAME_BYTES {
        return Some(Fault::TooLong);
    }
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        let index = bytes.len() - rest.len();
        let starts = byte.is_ascii_alphabetic() || *byte == b'_';
        let follows =
            byte.is_ascii_digit() || matches!(*byte, b'-' | b'.') || (colon && *byte == b':');
        if !(starts || (follows && index > 0)) {
            return Some(Fault::At(index));
        }
        rest = tail;
    }
    None
}

/// A text that is either static, and cloned for free, or shared.
#[derive(Clone)]
enum Text {
    Static(&'static str),
    Shared(Arc<str>),
}

impl Text {
    fn as_str(&self) -> &str {
        match self {
            Self::Static(text) => text,
            Self::Shared(text) => text,
        }
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $colon:literal) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Text);

        impl $name {
            const WHAT: &'static str = $what;

            /// Creates the name from a literal, checked at compile time in a constant.
            ///
            /// # Panics
            ///
            /// Panics if the text cannot be a name.
            #[must_use]
            pub const fn from_static(text: &'static str) -> Self {
                assert!(fault_of(text, $colon).is_none(), concat!("not a valid ", $what, " name"));
                Self(Text::Static(text))
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                match fault_of(text, $colon) {
                    None => Ok(Self(Text::Shared(Arc::from(text)))),
                    Some(fault) => Err(InvalidName::new(Self::WHAT, text, fault)),
                }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidName;

            fn try_from(text: &str) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.as_str() == other.as_str()
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.as_str().cmp(other.as_str())
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.as_str().hash(state);
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

name_type! {
    /// The name of a task, under which its runs are stored.
    ///
    /// 1 to [`MAX_NAME_BYTES`] ASCII letters, digits, `_`, `-`, `.`; begins with a letter or `_`.
    TaskName, "task", false
}

name_type! {
    /// The name of a queue.
    ///
    /// 1 to [`MAX_NAME_BYTES`] ASCII letters, digits, `_`, `-`, `.`; begins with a letter or `_`.
    QueueName, "queue", false
}

name_type! {
    /// The name of a schedule.
    ///
    /// 1 to [`MAX_NAME_BYTES`] ASCII letters, digits, `_`, `-`, `.`, `:`; begins with a letter or `_`.
    ScheduleName, "schedule", true
}

impl QueueName {
    /// The queue of runs that name none.
    pub const DEFAULT: Self = Self::from_static("default");
}

impl From<TaskName> for ScheduleName {
    /// Names the schedule of a periodic task after the task.
    fn from(task: TaskName) -> Self {
        Self(task.0)
    }
}

/// How much of a wrong name an error shows.
const MAX_SHOWN_CHARS: usize = 40;
