//! Attributes: what a type says about its derive, and which attributes of others matter to it.
//!
//! | option | stands on | says |
//! | --- | --- | --- |
//! | `crate = path` | the type | where the traits are found |
//! | `drop` | the type | it has a `Drop` of its own, and no references |
//! | `by_hand` | the type | its `Trace` is written by hand: only `Rebrand` is derived |
//! | `skip` | a field | it holds no references and is not looked into |
//!
//! Why none of them can be misused is in the text of the crate. A wrong `crate` cannot make an implementation wrong: every
//! name of the library that is used to compute a constant is also the name of the trait or type that the constant is for,
//! so a stranger's names give an implementation of a stranger's trait, or none. What the other options demand is therefore
//! demanded without a name of the library: by lifetimes, and by the traits of `core`.
//!
//! `#[repr(packed)]` is refused here, because a reference in a packed type may lie across two words. The other
//! representations change offsets and sizes only, which the compiler knows.
//!
//! Called by [`crate::mask`] and [`crate::emit`].

use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, DeriveInput, Error, Field, Path, Result};

/// What a type says about its derive.
pub(crate) struct Options {
    /// Where the library is found.
    pub(crate) library: Path,
    /// Who drops and who traces.
    pub(crate) by: By,
}

/// Who drops a value, and who traces it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// Its fields are dropped and traced.
    Fields,
    /// It has a `Drop` of its own.
    OwnDrop,
    /// It has a `Trace` of its own.
    Hand,
}

/// The options of the type.
pub(crate) fn options(input: &DeriveInput) -> Result<Options> {
    let (mut library, mut drops, mut by_hand) = (None, None, None);
    for attribute in of_ours(&input.attrs) {
        attribute.parse_nested_meta(|option| {
            let span = option.path.span();
            if option.path.is_ident("crate") {
                once(&option, library.is_some())?;
                library = Some(option.value()?.call(Path::parse_mod_style)?);
            } else if option.path.is_ident("drop") {
                once(&option, drops.is_some())?;
                drops = Some(span);
            } else if option.path.is_ident("by_hand") {
                once(&option, by_hand.is_some())?;
                by_hand = Some(span);
            } else if option.path.is_ident("skip") {
                let message = "`skip` stands on a field: put it before the one that holds no references. A whole type \
                               without references is a `Leaf<T>` where it is used";
                return Err(Error::new(span, message));
            } else {
                let message = "unknown option: a type has `crate = path::to::tricolor`, `drop` and `by_hand`, a field has \
                               `skip`";
                return Err(Error::new(span, message));
            }
            Ok(())
        })?;
    }
    let by = match (drops, by_hand) {
        (None, None) => By::Fields,
        (Some(_), None) => By::OwnDrop,
        (None, Some(_)) => By::Hand,
        (Some(_), Some(span)) => {
            let message = "`drop` and `by_hand` exclude each other: with a `Trace` written by hand, what `Drop` may do is one \
                           of its duties";
            return Err(Error::new(span, message));
        }
    };
    Ok(Options { library: library.unwrap_or_else(|| syn::parse_quote!(::tricolor)), by })
}

/// An option is given once.
fn once(option: &ParseNestedMeta<'_>, is_given: bool) -> Result<()> {
    if is_given {
        let name = option.path.get_ident().map(ToString::to_string).unwrap_or_default();
        return Err(option.error(format!("`{name}` is given twice: keep one")));
    }
    Ok(())
}

/// Whether a field is marked `skip`, the only option a field has.
pub(crate) fn is_skipped(field: &Field) -> Result<bool> {
    let mut skipped = false;
    for attribute in of_ours(&field.attrs) {
        attribute.parse_nested_meta(|option| {
            if !option.path.is_ident("skip") {
                let message =
                    "a field has one option, `skip`; `crate`, `drop` and `by_hand` stand on the type";
                return Err(Error::new(option.path.span(), message));
            }
            once(&option, skipped)?;
            skipped = true;
            Ok(())
        })?;
    }
    Ok(skipped)
}

/// No options on variants, no `skip` that means nothing, and no `#[repr(packed)]`.
pub(crate) fn check(input: &DeriveInput, by: By) -> Result<()> {
    let (fields, variants): (Vec<_>, Vec<_>) = match &input.data {
        syn::Data::Struct(data) => (data.fields.iter().collect(), Vec::new()),
        syn::Data::Enum(data) => (
            data.variants.iter().flat_map(|variant| &variant.fields).collect(),
            data.variants.iter().collect(),
        ),
        syn::Data::Union(_) => (Vec::new(), Vec::new()),
    };
    if let Some(attribute) = variants.iter().flat_map(|variant| of_ours(&variant.attrs)).next() {
        let message = "a variant has no options: put `#[trace(skip)]` before a field of it";
        return Err(Error::new(attribute.span(), message));
    }
    for field in fields {
        if is_skipped(field)? && by == By::Hand {
            let message = "nothing is skipped here, since `by_hand` looks at no field: the `Trace` written by hand says what \
                           is traced";
            return Err(Error::new_spanned(field, message));
        }
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
