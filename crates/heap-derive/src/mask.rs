//! Masks: the body of a `Trace` implementation, from the fields.
//!
//! A struct's mask is made of its fields' masks, each at its field's offset. An enum's is all or nothing: its variants
//! lie over one another, so a word that is a reference in one variant may be a number in the next. If no field has a
//! reference no word does, and otherwise every word is ambiguous.
//!
//! Three things are written for a type:
//!
//! ```text
//!   const MASK     as above
//!   const BY_HAND  whether any field is traced by hand
//!   fn trace       takes the value apart, without `..`, and traces every field
//! ```
//!
//! `trace` is also what holds D1. An attribute macro that stands below the derive changes the type after this macro has
//! seen it. A field more or a field less does not fit the pattern; a field of another type does not fit the pointer that
//! its address is assigned to; a field of a packed type cannot be borrowed. So the compiler refuses, instead of the
//! collector missing a reference. A macro in the place of a type could give another type each time it is named, and is
//! refused here.
//!
//! A field with `#[trace(skip)]` adds nothing to the mask and is not traced. It is taken apart like the others, and its
//! type must be `'static` and `Send` (D5).
//!
//! Called by [`crate::emit`]. Does not look at generics.

use crate::attrs::{self, By, Options};
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Field, Fields, Lifetime, Member, Path, Result, Type};

/// A field, and whether it is looked into.
struct Part<'a> {
    member: Member,
    ty: &'a Type,
    skipped: bool,
}

/// The parts of a struct or a variant.
fn parts<'a>(fields: &'a Fields, brand: Option<&Lifetime>) -> Result<Vec<Part<'a>>> {
    let part = |(member, field): (Member, &'a Field)| {
        let skipped = attrs::is_skipped(field)?;
        check_type(&field.ty)?;
        if skipped {
            check_skipped(&field.ty, brand)?;
        }
        Ok(Part { member, ty: &field.ty, skipped })
    };
    fields.members().zip(fields).map(part).collect()
}

