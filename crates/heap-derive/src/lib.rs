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
//!       that are gone already. Or it has one and no references                                     (`emit.rs`)
//!   D4  `At` is the same type with another brand: one lifetime parameter at most, and type parameters rebranded
//!       with it                                                                                    (`emit.rs`)
//!   D5  a field that is not looked at holds no reference: its type is `'static`, as no brand is    (`mask.rs`)
//!
//! # Why no attribute can be misused
//!
//! * `#[trace(skip)]` on a field asks of its type what `Leaf` asks: that it is `'static`, for whatever parameters the type is
//!   used with. A `Gc` has the brand of an `enter`, which is never `'static`, so nothing that is skipped holds one, however it
//!   is wrapped. And that it is `Send`, because it is dropped on the thread of some mutator. Both are checked by the
//!   compiler in the body of `trace`, with the field's real type; that a skipped type does not name the brand is looked at by
//!   the macro, only to say it better.
//! * `#[trace(drop)]` on a type lets it have a `Drop` of its own. Such a `Drop` must find no `Gc`, since what it leads to may
//!   have been dropped and reused. So the mask must be empty and no field traced by hand, which is asserted in the constant
//!   `MASK`: without it the type cannot be allocated, nor be a field of one that is. The type must be `Send`, since the
//!   `Drop` runs on the thread of some mutator. A type that says `drop` and has none is refused, too.
//! * `#[trace(by_hand)]` on a type derives `Rebrand` and no `Trace`. `Rebrand` is about names only (D4), and without a `Trace`
//!   it is no implementation at all. The `Trace` is an `unsafe impl` in the program, with the duties of that trait.
//! * `#[trace(crate = path)]`: see `attrs.rs`.
//!
//! What is taken for granted: that `::core` is the core library. The derive reads sizes and offsets through it and asks for
//! its `Send` and `Drop`. A program that gives this name to another crate, with `extern crate other as core`, deceives
//! every check here, and the compiler does not refuse it.
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
/// of their own that do not say so, two lifetime parameters, macros in the types of fields.
///
/// # Attributes
///
/// `#[trace(skip)]` on a field: it holds no references, so it is not looked into, and its type need not be `Trace`. It must be
/// `'static` and `Send`, as in a `Leaf`.
///
/// `#[trace(drop)]` on a type: it has a `Drop` of its own, which runs at a safepoint after the object died, on that mutator's
/// thread. The type must be `Send` and hold no references, because they may lead to objects that are gone.
///
/// `#[trace(by_hand)]` on a type: only `Rebrand` is derived, and the `unsafe impl Trace` is the program's, with its numbered
/// duties.
///
/// `#[trace(crate = some::path)]` on a type: where the library is found, if not at `::tricolor`.
#[proc_macro_derive(Trace, attributes(trace))]
pub fn derive_trace(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    emit::implementations(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
