//! Words: one for each concept, as docs/GLOSSARY.md has them.

use syn::Ident;
use syn::visit::{self, Visit};

use super::{Source, Violation};

/// What must not stand in an identifier, and what to say instead.
const BANNED: [(&str, &str); 6] = [
    ("job", "task or run"),
    ("backend", "broker"),
    ("driver", "broker"),
    ("ack", "settle"),
    ("nack", "settle"),
    ("visibility", "lease"),
];

/// Checks the identifiers of the libraries.
pub(super) fn check(sources: &[Source], violations: &mut Vec<Violation>) {
    for source in sources.iter().filter(|source| source.is_library()) {
        // The macros crate speaks the language of syn.
        if !source.path.starts_with("crates/macros/") {
            Words { source, violations }.visit_file(&source.file);
        }
    }
}

struct Words<'a> {
    source: &'a Source,
    violations: &'a mut Vec<Violation>,
}

impl<'ast> Visit<'ast> for Words<'_> {
    fn visit_ident(&mut self, ident: &'ast Ident) {
        let name = ident.to_string();
        for word in words_of(&name) {
            if let Some((banned, instead)) = BANNED.iter().find(|(banned, _)| *banned == word) {
                let rule = format!("`{name}`: not {banned}, say {instead}");
                let line = ident.span().start().line;
                self.violations
                    .push(Violation::new(self.source.at(line), rule));
            }
        }
        visit::visit_ident(self, ident);
    }
}

/// Cuts `SomeName` and `some_name` into words.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for char in name.chars() {
        if char == '_' || char.is_uppercase() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut()
            && char != '_'
        {
            word.extend(char.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_into_words() {
        assert_eq!(words_of("AckNow_packageJob").concat(), "acknowpackagejob");
        assert!(words_of("package_back").iter().all(|word| word != "ack"));
        assert!(words_of("send_ack").contains(&"ack".to_owned()));
    }
}
