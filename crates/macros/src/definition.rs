//! Emits the definition of a task: its name and options, as one calls them by hand.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Ident, LitStr, Meta};

use crate::args::{Retry, RetryArgs};
use crate::cpu;
use crate::expand::{Flavour, Handle};
use crate::model::{Param, Source};

impl Handle<'_> {
    /// The definition, made on first use.
    pub(crate) fn definition(&self) -> TokenStream {
        let private = &self.private;
        let name = self.task_name();
        let steps = self.definition_steps();
        let specs = self.wire().map(|(name, Param { ty, .. })| {
            let (name, ty) = (name.unraw().to_string(), as_written(&quote!(#ty)));
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

    /// The name that runs are stored under.
    fn task_name(&self) -> LitStr {
        let ident = &self.function.sig.ident;
        let own_name = || LitStr::new(&ident.unraw().to_string(), ident.span());
        self.args.name.clone().unwrap_or_else(own_name)
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
        steps.extend(self.limit_steps());
        if let Some(retry) = &args.retry {
            let retry = self.retry(retry);
            steps.push(quote!(__definition.with_retry(#retry)));
        }
        if let Some(retention) = &args.keep_result {
            let millis = millis(retention.value);
            steps.push(quote!(__definition.with_kept_result(#private::duration(#millis))));
        }
        if let Some(unique) = &args.unique {
            let unique = unique.emit(private, &self.task_name());
            steps.push(quote!(__definition.with_unique(#unique)));
        }
        steps.extend(args.limits.iter().map(|limit| limit.step(private)));
        steps.extend(args.fair.iter().map(|fair| fair.step(private)));
        if let Some(schedule) = &args.schedule {
            let text = &schedule.text;
            steps.push(quote!(__definition.with_schedule(
                #private::checked(#private::schedule(#text)),
                #private::Payload::empty(),
            )));
            if let Some(overlap) = schedule.overlap {
                let overlap = Ident::new(overlap, Span::call_site());
                steps.push(quote!(__definition.with_overlap(#private::Overlap::#overlap)));
            }
        }
        if let Some(description) = description(&function.attrs) {
            steps.push(quote!(__definition.with_description(#description)));
        }
        if let Some((name, _)) = self.input() {
            let name = name.unraw().to_string();
            steps.push(quote!(__definition.with_input(#name)));
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

    /// The limits of time, each checked again where it is set.
    fn limit_steps(&self) -> impl Iterator<Item = TokenStream> {
        let Self { private, args, .. } = self;
        let limits = [
            ("with_timeout", &args.timeout),
            ("with_total_timeout", &args.total_timeout),
            ("with_expiry", &args.expires_in),
        ];
        limits.into_iter().filter_map(move |(setter, limit)| {
            let setter = Ident::new(setter, Span::call_site());
            let millis = millis(limit.as_ref()?.value);
            Some(quote!(#private::checked(__definition.#setter(#private::duration(#millis)))))
        })
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

/// Returns a type as people write it, without the spaces of its tokens.
fn as_written(ty: &TokenStream) -> String {
    let spaced = [
        (" :: ", "::"),
        (" < ", "<"),
        (" >", ">"),
        (" ,", ","),
        (" ;", ";"),
    ];
    let text = ty.to_string();
    spaced
        .iter()
        .fold(text, |text, (from, to)| text.replace(from, to))
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
