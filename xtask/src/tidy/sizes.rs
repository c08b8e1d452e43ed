//! Lengths of files and functions.

use std::collections::BTreeMap;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, ItemFn, ItemMod, Signature};

use super::{Source, Violation};

const FILE_SOFT: usize = 400;
const FILE_HARD: usize = 500;
const FUNCTION_HARD: usize = 70;
const FUNCTION_P99: usize = 50;
const FUNCTION_MEDIAN: usize = 8;
const TESTS_IN_FILE: usize = 60;

/// Checks lengths; the figures are of the libraries only.
pub(super) fn check(
    sources: &[Source],
    violations: &mut Vec<Violation>,
    score: &mut BTreeMap<&str, String>,
) {
    let mut functions = Vec::new();
    let (mut longest_file, mut over_soft) = (0, 0);
    for source in sources {
        let lines = source.text.lines().count();
        if lines > FILE_HARD {
            let rule = format!("{lines} lines; at most {FILE_HARD}: split it by concept");
            violations.push(Violation::new(source.at(1), rule));
        }
        let mut visitor = Functions::default();
        visitor.visit_file(&source.file);
        for (line, length, name) in &visitor.found {
            if *length > FUNCTION_HARD {
                let rule = format!("`{name}` has {length} lines; at most {FUNCTION_HARD}");
                violations.push(Violation::new(source.at(*line), rule));
            }
        }
        if source.is_library() {
            longest_file = longest_file.max(lines);
            over_soft += usize::from(lines > FILE_SOFT);
            functions.extend(visitor.found.iter().map(|(_, length, _)| *length));
            check_inline_tests(source, violations);
        }
    }
    functions.sort_unstable();
    let at = |share: usize| {
        functions
            .get(functions.len() * share / 1000)
            .copied()
            .unwrap_or(0)
    };
    let (median, p99) = (at(500), at(990));
    if p99 > FUNCTION_P99 || median > FUNCTION_MEDIAN {
        let rule = format!("lines per function: median {median}, p99 {p99}; at most 8 and 50");
        violations.push(Violation::new("crates", rule));
    }
    score.insert(
        "lines per file, longest (limit 500)",
        longest_file.to_string(),
    );
    score.insert("files over 400 lines", over_soft.to_string());
    score.insert("lines per function, median (limit 8)", median.to_string());
    score.insert("lines per function, p99 (limit 50)", p99.to_string());
    let longest = functions.last().copied().unwrap_or(0);
    score.insert(
        "lines per function, longest (limit 70)",
        longest.to_string(),
    );
}

fn check_inline_tests(source: &Source, violations: &mut Vec<Violation>) {
    for item in &source.file.items {
        let syn::Item::Mod(
            module @ ItemMod {
                content: Some(_), ..
            },
        ) = item
        else {
            continue;
        };
        let span = module.span();
        let lines = span.end().line - span.start().line;
        if module.ident == "tests" && lines > TESTS_IN_FILE {
            let rule = format!("{lines} lines of tests; over {TESTS_IN_FILE} go into `tests.rs`");
            violations.push(Violation::new(source.at(span.start().line), rule));
        }
    }
}

/// Collects line, length and name of every function.
#[derive(Default)]
struct Functions {
    found: Vec<(usize, usize, String)>,
}

impl Functions {
    fn add(&mut self, sig: &Signature, block: &Block) {
        let (start, end) = (sig.span().start().line, block.span().end().line);
        self.found
            .push((start, end + 1 - start, sig.ident.to_string()));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }
}
