//! The source files, parsed once.

use std::fs;
use std::process::Command;

use anyhow::Context;
use syn::File;

use crate::shell::{read, root};

/// A parsed source file.
pub(super) struct Source {
    /// Its path from the top.
    pub(super) path: String,
    pub(super) text: String,
    pub(super) file: File,
}

impl Source {
    /// Returns whether users run it: part of a crate, not a test, an example or a tool.
    pub(super) fn is_library(&self) -> bool {
        self.path.starts_with("crates/") && self.path.contains("/src/") && !self.is_test()
    }

    /// Returns whether it is nothing but tests; the conformance suite is, it fails by panicking.
    pub(super) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.contains("/tests/")
            || self.path.starts_with("crates/broker-conformance/src/")
    }

    pub(super) fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

/// Returns every source file that git knows or could know; links are left to what they point to.
pub(super) fn all() -> anyhow::Result<Vec<Source>> {
    let mut list = Command::new("git");
    list.args(["ls-files", "-co", "--exclude-standard", "--", "*.rs"])
        .current_dir(root());
    let mut sources = Vec::new();
    for path in read(&mut list)?.lines() {
        let full = root().join(path);
        let is_fragment = path.contains("/ui/fail/");
        if is_fragment || !full.exists() || full.is_symlink() {
            continue;
        }
        let text = fs::read_to_string(&full).with_context(|| format!("{path} cannot be read"))?;
        let file = syn::parse_file(&text).with_context(|| format!("{path} cannot be parsed"))?;
        sources.push(Source {
            path: path.to_owned(),
            text,
            file,
        });
    }
    Ok(sources)
}
