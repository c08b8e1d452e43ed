//! Emits the handle of a task; nothing but quoting.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Ident, LitStr, Meta, Type};

use crate::args::{Retry, RetryArgs, TaskArgs};
use crate::check::check;
use crate::cpu;
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
    let checked = syn::parse2::<TaskArgs>(attribute).and_then(|args| {
        check(flavour, &function, &params, &args)?;
        Ok(args)
    });
    let generated = match checked {
        Ok(args) => Handle::new(flavour, &function, &params, &args).emit(),
        Err(error) => error.into_compile_error(),
    };
    quote!(#kept #generated)
}

/// Everything that the handle of one task is made of.
struct Handle<'a> {
    flavour: Flavour,
    function: &'a TaskFn,
    params: &'a [Param],
    args: &'a TaskArgs,
    /// The private module of the facade.
    private: TokenStream,
    output: Type,
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

    fn wire(&self) -> impl Iterator<Item = (&'a Ident, &'a Param)> {
        let params = self.params.iter();
        let wire = params.filter(|it| matches!(it.source, Source::Wire | Source::Params));
        wire.filter_map(|param| Some((param.name.as_ref()?, param)))
    }

    /// The type that travels: a struct of the parameters, or the struct that the user wrote.
    fn params_type(&self) -> TokenStream {
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
        let private = &self.private;
        let serde = LitStr::new(
            &quote!(#private::serde).to_string().replace(' ', ""),
            Span::call_site(),
        );
        let fields = self.wire().map(
            |(name, Param { ty, serde, .. })| quote_spanned!(ty.span()=> #(#serde)* #name: #ty),
        );
        quote! {
            #[derive(#private::serde::Serialize, #private::serde::Deserialize)]
            #[serde(crate = #serde, deny_unknown_fields)]
            struct __Params { #(#fields),* }
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

                #[doc = #with_doc]
                #vis fn with(#(#names: #types),*) -> #private::TaskCall<#output> {
                    #private::TaskCall::new(__definition(), #private::Payload::encode(&#params))
                }
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
        let params = self.params_type();
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
                    let __params = #private::decode::<#params>(__definition(), &__context.run().payload)?;
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
                Source::Wire => (None, quote!(__params.#name)),
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

    /// The definition, made on first use.
    fn definition(&self) -> TokenStream {
        let Self { private, args, .. } = self;
        let ident = &self.function.sig.ident;
        let own_name = LitStr::new(&ident.unraw().to_string(), ident.span());
        let name = args.name.as_ref().unwrap_or(&own_name);
        let steps = self.definition_steps();
        let specs = self.wire().map(|(name, Param { ty, .. })| {
            let (name, ty) = (name.unraw().to_string(), quote!(#ty).to_string());
            quote!(#private::ParamSpec { name: #name, type_name: #ty })
        });
        quote! {
            fn __definition() -> &'static #private::TaskDefinition {
                static __DEFINITION: #private::OnceLock<#private::TaskDefinition> = #private::OnceLock::new();
                const __NAME: #private::TaskName = #private::TaskName::from_static(#name);
                const __PARAMS: &[#private::ParamSpec] = &[#(#specs),*];
                __DEFINITION.get_or_init(|| {
                    let __definition = #private::TaskDefinition::new(__NAME)
                        .with_params(__PARAMS)
                        .with_location(#private::Location {
                            file: ::core::file!(),
                            line: ::core::line!(),
                        });
                    #(let __definition = #steps;)*
                    __definition
                })
            }
        }
    }

    fn definition_steps(&self) -> Vec<TokenStream> {
        let Self {
            private,
            args,
            function,
            ..
        } = self;
        let mut steps = Vec::new();
        for alias in &args.aliases {
            steps.push(quote!(__definition.with_alias(#private::TaskName::from_static(#alias))));
        }
        if let Some(queue) = &args.queue {
            steps.push(quote!(__definition.with_queue(#private::QueueName::from_static(#queue))));
        }
        if let Some(priority) = &args.priority {
            let level = variant(&priority.0);
            steps.push(quote!(__definition.with_priority(#private::Priority::#level)));
        }
        if let Some(timeout) = &args.timeout {
            let millis = millis(timeout.value);
            steps.push(
                quote!(#private::checked(__definition.with_timeout(#private::duration(#millis)))),
            );
        }
        if let Some(retry) = &args.retry {
            let retry = self.retry(retry);
            steps.push(quote!(__definition.with_retry(#retry)));
        }
        if let Some(retention) = &args.keep_result {
            let millis = millis(retention.value);
            steps.push(quote!(__definition.with_kept_result(#private::duration(#millis))));
        }
        if let Some(schedule) = &args.schedule {
            let text = &schedule.0;
            steps.push(quote!(__definition.with_schedule(
                #private::checked(#private::schedule(#text)),
                #private::Payload::empty(),
            )));
        }
        if let Some(description) = description(&function.attrs) {
            steps.push(quote!(__definition.with_description(#description)));
        }
        let states = self
            .params
            .iter()
            .filter(|param| param.source == Source::State);
        for Param { ty, .. } in states.clone() {
            let need = quote_spanned!(ty.span()=> <#ty as #private::FromContext>::need());
            steps.push(quote!(#private::with_need(__definition, #need)));
        }
        if self.flavour == Flavour::Cpu {
            steps.push(cpu::options(private, &args.cpu));
            for (Param { ty, .. }, path) in states.zip(&args.cpu.init) {
                steps.push(cpu::maker(private, ty, path));
            }
        }
        steps
    }

    fn retry(&self, retry: &Retry) -> TokenStream {
        let private = &self.private;
        let Retry::Policy(RetryArgs {
            max,
            backoff,
            kind,
            max_wait,
            jitter,
        }) = retry
        else {
            return quote!(#private::RetryPolicy::none());
        };
        let kind = kind.as_ref().map_or("exponential", |kind| kind.0.as_str());
        let kind = Ident::new(kind, Span::call_site());
        let first = backoff
            .as_ref()
            .map_or(DEFAULT_BACKOFF_MS, |wait| millis(wait.value));
        let mut policy =
            quote!(#private::checked(#private::RetryPolicy::#kind(#private::duration(#first))));
        if let Some(max) = max {
            policy = quote!(#policy.max_retries(#max));
        }
        if let Some(wait) = max_wait {
            let millis = millis(wait.value);
            policy = quote!(#private::checked(#policy.max_wait(#private::duration(#millis))));
        }
        if let Some(jitter) = jitter {
            let jitter = variant(&jitter.0);
            policy = quote!(#policy.jitter(#private::Jitter::#jitter));
        }
        policy
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

/// The first paragraph of the doc comment.
fn description(attrs: &[Attribute]) -> Option<String> {
    let lines = attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => match &doc.value {
            syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(text),
                ..
            }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let trimmed = lines.map(|line| line.trim().to_owned());
    let paragraph: Vec<String> = trimmed.take_while(|line| !line.is_empty()).collect();
    (!paragraph.is_empty()).then(|| paragraph.join(" "))
}

/// The variant of an enum that a lower-case word names.
fn variant(word: &str) -> Ident {
    let (first, rest) = word.split_at(word.len().min(1));
    Ident::new(
        &format!("{}{rest}", first.to_uppercase()),
        Span::call_site(),
    )
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The first wait of a policy that names none.
const DEFAULT_BACKOFF_MS: u64 = 1000;
