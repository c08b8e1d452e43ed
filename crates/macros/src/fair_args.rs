//! Parses how runs take turns: `fair = "tenant:{tenant}"`, `fair(key = "tenant:{tenant}", weight = 3)`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::ParseStream;
use syn::{Error, Ident, LitInt, Token, parenthesized};

use crate::key::{Key, key};
use crate::unique_args::each_once;

/// How the runs of a task take turns, as written.
pub(crate) struct FairArgs {
    pub(crate) key: Key,
    weight: Option<LitInt>,
}

/// As in `aqueduct_core::run`.
const MAX_WEIGHT: u16 = 1000;

impl FairArgs {
    /// Parses what follows `fair`.
    pub(crate) fn parse(option: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(Token![=]) {
            let key = key(input)?;
            return Ok(Self { key, weight: None });
        }
        if !input.peek(syn::token::Paren) {
            return Err(needs_key(option.span()));
        }
        let content;
        parenthesized!(content in input);
        let (mut template, mut weight) = (None, None);
        each_once(&content, &["key", "weight"], |option| {
            match option {
                "key" => template = Some(key(&content)?),
                _ => weight = Some(number(&content)?),
            }
            Ok(())
        })?;
        let key = template.ok_or_else(|| needs_key(option.span()))?;
        Ok(Self { key, weight })
    }

    /// Emits the step that adds it to the definition.
    pub(crate) fn step(&self, private: &TokenStream) -> TokenStream {
        let template = &self.key.literal;
        let mut fair =
            quote!(#private::FairTemplate::new(#private::checked(#private::key(#template))));
        if let Some(weight) = &self.weight {
            fair = quote!(#private::checked(#fair.weight(#weight)));
        }
        quote!(__definition.with_fair(#fair))
    }
}

/// Parses `= 3`, a weight.
fn number(input: ParseStream<'_>) -> syn::Result<LitInt> {
    input.parse::<Token![=]>()?;
    let message =
        format!("write how many runs start in a turn: a whole number from 1 to {MAX_WEIGHT}");
    let span = input.span();
    let weight: LitInt = input.parse().map_err(|_| Error::new(span, &message))?;
    match weight.base10_parse::<u16>() {
        Ok(1..=MAX_WEIGHT) => Ok(weight),
        _ => Err(Error::new(weight.span(), message)),
    }
}

fn needs_key(span: Span) -> Error {
    let message = "turns need a key: `fair = \"tenant:{tenant}\"`, or \
                   `fair(key = \"tenant:{tenant}\", weight = 3)`";
    Error::new(span, message)
}
