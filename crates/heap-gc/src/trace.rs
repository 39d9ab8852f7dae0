//! What the collector must know of a type: which of its words are references.
//!
//! [`Trace`] says it with a mask known at compile time. `#[derive(Trace)]` writes it from the fields; nobody needs to
//! write it by hand, except for a type that keeps references in memory of its own.
//!
//! [`Rebrand`] lets a [`Root`](crate::Root) hold a type whose references belong to one `enter`, and give it back in
//! another: it is the same type with another brand.

use crate::gc::Gc;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::marker::PhantomData;
use heap_core::layout::TypeMask;

/// A type whose values can live in the heap.
///
/// Derive it:
///
/// ```
/// # extern crate heap_gc as tricolor;
/// use heap_derive::Trace;
/// use heap_gc::{Gc, GcCell};
///
/// #[derive(Trace)]
/// struct Node<'gc> {
///     next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
///     value: u64,
/// }
/// ```
///
/// # Safety
/// An implementation promises:
/// 1. [`Trace::MASK`] has a bit for every word of the value that may hold a reference, and none past its size, which is the
///    type's. A word is exact only if it is, at any time, null or a reference of the value's own brand; a word that may also
///    be anything else is ambiguous.
/// 2. References the value keeps elsewhere (in memory it owns) are all reported by [`Trace::trace`], and then
///    [`Trace::BY_HAND`] is true. What is reported has the value's own brand and is alive. The function may also be called on
///    an object that nothing refers to any more, as long as it has not been dropped.
/// 3. `trace` may be called from any thread, by several threads at once, and while mutators use the value by shared
///    reference. It only reads (a `RefCell` may not be borrowed, since that writes), and does not panic (the process is
///    aborted if it does). So what it reads does not change once the value is in the heap. (References that change belong in
///    a [`GcCell`](crate::GcCell), which tells the collector.)
/// 4. Dropping the value (if it needs dropping) reads no reference, and may happen on any thread.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot live in the heap, because the collector does not know its references",
    note = "derive `Trace` for your own type; wrap a type without references, `'static` and `Send`, in `Leaf`; use `GcCell` for \
            a reference that changes, `GcSlice` for a sequence of them and `GcVec` for one that grows"
)]
pub unsafe trait Trace {
    /// The words that may hold references.
    const MASK: TypeMask;

    /// Whether there are references beside the mask, reported by [`Trace::trace`].
    const BY_HAND: bool = false;

    /// Reports the references that the value keeps outside its own bytes.
    fn trace(&self, tracer: &mut Tracer<'_>) {
        let _ = tracer;
    }
}

/// A type that can be given another brand.
///
/// `#[derive(Trace)]` implements it, too.
///
/// # Safety
/// `At<'gc>` is `Self` with its brand lifetime replaced by `'gc`, and nothing else changed. So `At<'a>` rebranded with `'b` is
/// `At<'b>`.
pub unsafe trait Rebrand: Trace {
    /// The same type with the brand `'gc`.
    type At<'gc>: Trace;
}

/// A type whose brand is `'gc`, everywhere in it.
///
/// It is implemented for every type that rebranding with `'gc` does not change, and cannot be implemented otherwise. A
/// [`Root`](crate::Root) is made only of such a type: read back, the object has the brand of that `enter` throughout, and it
/// must have been so when it was rooted.
pub trait Branded<'gc>: Rebrand {}

impl<'gc, T: Rebrand<At<'gc> = T>> Branded<'gc> for T {}

/// Takes the references that a [`Trace::trace`] reports.
pub struct Tracer<'a> {
    visit: &'a mut dyn FnMut(usize),
}

impl<'a> Tracer<'a> {
    pub(crate) fn new(visit: &'a mut dyn FnMut(usize)) -> Self {
        Self { visit }
    }

    /// Reports a reference.
    pub fn gc<T>(&mut self, gc: Gc<'_, T>) {
        (self.visit)(Gc::addr(gc));
    }
}

impl fmt::Debug for Tracer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tracer")
    }
}

