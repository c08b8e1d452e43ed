//! The marker: how a process knows that a pool has started it as a worker.
//!
//! It is a variable `AQUEDUCT_CPU_WORKER` of the environment with a token and the process id of the
//! pool. It counts only in a process whose parent is that pool, and whose standard input and output
//! are pipes: a program that a worker starts inherits the variable, but not its parent. So the
//! variable need not be removed, which no safe code can do.
//!
//! A worker whose pool dies before it looks has another parent, too. It is known by its name, which is not
//! inherited: it must not go on as the program that it would be otherwise.

use std::fmt;

/// The name of the variable.
pub(crate) const VARIABLE: &str = "AQUEDUCT_CPU_WORKER";

/// The length of a token, in characters.
const TOKEN_CHARS: usize = 32;

/// What the variable says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) token: String,
    pub(crate) parent: u32,
}

impl Marker {
    /// Creates the marker for one start.
    pub(crate) fn generate() -> Self {
        Self {
            token: format!("{:032x}", fastrand::u128(..)),
            parent: std::process::id(),
        }
    }

    /// Reads the value of the variable.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let (parent, token) = value.split_once(':')?;
        let is_token = token.len() == TOKEN_CHARS && token.bytes().all(|it| it.is_ascii_hexdigit());
        is_token.then(|| {
            let token = token.to_owned();
            parent.parse().ok().map(|parent| Self { token, parent })
        })?
    }

    /// Returns what a worker writes before its first frame: all before it is text.
    pub(crate) fn preamble(&self) -> Vec<u8> {
        format!("\0aqueduct worker {}\n", self.token).into_bytes()
    }
}

/// Returns the name that a worker has among processes, its argument zero.
pub(crate) fn worker_name(own: &str, number: u32) -> String {
    format!("{own}{WORKER}{number}")
}

/// Returns whether a process has the name of a worker.
pub(crate) fn is_worker_name(name: &str) -> bool {
    let number = name.rsplit_once(WORKER).map(|(_, number)| number);
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}

const WORKER: &str = ": cpu worker ";

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.parent, self.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_known_by_its_name() {
        assert!(is_worker_name(&worker_name("/usr/bin/shop", 7)));
        for other in ["", "shop", "shop: cpu worker ", "shop: cpu worker x"] {
            assert!(!is_worker_name(other));
        }
    }

    #[test]
    fn a_marker_is_read_as_it_was_written() {
        let marker = Marker::generate();
        assert_eq!(Marker::parse(&marker.to_string()), Some(marker));
        for wrong in ["", "1", "1:", "x:0123", ":", "1:zz"] {
            assert_eq!(Marker::parse(wrong), None);
        }
    }
}
