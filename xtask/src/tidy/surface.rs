//! The public surface: type parameters, foreign types, unwraps.

use std::collections::BTreeMap;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    ExprMethodCall, Field, GenericParam, Generics, ImplItemFn, ItemFn, ItemStruct, ItemUse,
    Signature, UseTree, Visibility,
};

use super::{Source, Violation};

/// Crates whose types must not be part of ours.
const FOREIGN: [&str; 8] = [
    "bytes",
    "chrono",
    "chrono_tz",
    "croner",
    "fred",
    "rmp_serde",
    "fastrand",
    "rustix",
];

/// Where a foreign type may stand after all, and why.
const ALLOWED: [(&str, &str); 0] = [];

/// Checks the surface of the libraries.
pub(super) fn check(
    sources: &[Source],
    violations: &mut Vec<Violation>,
    score: &mut BTreeMap<&str, String>,
) {
    let mut unwraps = 0;
    for source in sources.iter().filter(|source| source.is_library()) {
        let mut visitor = Surface {
            source,
            violations,
            imported: Vec::new(),
            unwraps: 0,
        };
        visitor.visit_file(&source.file);
        unwraps += visitor.unwraps;
    }
    score.insert("unwrap and expect in src (limit 0)", unwraps.to_string());
}

struct Surface<'a> {
    source: &'a Source,
    violations: &'a mut Vec<Violation>,
    /// Names that this file imports from foreign crates.
    imported: Vec<String>,
    unwraps: usize,
}

impl Surface<'_> {
    fn complain(&mut self, line: usize, rule: String) {
        self.violations
            .push(Violation::new(self.source.at(line), rule));
    }

    fn check_generics(&mut self, name: &str, generics: &Generics) {
        let types = generics
            .params
            .iter()
            .filter(|it| matches!(it, GenericParam::Type(_)));
        if types.count() > 1 {
            let line = generics.span().start().line;
            self.complain(line, format!("`{name}` has more than one type parameter"));
        }
    }

    fn check_signature(&mut self, vis: &Visibility, sig: &Signature) {
        if !matches!(vis, Visibility::Public(_)) {
            return;
        }
        let tokens = quote::quote!(#sig).to_string();
        self.check_tokens(sig.span().start().line, &sig.ident.to_string(), &tokens);
    }

    fn check_tokens(&mut self, line: usize, name: &str, tokens: &str) {
        let words: Vec<&str> = tokens
            .split(|char: char| !(char.is_alphanumeric() || char == '_'))
            .collect();
        let foreign = words.iter().find(|word| {
            let is_path = FOREIGN.contains(word) && tokens.contains(&format!("{word} ::"));
            is_path || self.imported.iter().any(|imported| imported == *word)
        });
        let is_allowed = ALLOWED.iter().any(|(allowed, _)| *allowed == name);
        if let Some(foreign) = foreign
            && !is_allowed
        {
            self.complain(
                line,
                format!("`{name}` has the foreign type `{foreign}` in its signature"),
            );
        }
    }
}

impl<'ast> Visit<'ast> for Surface<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if let UseTree::Path(path) = &item.tree
            && FOREIGN.contains(&path.ident.to_string().as_str())
        {
            collect(&path.tree, &mut self.imported);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        if matches!(item.vis, Visibility::Public(_)) {
            self.check_generics(&item.ident.to_string(), &item.generics);
        }
        visit::visit_item_struct(self, item);
    }

    fn visit_field(&mut self, field: &'ast Field) {
        if matches!(field.vis, Visibility::Public(_)) {
            let ty = &field.ty;
            let name = field
                .ident
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            self.check_tokens(
                field.span().start().line,
                &name,
                &quote::quote!(#ty).to_string(),
            );
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.check_signature(&function.vis, &function.sig);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.check_signature(&function.vis, &function.sig);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if call.method == "unwrap" || call.method == "expect" {
            self.unwraps += 1;
            self.complain(call.span().start().line, format!("`.{}()`", call.method));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }
}

fn collect(tree: &UseTree, names: &mut Vec<String>) {
    match tree {
        UseTree::Path(path) => collect(&path.tree, names),
        UseTree::Name(name) => names.push(name.ident.to_string()),
        UseTree::Rename(rename) => names.push(rename.rename.to_string()),
        UseTree::Group(group) => group.items.iter().for_each(|item| collect(item, names)),
        UseTree::Glob(_) => {}
    }
}
