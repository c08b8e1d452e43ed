//! Emits what a CPU task asks of its worker process.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Path, Type};

use crate::args;
use crate::cpu_args::CpuArgs;

/// The step of the definition that makes it a CPU task.
pub(crate) fn options(private: &TokenStream, args: &CpuArgs) -> TokenStream {
    let CpuArgs {
        cpus,
        memory_limit,
        cpu_timeout,
        progress_timeout,
        nice,
        stack_size,
        env,
        ..
    } = args;
    let some = |value: TokenStream| quote!(::core::option::Option::Some(#value));
    let mut sets = Vec::new();
    if let Some(cpus) = cpus {
        sets.push(quote!(__cpu.cpus = #cpus;));
    }
    if let Some(bytes) = memory_limit {
        let value = some(quote!(#bytes));
        sets.push(quote!(__cpu.memory_limit = #value;));
    }
    let duration = |limit: &args::Span| {
        let millis = u64::try_from(limit.value.as_millis()).unwrap_or(u64::MAX);
        some(quote!(#private::duration(#millis)))
    };
    if let Some(value) = cpu_timeout.as_ref().map(duration) {
        sets.push(quote!(__cpu.cpu_timeout = #value;));
    }
    if let Some(value) = progress_timeout.as_ref().map(duration) {
        sets.push(quote!(__cpu.progress_timeout = #value;));
    }
    if let Some(nice) = nice {
        let value = some(quote!(#nice));
        sets.push(quote!(__cpu.nice = #value;));
    }
    if let Some(bytes) = stack_size {
        let value = some(quote!(#bytes as usize));
        sets.push(quote!(__cpu.stack_size = #value;));
    }
    for (name, value) in env {
        sets.push(quote!(__cpu.env.push((#name.into(), #value.into()));));
    }
    quote! {{
        #[allow(unused_mut)]
        let mut __cpu = <#private::CpuOptions as ::core::default::Default>::default();
        #(#sets)*
        __definition.with_cpu(__cpu)
    }}
}

/// The step that adds a maker of state.
pub(crate) fn maker(private: &TokenStream, ty: &Type, path: &Path) -> TokenStream {
    let make = quote_spanned!(path.span()=> #private::make_state::<#ty>(__states, #path()));
    quote! {
        __definition.with_maker(#private::StateMaker::new::<#ty>(
            ::core::any::type_name_of_val(&#path),
            |__states: &mut #private::States| #make,
        ))
    }
}
