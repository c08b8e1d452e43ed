//! Documentation: module docs, cancel safety, order of headings, short summaries.

use std::collections::BTreeMap;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, ImplItemFn, ItemFn, ItemTrait, Meta, ReturnType, Signature, TraitItemFn, Visibility,
};

use super::{Source, Violation};

/// The headings of a doc comment, in their order.
const HEADINGS: [&str; 4] = ["# Errors", "# Panics", "# Cancel safety", "# Examples"];

/// Checks the documentation of the libraries, and the first line of every file.
pub(super) fn check(
    sources: &[Source],
    violations: &mut Vec<Violation>,
    score: &mut BTreeMap<&str, String>,
) {
    for source in sources {
        if !source.text.starts_with("//!") {
            violations.push(Violation::new(
                source.at(1),
                "the file does not open with `//!`",
            ));
        }
    }
    let mut async_functions = 0;
    for source in sources.iter().filter(|source| source.is_library()) {
        let mut visitor = Docs {
            source,
            violations,
            async_functions: 0,
            in_documented_trait: false,
        };
        visitor.visit_file(&source.file);
        async_functions += visitor.async_functions;
    }
    score.insert(
        "public async functions, all with cancel safety",
        async_functions.to_string(),
    );
}

struct Docs<'a> {
    source: &'a Source,
    violations: &'a mut Vec<Violation>,
    async_functions: usize,
    /// The trait says once for all its methods what a dropped future means.
    in_documented_trait: bool,
}

impl Docs<'_> {
    fn check(&mut self, attrs: &[Attribute], sig: &Signature) {
        let doc = doc_of(attrs);
        let place = self.source.at(sig.span().start().line);
        let places: Vec<usize> = HEADINGS
            .iter()
            .filter_map(|heading| doc.lines().position(|line| line.trim() == *heading))
            .collect();
        if !places.is_sorted() {
            let rule = format!(
                "`{}`: headings go Errors, Panics, Cancel safety, Examples",
                sig.ident
            );
            self.violations.push(Violation::new(place.clone(), rule));
        }
        if !is_async(sig) {
            return;
        }
        self.async_functions += 1;
        let says = doc
            .lines()
            .any(|line| line.trim() == "# Cancel safety" || line.contains("Cancel safe"));
        if !says && !self.in_documented_trait {
            let rule = format!(
                "`{}` is async and does not say what dropping it means",
                sig.ident
            );
            self.violations.push(Violation::new(place, rule));
        }
    }
}

impl<'ast> Visit<'ast> for Docs<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        if is_public(&function.vis) {
            self.check(&function.attrs, &function.sig);
        }
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if is_public(&function.vis) {
            self.check(&function.attrs, &function.sig);
        }
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        if is_public(&item.vis) {
            self.in_documented_trait = doc_of(&item.attrs).contains("# Cancel safety");
            visit::visit_item_trait(self, item);
            self.in_documented_trait = false;
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        self.check(&function.attrs, &function.sig);
    }
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

fn is_async(sig: &Signature) -> bool {
    let returned = match &sig.output {
        ReturnType::Type(_, ty) => quote::quote!(#ty).to_string(),
        ReturnType::Default => String::new(),
    };
    sig.asyncness.is_some() || returned.starts_with("impl Future")
}

/// Returns the text of a doc comment.
pub(super) fn doc_of(attrs: &[Attribute]) -> String {
    let mut text = String::new();
    for attr in attrs {
        if let Meta::NameValue(doc) = &attr.meta
            && doc.path.is_ident("doc")
            && let syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(line),
                ..
            }) = &doc.value
        {
            text.push_str(&line.value());
            text.push('\n');
        }
    }
    text
}
