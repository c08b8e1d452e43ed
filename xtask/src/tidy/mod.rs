//! `cargo xtask tidy`: the rules of docs/STYLE.md that a program can check.

mod deps;
mod docs;
mod sizes;
mod source;
mod surface;
mod words;

use std::collections::BTreeMap;

use source::Source;

/// A broken rule.
#[derive(Debug)]
pub(crate) struct Violation {
    place: String,
    rule: String,
}

impl Violation {
    fn new(place: impl Into<String>, rule: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            rule: rule.into(),
        }
    }
}

/// Checks everything, prints every violation and the scoreboard.
pub(crate) fn run() -> anyhow::Result<()> {
    let sources = source::all()?;
    let mut violations = Vec::new();
    let mut score: BTreeMap<&str, String> = BTreeMap::new();
    sizes::check(&sources, &mut violations, &mut score);
    docs::check(&sources, &mut violations, &mut score);
    words::check(&sources, &mut violations);
    surface::check(&sources, &mut violations, &mut score);
    deps::check(&mut violations)?;
    for Violation { place, rule } in &violations {
        println!("{place}: {rule}");
    }
    println!(
        "{} source files",
        sources.iter().filter(|it| it.is_library()).count()
    );
    for (measure, value) in score {
        println!("  {measure:<44} {value}");
    }
    anyhow::ensure!(violations.is_empty(), "{} violations", violations.len());
    Ok(())
}
