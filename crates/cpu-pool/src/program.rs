//! The program that a worker runs: this one, unless it is told otherwise.

use std::ffi::OsString;
use std::path::PathBuf;

/// A program that reaches the hook of a worker when it is started by a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    path: Option<PathBuf>,
    args: Option<Vec<OsString>>,
}

impl Program {
    /// The program that runs now, with the arguments that it was started with.
    ///
    /// On Linux it is found although its file was moved, deleted or replaced since.
    #[must_use]
    pub const fn own() -> Self {
        Self {
            path: None,
            args: None,
        }
    }

    /// Another program, without arguments.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: Some(path.into()),
            args: Some(Vec::new()),
        }
    }

    /// Sets the arguments.
    #[must_use]
    pub fn with_args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args = Some(args.into_iter().map(Into::into).collect());
        self
    }

    /// The test `name` of this test program, as `cargo test` runs it.
    #[must_use]
    pub fn own_test(name: &str) -> Self {
        Self::own().with_args([name, "--exact", "--nocapture", "--test-threads=1"])
    }

    /// Returns the path to execute.
    pub(crate) fn path(&self) -> PathBuf {
        match &self.path {
            Some(path) => path.clone(),
            None => own_path(),
        }
    }

    /// Returns the arguments behind the name.
    pub(crate) fn args(&self) -> Vec<OsString> {
        match &self.args {
            Some(args) => args.clone(),
            None => std::env::args_os().skip(1).collect(),
        }
    }
}

impl Default for Program {
    fn default() -> Self {
        Self::own()
    }
}

/// The link, unresolved: what it points to may be deleted or replaced.
fn own_path() -> PathBuf {
    let link = PathBuf::from("/proc/self/exe");
    if link.is_symlink() {
        return link;
    }
    std::env::current_exe().unwrap_or(link)
}
