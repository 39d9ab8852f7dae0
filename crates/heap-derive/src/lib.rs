//! `#[derive(Trace)]`: the pointer mask of a type, at compile time.
//!
//! The derive writes two implementations: `Trace`, which says which words of a value may hold references, and
//! `Rebrand`, which says what the type is called in another `enter`.
//!
//! ```text
//!   struct Node<'gc> {                        Trace    MASK     no word of the size of Node<'gc>,
//!       next: Option<Gc<'gc, Node<'gc>>>,                         with the mask of `next` at the offset of `next`,
//!       value: u64,                                               with the mask of `value` at the offset of `value`
//!   }                                                  BY_HAND  of `next`, or of `value`
//!                                                      trace    calls that of `next` and that of `value`
//!                                             Rebrand  At<'x>   Node<'x>
//! ```
//!
//! Offsets, sizes and the masks of the fields are constants that the compiler works out after this macro has run; the
//! macro knows only names. What it must not get wrong, since a wrong mask frees an object that is in use:
//!
//!   D1  every field of every variant is looked at, with the type it really has                     (`mask.rs`)
//!   D2  an enum with a reference anywhere has all its words ambiguous: its variants overlap        (`mask.rs`)
//!   D3  nothing but the fields is dropped: the type has no `Drop` of its own, which could follow references to objects
//!       that are gone already                                                                      (`emit.rs`)
//!   D4  `At` is the same type with another brand: one lifetime parameter at most, and type parameters rebranded
//!       with it                                                                                    (`emit.rs`)
//!
//! Modules are listed bottom first; a module names only modules above it.

#![forbid(unsafe_code)]

mod attrs;
mod mask;
mod emit;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `Trace` and `Rebrand` for a struct or an enum.
///
/// Every field must be `Trace`. The type may have one lifetime parameter, the brand, and any number of type and const
/// parameters; type parameters must be `Trace`, and for `Rebrand` they must be `Rebrand`.
///
/// Refused, each with a message that says what to do instead: unions, packed types, unsized types, types with a `Drop`
/// of their own, two lifetime parameters, macros in the types of fields.
///
/// # Attributes
///
/// `#[trace(crate = some::path)]` on the type: where the library is found, if not at `::tricolor`.
#[proc_macro_derive(Trace, attributes(trace))]
pub fn derive_trace(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    emit::implementations(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
