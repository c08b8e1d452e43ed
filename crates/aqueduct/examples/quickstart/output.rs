//! Where the table goes: to stdout in one piece, and to a file that is whole or not there.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::board::Row;
use crate::names::shown;
use crate::table;

/// Prints the table in one piece.
pub(crate) fn print_table(rows: &[Row]) -> anyhow::Result<()> {
    print(&table::aligned(rows)).context("the table cannot be printed")
}

/// Prints a text; that its reader has gone, as `head` does, is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Checks that the table can be written, before the work that it would show.
pub(crate) fn check_file(file: &Path) -> anyhow::Result<()> {
    let unfinished = unfinished(file);
    let check = || {
        let is_taken = fs::metadata(file).is_ok_and(|it| !it.is_file());
        if is_taken || file.file_name().is_none() {
            return Err(io::Error::other("not a regular file"));
        }
        File::create(&unfinished)?;
        fs::remove_file(&unfinished)
    };
    check().with_context(|| cannot_write(file))
}

/// Writes the table, tab-separated, beside the file and then in its place.
pub(crate) fn write_file(file: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let unfinished = unfinished(file);
    let write = || {
        let mut part = File::create(&unfinished)?;
        part.write_all(table::tab_separated(rows).as_bytes())?;
        part.sync_all()?;
        fs::rename(&unfinished, file)
    };
    write()
        .inspect_err(|_| drop(fs::remove_file(&unfinished)))
        .with_context(|| cannot_write(file))
}

fn unfinished(file: &Path) -> PathBuf {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(format!(".{}.part", std::process::id()));
    unfinished.into()
}

fn cannot_write(file: &Path) -> String {
    format!("the table cannot be written to `{}`", shown(file))
}
