//! `#[aqueduct::main]`: a synchronous `main` around an asynchronous body.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Ident, LitInt, Token};

use crate::args::unknown;
use crate::krate;
use crate::model::TaskFn;

/// Expands the attribute.
pub(crate) fn main(attribute: TokenStream, item: &TokenStream) -> TokenStream {
    match expand(attribute, item.clone()) {
        Ok(tokens) => tokens,
        Err(error) => {
            let error = error.into_compile_error();
            quote!(#item #error)
        }
    }
}

fn expand(attribute: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let threads: Option<LitInt> = syn::parse::Parser::parse2(worker_threads, attribute)?;
    let TaskFn {
        attrs,
        vis,
        mut sig,
        body,
    } = syn::parse2(item)?;
    if sig.asyncness.take().is_none() {
        let message = "write `async fn main`: the attribute runs its body on a runtime";
        return Err(Error::new(sig.fn_token.span(), message));
    }
    if let Some(input) = sig.inputs.first() {
        return Err(Error::new(input.span(), "`main` takes no parameters"));
    }
    let krate = krate::path();
    let threads = match threads {
        Some(threads) => quote!(::core::option::Option::Some(#threads)),
        None => quote!(::core::option::Option::None),
    };
    let run = quote_spanned!(sig.ident.span()=> #krate::__private::run_main);
    Ok(quote! {
        #(#attrs)*
        #vis #sig {
            #run(#threads, async #body)
        }
    })
}

fn worker_threads(input: syn::parse::ParseStream<'_>) -> syn::Result<Option<LitInt>> {
    if input.is_empty() {
        return Ok(None);
    }
    let option: Ident = input.parse()?;
    if option != "worker_threads" {
        return Err(unknown(&option, &["worker_threads"]));
    }
    input.parse::<Token![=]>()?;
    let threads: LitInt = input.parse()?;
    if threads.base10_parse::<usize>()? == 0 {
        return Err(Error::new(
            threads.span(),
            "a runtime needs at least one thread",
        ));
    }
    Ok(Some(threads))
}
