//! Where generated code finds `aqueduct`: under its own name, renamed, or as the crate itself.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

/// Returns the path of `aqueduct` in the crate that is being compiled.
pub(crate) fn path() -> TokenStream {
    match crate_name("aqueduct") {
        Ok(FoundCrate::Name(name)) => {
            let name = Ident::new_raw_or_plain(&name);
            quote!(::#name)
        }
        // Within the facade itself its examples, tests and doc tests see it by name.
        Ok(FoundCrate::Itself) | Err(_) => quote!(::aqueduct),
    }
}

trait RawIdent: Sized {
    fn new_raw_or_plain(name: &str) -> Self;
}

impl RawIdent for Ident {
    /// Makes an identifier of a name that may be a keyword.
    fn new_raw_or_plain(name: &str) -> Self {
        syn::parse_str(name).unwrap_or_else(|_| Self::new_raw(name, Span::call_site()))
    }
}
