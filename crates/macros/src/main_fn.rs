//! `#[aqueduct::main]`: a synchronous `main` around an asynchronous body, behind the worker hook.

use proc_macro2::{TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Ident, LitInt, Path, Token};

use crate::args::unknown;
use crate::krate;
use crate::model::TaskFn;

/// The options of the attribute, as written.
#[derive(Default)]
struct MainArgs {
    worker_threads: Option<LitInt>,
    tasks: Option<Path>,
}

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
    let args: MainArgs = syn::parse2(attribute)?;
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
    let threads = match args.worker_threads {
        Some(threads) => quote!(::core::option::Option::Some(#threads)),
        None => quote!(::core::option::Option::None),
    };
    let hook = hook(&krate, args.tasks.as_ref(), &body);
    let run = quote_spanned!(sig.ident.span()=> #krate::__private::run_main);
    Ok(quote! {
        #(#attrs)*
        #vis #sig {
            #hook
            #run(#threads, async #body)
        }
    })
}

/// Makes a worker of a process that was started as one; nothing if the tasks are not known here.
fn hook(krate: &TokenStream, tasks: Option<&Path>, body: &TokenStream) -> TokenStream {
    let lists = match tasks {
        Some(path) => vec![quote_spanned!(path.span()=> #path())],
        None => lists(body),
    };
    if lists.is_empty() {
        return TokenStream::new();
    }
    quote! {
        #krate::__private::worker_hook(|| {
            let mut __tasks = #krate::__private::vec![];
            #(__tasks.extend(#lists);)*
            __tasks
        });
    }
}

/// Returns every `tasks![…]` of a body; none if the body has names of its own for things, which do not
/// exist outside of it.
fn lists(body: &TokenStream) -> Vec<TokenStream> {
    let mut found = Vec::new();
    let has_own_names = collect(body.clone(), &mut found);
    if has_own_names { Vec::new() } else { found }
}

fn collect(tokens: TokenStream, found: &mut Vec<TokenStream>) -> bool {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut has_own_names = false;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(word) if word == "use" => has_own_names = true,
            TokenTree::Group(group) if is_list(&tokens, at) => {
                let begin = path_begin(&tokens, at);
                let path = tokens.get(begin..at).unwrap_or_default();
                found.push(quote!(#(#path)* #group));
            }
            TokenTree::Group(group) => has_own_names |= collect(group.stream(), found),
            _ => {}
        }
    }
    has_own_names
}

/// Returns whether the group at a place stands behind `tasks!`.
fn is_list(tokens: &[TokenTree], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
    let is_macro = matches!(before(1), Some(TokenTree::Punct(mark)) if mark.as_char() == '!');
    is_macro && matches!(before(2), Some(TokenTree::Ident(name)) if name == "tasks")
}

/// Returns where the path of the macro whose group stands at a place begins: `aqueduct::tasks![…]`.
fn path_begin(tokens: &[TokenTree], at: usize) -> usize {
    let is_colon =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
    let mut begin = at.saturating_sub(2);
    while begin >= 2 && is_colon(begin - 1) && is_colon(begin - 2) {
        let has_name = matches!(tokens.get(begin.wrapping_sub(3)), Some(TokenTree::Ident(_)));
        begin -= if has_name { 3 } else { 2 };
    }
    begin
}

impl Parse for MainArgs {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut args = Self::default();
        while !input.is_empty() {
            let option: Ident = input.parse()?;
            match option.to_string().as_str() {
                "worker_threads" => args.worker_threads = Some(threads(input)?),
                "tasks" => {
                    input.parse::<Token![=]>()?;
                    args.tasks = Some(Path::parse_mod_style(input)?);
                }
                _ => return Err(unknown(&option, &["worker_threads", "tasks"])),
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(args)
    }
}

fn threads(input: ParseStream<'_>) -> syn::Result<LitInt> {
    input.parse::<Token![=]>()?;
    let threads: LitInt = input.parse()?;
    if threads.base10_parse::<usize>()? == 0 {
        return Err(Error::new(
            threads.span(),
            "a runtime needs at least one thread",
        ));
    }
    Ok(threads)
}
