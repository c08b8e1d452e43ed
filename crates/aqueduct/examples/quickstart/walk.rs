//! Finds the files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::names::shown;
use crate::source;

/// The most files of one call.
const MAX_FILES: usize = 100_000;

/// Folders whose content nobody wrote.
const SKIPPED_FOLDERS: [&str; 3] = [".git", "target", "node_modules"];

/// The paths that were found, each once; those that cannot be read with the reason.
pub(crate) type Found = BTreeMap<PathBuf, Result<(), String>>;

/// Finds the named files, and the files with a text-like name below the named folders.
///
/// # Errors
///
/// Returns an error if there is no file to read, or if there are too many.
pub(crate) fn text_files(paths: &[PathBuf]) -> anyhow::Result<Found> {
    let mut found = Found::new();
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => walk(path, &mut found)?,
            Ok(metadata) => add(
                path,
                source::problem(&metadata).map_or(Ok(()), Err),
                &mut found,
            )?,
            Err(error) => add(path, Err(error.to_string()), &mut found)?,
        }
    }
    if found.values().any(Result::is_ok) {
        return Ok(found);
    }
    match found.pop_first() {
        Some((path, Err(problem))) => Err(anyhow::anyhow!(problem))
            .with_context(|| format!("nothing to analyse: cannot read `{}`", shown(&path))),
        _ => anyhow::bail!("nothing to analyse: no text file in the given paths"),
    }
}

fn walk(folder: &Path, found: &mut Found) -> anyhow::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return add(folder, Err(error.to_string()), found),
    };
    for entry in entries {
        match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
            Ok((path, kind)) if kind.is_dir() && !is_skipped(&path) => walk(&path, found)?,
            Ok((path, kind)) if kind.is_file() && is_text_like(&path) => add(&path, Ok(()), found)?,
            Ok(_) => {}
            Err(error) => return add(folder, Err(error.to_string()), found),
        }
    }
    Ok(())
}

fn add(path: &Path, result: Result<(), String>, found: &mut Found) -> anyhow::Result<()> {
    let result = match path.to_str() {
        Some(_) => result,
        // Parameters are text.
        None => Err("its name is not UTF-8".to_owned()),
    };
    found.insert(path.to_owned(), result);
    anyhow::ensure!(
        found.len() <= MAX_FILES,
        "over {MAX_FILES} files; name fewer paths"
    );
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
