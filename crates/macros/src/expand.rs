//! Emits the handle of a task; nothing but quoting.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Ident, LitStr, Type};

use crate::args::TaskArgs;
use crate::check::check;
use crate::krate;
use crate::model::{Param, Source, TaskFn};

/// Where a task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Beside others on the runtime: `#[task]`.
    Io,
    /// Alone in a worker process: `#[cpu_task]`.
    Cpu,
}

/// Expands the attribute; on an error the function stays, so that editors still know it.
pub(crate) fn task(flavour: Flavour, attribute: TokenStream, item: &TokenStream) -> TokenStream {
    let Ok(mut function) = syn::parse2::<TaskFn>(item.clone()) else {
        let message = match flavour {
            Flavour::Io => "`#[task]` is for functions",
            Flavour::Cpu => "`#[cpu_task]` is for functions",
        };
        let error = syn::Error::new(Span::call_site(), message).into_compile_error();
        return quote!(#item #error);
    };
    let params = function.take_params();
    let checked = syn::parse2::<TaskArgs>(attribute).and_then(|args| {
        check(flavour, &function, &params, &args)?;
        Ok(args)
    });
    if let Ok(args) = &checked {
        function.allow_unused(|name| args.keys().any(|key| key.names(name)));
    }
    let TaskFn {
        attrs,
        vis,
        sig,
        body,
    } = &function;
    // A task is async and takes its parameters by value because the contract says so.
    let kept = quote! {
        #(#attrs)*
        #[allow(clippy::unused_async, clippy::needless_pass_by_value)]
        #vis #sig #body
    };
    let generated = match checked {
        Ok(args) => Handle::new(flavour, &function, &params, &args).emit(),
        Err(error) => error.into_compile_error(),
    };
    quote!(#kept #generated)
}

/// Everything that the handle of one task is made of.
pub(crate) struct Handle<'a> {
    pub(crate) flavour: Flavour,
    pub(crate) function: &'a TaskFn,
    pub(crate) params: &'a [Param],
    pub(crate) args: &'a TaskArgs,
    /// The private module of the facade.
    pub(crate) private: TokenStream,
    pub(crate) output: Type,
}

impl<'a> Handle<'a> {
    fn new(
        flavour: Flavour,
        function: &'a TaskFn,
        params: &'a [Param],
        args: &'a TaskArgs,
    ) -> Self {
        let krate = args
            .krate
            .as_ref()
            .map_or_else(krate::path, |path| quote!(#path));
        let output = args.output.clone().unwrap_or_else(|| function.output());
        Self {
            flavour,
            function,
            params,
            args,
            private: quote!(#krate::__private),
            output,
        }
    }

    fn emit(&self) -> TokenStream {
        let Self {
            function: TaskFn {
                attrs, vis, sig, ..
            },
            ..
        } = self;
        let name = &sig.ident;
        let copied = attrs.iter().filter(|attr| is_copied(attr));
        let cfgs: Vec<&Attribute> = attrs.iter().filter(|attr| is_conditional(attr)).collect();
        let (params, definition) = (self.params_struct(), self.definition());
        let (handle, task) = (self.handle_impl(), self.task_impl());
        quote! {
            #(#copied)*
            #[allow(non_camel_case_types, clippy::exhaustive_structs)]
            #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
            #vis struct #name {}

            #(#cfgs)*
            #[allow(non_snake_case, deprecated, clippy::all, clippy::pedantic)]
            const _: () = {
                #params
                #definition
                #handle
                #task
            };
        }
    }

    pub(crate) fn wire(&self) -> impl Iterator<Item = (&'a Ident, &'a Param)> {
        let params = self.params.iter();
        let is_wire =
            |it: &&Param| matches!(it.source, Source::Wire | Source::Params | Source::Input);
        let wire = params.filter(is_wire);
        wire.filter_map(|param| Some((param.name.as_ref()?, param)))
    }

    /// The type that travels: a struct of the parameters, or the struct that the user wrote.
    pub(crate) fn params_type(&self) -> TokenStream {
        let own = self
            .params
            .iter()
            .find(|param| param.source == Source::Params);
        match own {
            Some(Param { ty, .. }) => quote!(#ty),
            None => quote!(__Params),
        }
    }

    fn params_struct(&self) -> TokenStream {
        if self
            .params
            .iter()
            .any(|param| param.source == Source::Params)
        {
            return TokenStream::new();
        }
        let all = self.struct_of(&quote!(__Params), self.wire());
        let given = self
            .input()
            .map(|_| self.struct_of(&quote!(__Given), self.given()));
        quote!(#all #given)
    }

    pub(crate) fn struct_of(
        &self,
        name: &TokenStream,
        params: impl Iterator<Item = (&'a Ident, &'a Param)>,
    ) -> TokenStream {
        let private = &self.private;
        let serde = LitStr::new(
            &quote!(#private::serde).to_string().replace(' ', ""),
            Span::call_site(),
        );
        let fields = params.map(
            |(name, Param { ty, serde, .. })| quote_spanned!(ty.span()=> #(#serde)* #name: #ty),
        );
        quote! {
            #[derive(#private::serde::Serialize, #private::serde::Deserialize)]
            #[serde(crate = #serde, deny_unknown_fields)]
            struct #name { #(#fields),* }
        }
    }

    fn handle_impl(&self) -> TokenStream {
        let Self {
            private,
            output,
            function: TaskFn { vis, sig, .. },
            ..
        } = self;
        let name = &sig.ident;
        let after = self.after_fn();
        let (names, types): (Vec<_>, Vec<_>) =
            self.wire().map(|(name, param)| (name, &param.ty)).unzip();
        let params = match self
            .params
            .iter()
            .find(|param| param.source == Source::Params)
        {
            Some(Param { name, .. }) => quote!(#name),
            None => quote!(__Params { #(#names),* }),
        };
        let task = name.unraw().to_string();
        let queue_doc = format!("Queues the task `{task}`: await the call, or set options first.");
        let wait_doc = format!(
            "Queues the task `{task}` and waits for its value: await the call, or set a limit first."
        );
        let handle_doc =
            format!("Returns a handle on a run of the task `{task}` that was queued before.");
        let with_doc = format!("Returns a call of the task `{task}`, to set options on and queue.");
        quote! {
            impl #name {
                #[doc = #queue_doc]
                #vis fn queue<'__m, __T>(__target: &'__m __T, #(#names: #types),*) -> #private::Queue<'__m, #output>
                where
                    __T: #private::QueueTarget + ?::core::marker::Sized,
                {
                    #private::Queue::new(__target, #name::with(#(#names),*))
                }

                #[doc = #wait_doc]
                #vis fn queue_and_wait<'__m, __T>(__target: &'__m __T, #(#names: #types),*) -> #private::QueueAndWait<'__m, #output>
                where
                    __T: #private::QueueTarget + ?::core::marker::Sized,
                {
                    #private::QueueAndWait::new(__target, #name::with(#(#names),*))
                }

                #[doc = #handle_doc]
                #vis fn handle<__T>(__target: &__T, __run: #private::RunId) -> #private::RunHandle<#output>
                where
                    __T: #private::QueueTarget + ?::core::marker::Sized,
                {
                    #private::RunHandle::new(__target, __run)
                }

                #[doc = #with_doc]
                #vis fn with(#(#names: #types),*) -> #private::TaskCall<#output> {
                    #private::TaskCall::new(__definition(), #private::Payload::encode(&#params))
                }

                #after
            }
        }
    }

    fn task_impl(&self) -> TokenStream {
        let Self {
            private,
            output,
            function: TaskFn { sig, .. },
            ..
        } = self;
        let name = &sig.ident;
        let (params, decoded) = (self.params_type(), self.decoded());
        let is_struct = self
            .params
            .iter()
            .any(|param| param.source == Source::Params);
        let (gathered, passed) = self.arguments();
        let awaited = sig.asyncness.map(|_| quote!(.await));
        let returned = sig.output.span();
        let finish = quote_spanned! {returned=>
            (&mut &mut #private::Returned::new(__returned)).finish::<#output>(__keep)
        };
        let unused = (!is_struct).then(|| quote!(#[allow(unused_variables)]));
        quote! {
            impl #private::Task for #name {
                fn definition(&self) -> &#private::TaskDefinition {
                    __definition()
                }

                fn check(&self, __params: &#private::Payload) -> ::core::result::Result<(), #private::InvalidParams> {
                    #private::decode::<#params>(__definition(), __params).map(::core::mem::drop)
                }

                fn start(
                    &self,
                    __context: #private::TaskContext,
                ) -> ::core::result::Result<#private::TaskFuture, #private::InvalidParams> {
                    #[allow(unused_imports)]
                    use #private::{ViaResult as _, ViaValue as _};
                    #unused
                    let __params = #decoded;
                    let __keep = __context.keeps_result();
                    ::core::result::Result::Ok(#private::Box::pin(async move {
                        #(#gathered)*
                        let __returned = #name(#(#passed),*)#awaited;
                        #finish
                    }))
                }
            }
        }
    }

    /// What makes the arguments that come from the context, and all arguments in order.
    fn arguments(&self) -> (Vec<TokenStream>, Vec<TokenStream>) {
        let private = &self.private;
        let (mut gathered, mut passed) = (Vec::new(), Vec::new());
        for (
            index,
            Param {
                name, ty, source, ..
            },
        ) in self.params.iter().enumerate()
        {
            let value = format_ident!("__value_{index}", span = Span::mixed_site());
            let (gather, pass) = match source {
                Source::Wire | Source::Input => (None, quote!(__params.#name)),
                Source::Params => (None, quote!(__params)),
                Source::ContextRef => (None, quote!(&__context)),
                Source::Context | Source::State => {
                    let from =
                        quote_spanned!(ty.span()=> <#ty as #private::FromContext>::from_context);
                    (
                        Some(quote!(let #value = #from(&__context)?;)),
                        quote!(#value),
                    )
                }
            };
            gathered.extend(gather);
            passed.push(pass);
        }
        (gathered, passed)
    }
}

/// Attributes of the function that the handle gets as well.
fn is_copied(attr: &Attribute) -> bool {
    ["doc", "deprecated"]
        .iter()
        .any(|name| attr.path().is_ident(name))
        || is_conditional(attr)
}

fn is_conditional(attr: &Attribute) -> bool {
    attr.path().is_ident("cfg")
}
