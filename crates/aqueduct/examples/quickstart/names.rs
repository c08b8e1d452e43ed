//! Names of files as they are shown: nothing in them steers a terminal or breaks a table.

use std::path::Path;

/// Returns a path for people to read.
pub(crate) fn shown(path: &Path) -> String {
    harmless(&path.display().to_string())
}

/// Returns the text with each control character written out.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().fold(String::new(), |mut shown, char| {
        if steers(char) {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
        shown
    })
}

/// Control characters, ends of lines, and those that turn the direction of writing.
fn steers(char: char) -> bool {
    let turns =
        matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    char.is_control() || turns || matches!(char, '\u{2028}' | '\u{2029}')
}