/// Types without references: the empty mask, any brand.
macro_rules! noscan {
    ($($(#[$why:meta])* [$($generics:tt)*] $type:ty;)*) => {
        $(
            // SAFETY: the type has no reference in its bytes or elsewhere: it is `'static` (no value with a `'static`
            // brand exists) and where it needs dropping it is `Send`.
            unsafe impl<$($generics)*> Trace for $type {
                const MASK: TypeMask = TypeMask::noscan(size_of::<$type>());
            }

            // SAFETY: there is no brand to replace.
            unsafe impl<$($generics)*> Rebrand for $type {
                type At<'gc> = $type;
            }
        )*
    };
}

noscan! {
    [] (); [] bool; [] char;
    [] u8; [] u16; [] u32; [] u64; [] u128; [] usize;
    [] i8; [] i16; [] i32; [] i64; [] i128; [] isize;
    [] f32; [] f64;
    [] String;
    [] std::path::PathBuf;
    [] core::time::Duration;
    [] std::time::Instant;
    [] core::sync::atomic::AtomicBool;
    [] core::sync::atomic::AtomicU8;
    [] core::sync::atomic::AtomicU16;
    [] core::sync::atomic::AtomicU32;
    [] core::sync::atomic::AtomicU64;
    [] core::sync::atomic::AtomicUsize;
    [] core::sync::atomic::AtomicI8;
    [] core::sync::atomic::AtomicI16;
    [] core::sync::atomic::AtomicI32;
    [] core::sync::atomic::AtomicI64;
    [] core::sync::atomic::AtomicIsize;
    [T: 'static + Send] Vec<T>;
    [T: 'static + Send] std::collections::VecDeque<T>;
    [T: 'static + Send] Box<T>;
    [T: 'static + Send + Sync] std::sync::Arc<T>;
    [T: 'static + Send] std::sync::Mutex<T>;
    [T: 'static + Send] std::sync::RwLock<T>;
    [T: 'static + Send] std::sync::OnceLock<T>;
    [T: 'static + Copy] Cell<T>;
    [T: 'static + Send] RefCell<T>;
    [T: ?Sized + 'static] &'static T;
    [T: 'static + Send, E: 'static + Send] Result<T, E>;
}

// SAFETY: 1: a `Gc` is one word, the address of (a byte of) a slot, never null. 2: nothing is elsewhere. 4: it is `Copy`.
// The object is traced, too: otherwise a type could hide its parameter behind a `Gc` to something untraced, and be given
// another parameter by rebranding.
unsafe impl<T: Trace> Trace for Gc<'_, T> {
    const MASK: TypeMask = TypeMask::pointer();
}

// SAFETY: both brands are replaced.
unsafe impl<T: Rebrand> Rebrand for Gc<'_, T> {
    type At<'gc> = Gc<'gc, T::At<'gc>>;
}

// SAFETY: nothing is stored.
unsafe impl<T: ?Sized> Trace for PhantomData<T> {
    const MASK: TypeMask = TypeMask::noscan(0);
}

// SAFETY: the parameter's own rebranding is carried through.
unsafe impl<T: Rebrand> Rebrand for PhantomData<T> {
    type At<'gc> = PhantomData<T::At<'gc>>;
}

// SAFETY: 1: the option's words are those of the value, ambiguous unless `None` is null (`TypeMask::optional`). 2-4: by
// the value's own promises.
unsafe impl<T: Trace> Trace for Option<T> {
    const MASK: TypeMask = T::MASK.optional(size_of::<Option<T>>());
    const BY_HAND: bool = T::BY_HAND;

    fn trace(&self, tracer: &mut Tracer<'_>) {
        if let Some(value) = self {
            value.trace(tracer);
        }
    }
}

// SAFETY: by the value's.
unsafe impl<T: Rebrand> Rebrand for Option<T> {
    type At<'gc> = Option<T::At<'gc>>;
}

// SAFETY: 1: an array is its elements side by side. 2-4: by the elements' promises.
unsafe impl<T: Trace, const N: usize> Trace for [T; N] {
    const MASK: TypeMask = T::MASK.repeated(N);
    const BY_HAND: bool = T::BY_HAND;

    fn trace(&self, tracer: &mut Tracer<'_>) {
        for element in self {
            element.trace(tracer);
        }
    }
}

// SAFETY: by the elements'.
unsafe impl<T: Rebrand, const N: usize> Rebrand for [T; N] {
    type At<'gc> = [T::At<'gc>; N];
}

macro_rules! tuples {
    ($(($($field:ident $index:tt),+))*) => {
        $(
            // SAFETY: 1: each field's mask lies at the field's offset. 2-4: by the fields' promises.
            unsafe impl<$($field: Trace),+> Trace for ($($field,)+) {
                const MASK: TypeMask = TypeMask::noscan(size_of::<Self>())
                    $(.with(core::mem::offset_of!(Self, $index), &$field::MASK))+;
                const BY_HAND: bool = false $(|| $field::BY_HAND)+;

                fn trace(&self, tracer: &mut Tracer<'_>) {
                    $(self.$index.trace(tracer);)+
                }
            }

            // SAFETY: by the fields'.
            unsafe impl<$($field: Rebrand),+> Rebrand for ($($field,)+) {
                type At<'gc> = ($($field::At<'gc>,)+);
            }
        )*
    };
}

tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}
