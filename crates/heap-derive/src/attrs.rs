//! Attributes: what a type says about its derive, and which attributes of others matter to it.
//!
//! There is one option, `#[trace(crate = path)]`, and it stands on the type. It names the place where the traits are
//! found. A wrong path cannot make an implementation wrong: every name that is used to compute a constant is also the
//! name of the trait or type that the constant is for, so a stranger's names give an implementation of a stranger's
//! trait, or none.
//!
//! `#[repr(packed)]` is refused here, because a reference in a packed type may lie across two words. The other
//! representations change offsets and sizes only, which the compiler knows.
//!
//! Called by [`crate::emit`].

use syn::spanned::Spanned;
use syn::{Attribute, DeriveInput, Error, Path, Result};

/// Where the library is found.
pub(crate) fn library(input: &DeriveInput) -> Result<Path> {
    let mut library = None;
    for attribute in of_ours(&input.attrs) {
        attribute.parse_nested_meta(|option| {
            if !option.path.is_ident("crate") {
                let message = "unknown option: the only one is `#[trace(crate = path::to::tricolor)]`";
                return Err(Error::new(option.path.span(), message));
            }
            if library.is_some() {
                return Err(option.error("`crate` is given twice: keep one"));
            }
            let value = option.value()?;
            library = Some(value.call(Path::parse_mod_style)?);
            Ok(())
        })?;
    }
    Ok(library.unwrap_or_else(|| syn::parse_quote!(::tricolor)))
}

/// No options but on the type, and no `#[repr(packed)]`.
pub(crate) fn check(input: &DeriveInput) -> Result<()> {
    let (fields, variants): (Vec<_>, Vec<_>) = match &input.data {
        syn::Data::Struct(data) => (data.fields.iter().collect(), Vec::new()),
        syn::Data::Enum(data) => (
            data.variants.iter().flat_map(|variant| &variant.fields).collect(),
            data.variants.iter().collect(),
        ),
        syn::Data::Union(_) => (Vec::new(), Vec::new()),
    };
    let inner = fields.iter().map(|field| &field.attrs).chain(variants.iter().map(|variant| &variant.attrs));
    if let Some(attribute) = inner.flat_map(|attributes| of_ours(attributes)).next() {
        let message =
            "fields and variants have no options: the only one is `#[trace(crate = path)]`, on the type";
        return Err(Error::new(attribute.span(), message));
    }
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("repr")) {
        attribute.parse_nested_meta(|option| {
            if option.path.is_ident("packed") {
                let message = "a packed type cannot be traced, since a reference in it may lie across two words: remove \
                               `packed`, or put the packed part without references into a `Leaf`";
                return Err(Error::new(option.path.span(), message));
            }
            // The arguments of `align(..)`.
            if option.input.peek(syn::token::Paren) {
                let arguments;
                syn::parenthesized!(arguments in option.input);
                arguments.parse::<proc_macro2::TokenStream>()?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The attributes called `trace`.
fn of_ours(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("trace"))
}
