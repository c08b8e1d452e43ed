//! The annotated function as data; its body stays tokens.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{
    Attribute, FnArg, GenericArgument, Ident, Pat, PathArguments, ReturnType, Signature, Type,
    Visibility,
};

/// A function with `#[task]`.
pub(crate) struct TaskFn {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// The body, braces included.
    pub(crate) body: TokenStream,
}

/// A parameter of the function, and where its value comes from.
pub(crate) struct Param {
    pub(crate) name: Option<Ident>,
    pub(crate) ty: Type,
    pub(crate) source: Source,
    /// `#[serde(…)]`, for the struct that travels.
    pub(crate) serde: Vec<Attribute>,
    pub(crate) cfg: Option<Attribute>,
}

/// Where the value of a parameter comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The context, by value.
    Context,
    /// The context, by reference.
    ContextRef,
    /// Application state.
    State,
    /// A parameter of the run.
    Wire,
    /// The struct that holds all parameters of the run.
    Params,
    /// A parameter of the run, or what the runs returned that it follows.
    Input,
}

impl Parse for TaskFn {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self {
            attrs: input.call(Attribute::parse_outer)?,
            vis: input.parse()?,
            sig: input.parse()?,
            body: input.parse()?,
        })
    }
}

impl TaskFn {
    /// Takes the attributes that are ours off the parameters, and returns what they said.
    pub(crate) fn take_params(&mut self) -> Vec<Param> {
        self.sig.inputs.iter_mut().filter_map(take_param).collect()
    }

    /// Lets the body leave out the parameters that serve elsewhere, such as in a key.
    pub(crate) fn allow_unused(&mut self, serves: impl Fn(&str) -> bool) {
        for input in &mut self.sig.inputs {
            if let FnArg::Typed(typed) = input
                && let Pat::Ident(pat) = &*typed.pat
                && serves(&pat.ident.unraw().to_string())
            {
                typed
                    .attrs
                    .push(syn::parse_quote!(#[allow(unused_variables)]));
            }
        }
    }

    /// Returns the success type that the return type promises, as far as its spelling tells.
    pub(crate) fn output(&self) -> Type {
        let ReturnType::Type(_, ty) = &self.sig.output else {
            return unit();
        };
        success_of(ty).unwrap_or_else(|| (**ty).clone())
    }
}

fn take_param(input: &mut FnArg) -> Option<Param> {
    let FnArg::Typed(typed) = input else {
        return None;
    };
    let mut ours = Vec::new();
    typed.attrs.retain(|attr| {
        let is_ours = ["serde", "context", "state", "params", "input"]
            .iter()
            .any(|it| attr.path().is_ident(it));
        if is_ours {
            ours.push(attr.clone());
        }
        !is_ours
    });
    let marked = |name: &str| ours.iter().any(|attr| attr.path().is_ident(name));
    let (is_ref, last) = last_segment(&typed.ty);
    let source = if marked("context") || last.as_deref() == Some("TaskContext") {
        if is_ref {
            Source::ContextRef
        } else {
            Source::Context
        }
    } else if marked("state") || last.as_deref() == Some("State") {
        Source::State
    } else if marked("params") {
        Source::Params
    } else if marked("input") {
        Source::Input
    } else {
        Source::Wire
    };
    let is_conditional =
        |attr: &&Attribute| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr");
    let name = match &*typed.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => Some(pat.ident.clone()),
        _ => None,
    };
    Some(Param {
        name,
        ty: (*typed.ty).clone(),
        source,
        cfg: typed.attrs.iter().find(is_conditional).cloned(),
        serde: ours
            .into_iter()
            .filter(|attr| attr.path().is_ident("serde"))
            .collect(),
    })
}

/// Returns whether a type is a reference, and the last word of its path.
fn last_segment(ty: &Type) -> (bool, Option<String>) {
    match ty {
        Type::Path(path) => (
            false,
            path.path
                .segments
                .last()
                .map(|segment| segment.ident.to_string()),
        ),
        Type::Reference(reference) => (true, last_segment(&reference.elem).1),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => (false, None),
    }
}

/// Returns `T` of something spelled `Result<T, …>`.
fn success_of(ty: &Type) -> Option<Type> {
    match ty {
        Type::Group(group) => success_of(&group.elem),
        Type::Path(path) => {
            let segment = path
                .path
                .segments
                .last()
                .filter(|last| last.ident == "Result")?;
            let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
                return None;
            };
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty.clone()),
                _ => None,
            })
        }
        _ => None,
    }
}

fn unit() -> Type {
    syn::parse_quote!(())
}