/// The items of `impl Trace`.
pub(crate) fn items(input: &DeriveInput, options: &Options) -> Result<TokenStream> {
    let library = &options.library;
    let brand = input.generics.lifetimes().next().map(|parameter| &parameter.lifetime);
    let (mask, parts, arms) = match &input.data {
        Data::Struct(data) => {
            let parts = parts(&data.fields, brand)?;
            (
                of_struct(&parts, library),
                parts.iter().map(traced).collect(),
                vec![arm(&quote!(Self), &parts, library)],
            )
        }
        Data::Enum(data) => {
            let mut all = Vec::new();
            let mut arms = Vec::new();
            for variant in &data.variants {
                let name = &variant.ident;
                let parts = parts(&variant.fields, brand)?;
                arms.push(arm(&quote!(Self::#name), &parts, library));
                all.extend(parts.iter().map(traced));
            }
            (of_enum(&all, library), all, arms)
        }
        Data::Union(data) => {
            let message =
                "a union cannot be traced, since nothing says which of its fields is there: use an enum";
            return Err(Error::new(data.union_token.span(), message));
        }
    };
    let by_hand = parts.iter().flatten().map(|ty| constant(ty, library, "BY_HAND"));
    let mask = match options.by {
        By::Fields | By::Hand => mask,
        By::OwnDrop => without_references(&mask, library),
    };
    let of_skipped = parts.iter().any(Option::is_none).then(|| {
        quote! {
            /// It has no brand, and is dropped on any thread.
            fn a_skipped_field_holds_no_reference<T: 'static + ::core::marker::Send>() {}
        }
    });
    let of_drop = (options.by == By::OwnDrop).then(|| {
        quote! {
            /// It runs at a safepoint of any mutator.
            #[expect(drop_bounds, reason = "the types that implement `Drop` themselves are exactly those meant")]
            fn a_type_marked_drop_has_a_drop_that_runs_on_any_thread<T: ::core::ops::Drop + ::core::marker::Send>() {}
            a_type_marked_drop_has_a_drop_that_runs_on_any_thread::<Self>();
        }
    });
    let tracer = format_ident!("__tracer", span = Span::mixed_site());
    Ok(quote! {
        const MASK: #library::TypeMask = #mask;
        const BY_HAND: ::core::primitive::bool = false #(|| #by_hand)*;

        fn trace(&self, #tracer: &mut #library::Tracer<'_>) {
            #of_skipped
            #of_drop
            let _ = &#tracer;
            match *self {
                #(#arms)*
            }
        }
    })
}

/// The type of a part that is looked into.
fn traced<'a>(part: &Part<'a>) -> Option<&'a Type> {
    (!part.skipped).then_some(part.ty)
}

/// The mask, if it is empty: a type with a `Drop` of its own has no references, which could be gone before it (D3).
fn without_references(mask: &TokenStream, library: &Path) -> TokenStream {
    quote! {{
        let mask: #library::TypeMask = #mask;
        ::core::assert!(
            mask.is_noscan() && !<Self as #library::Trace>::BY_HAND,
            "a type with `#[trace(drop)]` holds no references, since what they lead to may be gone when it is dropped: \
             put the part that needs the `Drop` into a type of its own, without references, and keep that as a field"
        );
        mask
    }}
}

/// The fields' masks at their offsets.
fn of_struct(parts: &[Part<'_>], library: &Path) -> TokenStream {
    let parts = parts.iter().filter(|part| !part.skipped).map(|Part { member, ty, .. }| {
        let mask = constant(ty, library, "MASK");
        quote!(.with(::core::mem::offset_of!(Self, #member), &#mask))
    });
    quote!(#library::TypeMask::noscan(::core::mem::size_of::<Self>()) #(#parts)*)
}

/// No word, or all of them (D2).
fn of_enum(types: &[Option<&Type>], library: &Path) -> TokenStream {
    let masks = types.iter().flatten().map(|ty| constant(ty, library, "MASK"));
    quote! {
        if true #(&& #masks.is_noscan())* {
            #library::TypeMask::noscan(::core::mem::size_of::<Self>())
        } else {
            #library::TypeMask::ambiguous(::core::mem::size_of::<Self>())
        }
    }
}

/// A constant of a field's type. The compiler's complaint that it has none points at the field.
fn constant(ty: &Type, library: &Path, name: &str) -> TokenStream {
    let span = ty.span().resolved_at(Span::mixed_site());
    let name = format_ident!("{name}", span = span);
    quote_spanned!(span=> <#ty as #library::Trace>::#name)
}

/// Takes a struct or a variant apart and traces its fields (D1).
fn arm(name: &TokenStream, parts: &[Part<'_>], library: &Path) -> TokenStream {
    let tracer = format_ident!("__tracer", span = Span::mixed_site());
    let members = parts.iter().map(|part| &part.member);
    let places: Vec<_> =
        (0..parts.len()).map(|index| format_ident!("__field_{index}", span = Span::mixed_site())).collect();
    let calls = parts.iter().zip(&places).map(|(Part { ty, skipped, .. }, place)| {
        let span = ty.span().resolved_at(Span::mixed_site());
        let look = if *skipped {
            quote_spanned!(span=> a_skipped_field_holds_no_reference::<#ty>();)
        } else {
            quote_spanned!(span=> <#ty as #library::Trace>::trace(#place, #tracer);)
        };
        quote_spanned! {span=>
            let _: *const #ty = &raw const *#place;
            #look
        }
    });
    quote!(#name { #(#members: ref #places),* } => { #(#calls)* })
}

/// Refuses a skipped field that names the brand, with a better message than the compiler's.
fn check_skipped(ty: &Type, brand: Option<&Lifetime>) -> Result<()> {
    if let Some(brand) = brand
        && let Some(span) = named_in(ty.to_token_stream(), &brand.ident.to_string())
    {
        let message = "a skipped field holds no references, and this is the brand of one: remove `#[trace(skip)]`, so that \
                       the collector finds it";
        return Err(Error::new(span, message));
    }
    Ok(())
}

/// Where a lifetime is named, if it is: a `'` and an identifier.
fn named_in(tokens: TokenStream, lifetime: &str) -> Option<Span> {
    let mut after_quote = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                if let Some(span) = named_in(group.stream(), lifetime) {
                    return Some(span);
                }
                after_quote = false;
            }
            TokenTree::Ident(ident) if after_quote && ident == lifetime => return Some(ident.span()),
            TokenTree::Punct(punct) => after_quote = punct.as_char() == '\'',
            TokenTree::Ident(_) | TokenTree::Literal(_) => after_quote = false,
        }
    }
    None
}

/// Refuses types that cannot be right, with a better message than the compiler's: borrows, types without a size. And
/// macros.
fn check_type(ty: &Type) -> Result<()> {
    if let Some(span) = macro_in(ty.to_token_stream()) {
        let message = "a macro in the type of a field could stand for another type each time: write the type out, or give it \
                       a name with `type`";
        return Err(Error::new(span, message));
    }
    let message = if let Type::Reference(borrow) = ty
        && borrow.lifetime.as_ref().is_none_or(|lifetime| lifetime.ident != "static")
    {
        "a borrow cannot be kept in the heap, whose objects live as long as they are reachable: keep the value itself, or put \
         it into the heap and keep a `Gc`"
    } else if matches!(ty, Type::Slice(_)) {
        "a slice has no size: keep a `Gc<GcSlice<T>>`, or an array"
    } else if matches!(ty, Type::TraitObject(_)) {
        "a trait object has no size: keep a `Box` of it, or use an enum"
    } else if matches!(ty, Type::Path(path) if path.path.is_ident("str")) {
        "a `str` has no size: keep a `Gc<GcStr>`, or a `String`"
    } else {
        return Ok(());
    };
    Err(Error::new_spanned(ty, message))
}

/// Where a macro is called, if one is: an identifier, `!`, and a group.
fn macro_in(tokens: TokenStream) -> Option<Span> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let called = tokens.windows(3).find(|three| {
        matches!(three, [TokenTree::Ident(_), TokenTree::Punct(bang), TokenTree::Group(_)] if bang.as_char() == '!')
    });
    called.map(|three| three[0].span()).or_else(|| {
        tokens.into_iter().find_map(|token| match token {
            TokenTree::Group(group) => macro_in(group.stream()),
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => None,
        })
    })
}
