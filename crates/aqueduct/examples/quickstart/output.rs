//! The table: on stdout in one piece, and in a file that is whole or not there.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::analysis::Analysis;
use crate::board::Row;

/// Prints the table in one piece.
pub(crate) fn print_table(rows: &[Row]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(table(rows).as_bytes())?;
    stdout.flush()
}

/// Writes the table, tab-separated, beside the file and then in its place.
pub(crate) fn write_file(file: &Path, rows: &[Row]) -> io::Result<()> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(format!(".{}.part", std::process::id()));
    let unfinished = PathBuf::from(unfinished);
    let mut part = fs::File::create(&unfinished)?;
    part.write_all(tab_separated(rows).as_bytes())?;
    part.sync_all()?;
    fs::rename(&unfinished, file)
}

fn table(rows: &[Row]) -> String {
    let base = common_folder(rows);
    let shown: Vec<(String, &Result<Analysis, String>)> = rows
        .iter()
        .map(|(path, result)| {
            (
                path.strip_prefix(&base)
                    .unwrap_or(path)
                    .display()
                    .to_string(),
                result,
            )
        })
        .collect();
    let width = shown
        .iter()
        .map(|(path, _)| path.chars().count())
        .max()
        .unwrap_or(0)
        .max(5);
    let mut text = format!(
        "{:<width$} {:>9} {:>7} {:>8} {:>8} {:>8}  {:<16}\n",
        "file", "bytes", "lines", "words", "distinct", "longest", "hash"
    );
    let mut sum = Analysis::default();
    let mut failed = 0;
    for (path, result) in &shown {
        // Writing into a string cannot fail.
        let _ = match result {
            Ok(analysis) => {
                sum = sum.and(*analysis);
                writeln!(text, "{path:<width$} {}", numbers(analysis))
            }
            Err(problem) => {
                failed += 1;
                writeln!(text, "{path:<width$} not analysed: {problem}")
            }
        };
    }
    let _ = writeln!(text, "{:<width$} {}", "total", numbers(&sum));
    let _ = writeln!(
        text,
        "{} files analysed, {failed} not",
        shown.len() - failed
    );
    text
}

fn numbers(analysis: &Analysis) -> String {
    let Analysis {
        bytes,
        lines,
        words,
        vocabulary,
        longest_line,
        hash,
    } = analysis;
    format!("{bytes:>9} {lines:>7} {words:>8} {vocabulary:>8} {longest_line:>8}  {hash:016x}")
}

fn tab_separated(rows: &[Row]) -> String {
    let mut text = "file\tbytes\tlines\twords\tdistinct\tlongest\thash\tproblem\n".to_owned();
    for (path, result) in rows {
        let path = path.display();
        // Writing into a string cannot fail.
        let _ = match result {
            Ok(Analysis {
                bytes,
                lines,
                words,
                vocabulary,
                longest_line,
                hash,
            }) => writeln!(
                text,
                "{path}\t{bytes}\t{lines}\t{words}\t{vocabulary}\t{longest_line}\t{hash:016x}\t"
            ),
            Err(problem) => writeln!(text, "{path}\t\t\t\t\t\t\t{problem}"),
        };
    }
    text
}

/// The deepest folder that holds every file.
fn common_folder(rows: &[Row]) -> PathBuf {
    let mut folders = rows.iter().map(|(path, _)| path.parent().unwrap_or(path));
    let Some(first) = folders.next() else {
        return PathBuf::new();
    };
    let mut common = first;
    for folder in folders {
        while !folder.starts_with(common) {
            let Some(parent) = common.parent() else {
                return PathBuf::new();
            };
            common = parent;
        }
    }
    common.to_owned()
}
