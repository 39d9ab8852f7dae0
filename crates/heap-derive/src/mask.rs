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
//! Called by [`crate::emit`]. Does not look at generics.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Field, Fields, Member, Path, Result, Type};

/// The items of `impl Trace`.
pub(crate) fn items(input: &DeriveInput, library: &Path) -> Result<TokenStream> {
    let (mask, fields, arms) = match &input.data {
        Data::Struct(data) => {
            let fields: Vec<&Field> = data.fields.iter().collect();
            (of_struct(&data.fields, library), fields, vec![arm(&quote!(Self), &data.fields, library)])
        }
        Data::Enum(data) => {
            let fields: Vec<&Field> = data.variants.iter().flat_map(|variant| &variant.fields).collect();
            let arms = data.variants.iter().map(|variant| {
                let name = &variant.ident;
                arm(&quote!(Self::#name), &variant.fields, library)
            });
            (of_enum(&fields, library), fields, arms.collect())
        }
        Data::Union(data) => {
            let message =
                "a union cannot be traced, since nothing says which of its fields is there: use an enum";
            return Err(Error::new(data.union_token.span(), message));
        }
    };
    for field in &fields {
        check_type(&field.ty)?;
    }
    let by_hand = fields.iter().map(|field| constant(&field.ty, library, "BY_HAND"));
    let tracer = format_ident!("__tracer", span = Span::mixed_site());
    Ok(quote! {
        const MASK: #library::TypeMask = #mask;
        const BY_HAND: ::core::primitive::bool = false #(|| #by_hand)*;

        fn trace(&self, #tracer: &mut #library::Tracer<'_>) {
            let _ = &#tracer;
            match *self {
                #(#arms)*
            }
        }
    })
}

/// The fields' masks at their offsets.
fn of_struct(fields: &Fields, library: &Path) -> TokenStream {
    let parts = fields.members().zip(fields).map(|(member, field)| {
        let mask = constant(&field.ty, library, "MASK");
        quote!(.with(::core::mem::offset_of!(Self, #member), &#mask))
    });
    quote!(#library::TypeMask::noscan(::core::mem::size_of::<Self>()) #(#parts)*)
}

/// No word, or all of them (D2).
fn of_enum(fields: &[&Field], library: &Path) -> TokenStream {
    let masks = fields.iter().map(|field| constant(&field.ty, library, "MASK"));
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
fn arm(name: &TokenStream, fields: &Fields, library: &Path) -> TokenStream {
    let tracer = format_ident!("__tracer", span = Span::mixed_site());
    let members: Vec<Member> = fields.members().collect();
    let places: Vec<_> =
        (0..members.len()).map(|index| format_ident!("__field_{index}", span = Span::mixed_site())).collect();
    let calls = fields.iter().zip(&places).map(|(field, place)| {
        let ty = &field.ty;
        quote_spanned! {ty.span().resolved_at(Span::mixed_site())=>
            let _: *const #ty = &raw const *#place;
            <#ty as #library::Trace>::trace(#place, #tracer);
        }
    });
    quote!(#name { #(#members: ref #places),* } => { #(#calls)* })
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
