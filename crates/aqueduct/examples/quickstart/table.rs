//! The table as text: aligned for people, tab-separated for programs.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::analysis::Figures;
use crate::board::Row;
use crate::names::shown;

/// Returns the table for people.
pub(crate) fn aligned(rows: &[Row]) -> String {
    let base = common_folder(rows);
    let names: Vec<String> = rows
        .iter()
        .map(|(path, _)| shown(path.strip_prefix(&base).unwrap_or(path)))
        .collect();
    let width = names.iter().map(|name| name.chars().count()).max();
    let width = width.unwrap_or(0).max(5);
    let mut text = format!(
        "{:<width$} {:>9} {:>7} {:>8} {:>8} {:>8}  {:<16}\n",
        "file", "bytes", "lines", "words", "distinct", "longest", "hash"
    );
    let mut sum = Figures::default();
    let mut analysed = 0;
    for (name, (_, result)) in names.iter().zip(rows) {
        // Writing into a string cannot fail.
        let _ = match result {
            Ok(file) => {
                analysed += 1;
                sum = sum.and(file.figures);
                let numbers = numbers(&file.figures, file.distinct);
                writeln!(text, "{name:<width$} {numbers}")
            }
            Err(problem) => writeln!(text, "{name:<width$} not analysed: {problem}"),
        };
    }
    let _ = writeln!(text, "{:<width$} {}", "total", numbers(&sum, None));
    let failed = rows.len() - analysed;
    let _ = writeln!(text, "{analysed} files analysed, {failed} not");
    text
}

/// Returns the table for programs.
pub(crate) fn tab_separated(rows: &[Row]) -> String {
    let mut text = "file\tbytes\tlines\twords\tdistinct\tlongest\thash\tproblem\n".to_owned();
    for (path, result) in rows {
        let name = shown(path);
        // Writing into a string cannot fail.
        let _ = match result {
            Ok(file) => {
                let numbers = numbers(&file.figures, file.distinct);
                let numbers: Vec<&str> = numbers.split_whitespace().collect();
                writeln!(text, "{name}\t{}\t", numbers.join("\t"))
            }
            Err(problem) => writeln!(text, "{name}\t\t\t\t\t\t\t{problem}"),
        };
    }
    text
}

fn numbers(figures: &Figures, distinct: Option<usize>) -> String {
    let Figures {
        bytes,
        lines,
        words,
        longest_line,
        hash,
    } = figures;
    let distinct = distinct.map_or("-".to_owned(), |count| count.to_string());
    format!("{bytes:>9} {lines:>7} {words:>8} {distinct:>8} {longest_line:>8}  {hash:016x}")
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
