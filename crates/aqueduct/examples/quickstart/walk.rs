//! Finds the files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// The most files of one call.
const MAX_FILES: usize = 100_000;

/// Folders whose content nobody wrote.
const SKIPPED_FOLDERS: [&str; 3] = [".git", "target", "node_modules"];

/// Returns the named files, and the files with a text-like name below the named folders.
pub(crate) fn text_files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        let kind = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if kind.is_dir() {
            walk(path, &mut found)?;
        } else {
            found.push(path.clone());
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() && !is_skipped(&path) {
            walk(&path, found)?;
        } else if kind.is_file() && is_text_like(&path) {
            anyhow::ensure!(
                found.len() < MAX_FILES,
                "over {MAX_FILES} files; name fewer paths"
            );
            found.push(path);
        }
    }
    Ok(())
}

fn is_skipped(folder: &Path) -> bool {
    folder
        .file_name()
        .is_some_and(|name| SKIPPED_FOLDERS.iter().any(|skipped| name == *skipped))
}

fn is_text_like(path: &Path) -> bool {
    const ENDINGS: [&str; 12] = [
        "rs", "md", "toml", "txt", "stderr", "lua", "py", "sh", "json", "yml", "yaml", "csv",
    ];
    path.extension()
        .is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
}
