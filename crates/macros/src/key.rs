//! Keys made of parameters: `"sync:{account}"`, checked against the parameters of the function.

use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Error, LitStr, Type};

use crate::args::text;
use crate::key_text::{self, Part};
use crate::model::{Param, Source};
use crate::nearest::nearest;

/// The template of a key, read at compile time.
pub(crate) struct Key {
    pub(crate) literal: LitStr,
    /// The names of the parameters that it is made of.
    params: Vec<String>,
}

impl Key {
    /// Returns whether it is made of the parameter of that name.
    pub(crate) fn names(&self, param: &str) -> bool {
        self.params.iter().any(|name| name == param)
    }
}

/// Parses `= "…"`, the template of a key.
pub(crate) fn key(input: ParseStream<'_>) -> syn::Result<Key> {
    let literal = text(input, "the template of a key such as \"sync:{account}\"")?;
    let parts =
        key_text::parse(&literal.value()).map_err(|problem| Error::new(literal.span(), problem))?;
    let params = parts.into_iter().filter_map(|part| match part {
        Part::Placeholder(path) => path.split('.').next().map(str::to_owned),
        Part::Text(_) => None,
    });
    let params = params.collect();
    Ok(Key { literal, params })
}

/// Refuses a placeholder that no parameter has the name of.
pub(crate) fn check_key(key: &Key, params: &[Param], errors: &mut Vec<Error>) {
    let Some(known) = wire_names(params) else {
        return;
    };
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    for name in key.params.iter().filter(|it| !known.contains(&it.as_str())) {
        let hint = match nearest(name, &known) {
            Some(nearest) => format!("did you mean `{{{nearest}}}`?"),
            None if known.is_empty() => "it takes none".to_owned(),
            None => format!("it takes {}", known.join(", ")),
        };
        let message = format!("no parameter of a run of this task is named `{name}`; {hint}");
        errors.push(Error::new(key.literal.span(), message));
    }
    let wire = params.iter().filter(|it| it.source == Source::Wire);
    for (name, _) in known.iter().zip(wire).filter(|(_, it)| is_float(&it.ty)) {
        if key.names(name) {
            let message = format!(
                "`{name}` is a floating-point number; a key is made of texts, whole numbers, booleans and byte strings"
            );
            errors.push(Error::new(key.literal.span(), message));
        }
    }
}

fn is_float(ty: &Type) -> bool {
    let Type::Path(ty) = ty else {
        return false;
    };
    ty.path.is_ident("f64") || ty.path.is_ident("f32")
}

/// Returns the names of the parameters as they travel; `None` if the attribute cannot know them.
fn wire_names(params: &[Param]) -> Option<Vec<String>> {
    if params.iter().any(|param| param.source == Source::Params) {
        return None;
    }
    let mut names = Vec::new();
    for param in params.iter().filter(|it| it.source == Source::Wire) {
        let mut name = param.name.as_ref()?.unraw().to_string();
        for attr in &param.serde {
            let mut is_plain = true;
            attr.parse_nested_meta(|meta| {
                if meta.path.is_ident("rename") && meta.input.peek(syn::Token![=]) {
                    name = meta.value()?.parse::<LitStr>()?.value();
                } else if meta.path.is_ident("rename") || meta.path.is_ident("flatten") {
                    is_plain = false;
                } else if meta.input.peek(syn::Token![=]) {
                    meta.value()?.parse::<syn::Expr>()?;
                } else if meta.input.peek(syn::token::Paren) {
                    let content;
                    syn::parenthesized!(content in meta.input);
                    content.parse::<proc_macro2::TokenStream>()?;
                }
                Ok(())
            })
            .ok()?;
            if !is_plain {
                return None;
            }
        }
        names.push(name);
    }
    Some(names)
}
