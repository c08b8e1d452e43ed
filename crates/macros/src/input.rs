//! Emits how a task takes what ran before it: its parameter `#[input]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Ident;
use syn::ext::IdentExt;

use crate::expand::Handle;
use crate::model::{Param, Source, TaskFn};

impl<'a> Handle<'a> {
    /// The parameter that takes what ran before, if there is one.
    pub(crate) fn input(&self) -> Option<(&'a Ident, &'a Param)> {
        self.wire().find(|(_, param)| param.source == Source::Input)
    }

    /// The parameters that are given to a follow-up: all but the input.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'a Ident, &'a Param)> {
        self.wire()
            .filter(|(_, param)| param.source != Source::Input)
    }

    /// The constructor of a follow-up, for a task that takes what ran before.
    pub(crate) fn after_fn(&self) -> Option<TokenStream> {
        let Self {
            private,
            output,
            function: TaskFn { vis, sig, .. },
            ..
        } = self;
        let (input, Param { ty, .. }) = self.input()?;
        let (names, types): (Vec<_>, Vec<_>) =
            self.given().map(|(name, param)| (name, &param.ty)).unzip();
        let doc = format!(
            "Returns a call of the task `{}` that takes what ran before it as its `{}`, to put into a \
             workflow.",
            sig.ident.unraw(),
            input.unraw(),
        );
        Some(quote! {
            #[doc = #doc]
            #vis fn after(#(#names: #types),*) -> #private::FollowUp<fn(#ty) -> #output> {
                #private::FollowUp::new(#private::TaskCall::new(
                    __definition(),
                    #private::Payload::encode(&__Given { #(#names),* }),
                ))
            }
        })
    }

    /// Decodes the parameters; those of a follow-up come from two places.
    pub(crate) fn decoded(&self) -> TokenStream {
        let (private, params) = (&self.private, self.params_type());
        let Some((input, _)) = self.input() else {
            return quote!(#private::decode::<#params>(__definition(), &__context.run().payload)?);
        };
        let given: Vec<_> = self.given().map(|(name, _)| name).collect();
        let name = input.unraw().to_string();
        quote! {
            match &__context.run().input {
                ::core::option::Option::None => {
                    #private::decode::<#params>(__definition(), &__context.run().payload)?
                }
                ::core::option::Option::Some(__input) => {
                    let __Given { #(#given),* } =
                        #private::decode::<__Given>(__definition(), &__context.run().payload)?;
                    __Params {
                        #(#given,)*
                        #input: #private::decode_input(__definition(), #name, __input)?,
                    }
                }
            }
        }
    }
}
