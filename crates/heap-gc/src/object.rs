//! What allocation must know of a type, computed once at compile time.
//!
//! [`TypeInfo`] is a constant of the type: its size class, its mask, its drop, and, for most types, the number of its
//! layout, so that `alloc` compiles to a bump at a constant place of the mutator's cache. Types without a fixed layout
//! are looked up by the address of their `TypeInfo` ([`crate::mutator`]).

use crate::trace::{Trace, Tracer};
use heap_core::layout::{DropFn, Extent, Layout, LayoutId, TraceFn, TypeMask, fixed_id};
use heap_core::size_class::SizeClass;
use heap_core::units::{PAGE_BYTES, WORD_BYTES};

/// The facts of a type. See the module's text.
pub(crate) struct TypeInfo {
    pub(crate) size: usize,
    pub(crate) align: usize,
    pub(crate) class: SizeClass,
    /// The slot's size; 0 for large objects.
    pub(crate) stride: usize,
    /// Small enough, and without references or a drop, for the tiny allocator.
    pub(crate) is_tiny: bool,
    pub(crate) fixed: Option<LayoutId>,
    pub(crate) mask: TypeMask,
    pub(crate) drop: Option<DropFn>,
    pub(crate) trace: Option<TraceFn>,
    pub(crate) name: fn() -> &'static str,
}

/// Gives every traced type its facts.
pub(crate) trait Typed: Trace + Sized {
    /// Of one value.
    const OBJECT: &'static TypeInfo = &TypeInfo {
        size: size_of::<Self>(),
        align: align_of::<Self>(),
        class: class_of(size_of::<Self>(), align_of::<Self>()),
        stride: class_of(size_of::<Self>(), align_of::<Self>()).size().get(),
        is_tiny: is_tiny::<Self>(),
        fixed: if core::mem::needs_drop::<Self>() || Self::BY_HAND {
            None
        } else {
            fixed_id(class_of(size_of::<Self>(), align_of::<Self>()), &Self::MASK)
        },
        mask: Self::MASK,
        drop: if core::mem::needs_drop::<Self>() { Some(DropFn(drop_one::<Self>)) } else { None },
        trace: if Self::BY_HAND { Some(TraceFn(trace_one::<Self>)) } else { None },
        name: core::any::type_name::<Self>,
    };

    /// Of the elements of a slice.
    const ELEMENT: &'static TypeInfo = &TypeInfo {
        size: size_of::<Self>(),
        align: align_of::<Self>(),
        class: SizeClass::LARGE,
        stride: size_of::<Self>(),
        is_tiny: false,
        fixed: None,
        mask: Self::MASK,
        drop: if core::mem::needs_drop::<Self>() { Some(DropFn(drop_slice::<Self>)) } else { None },
        trace: if Self::BY_HAND { Some(TraceFn(trace_slice::<Self>)) } else { None },
        name: core::any::type_name::<[Self]>,
    };
}

impl<T: Trace> Typed for T {}

const fn class_of(size: usize, align: usize) -> SizeClass {
    if align > PAGE_BYTES {
        return SizeClass::LARGE;
    }
    SizeClass::for_bytes_aligned(if size == 0 { 1 } else { size }, align)
}

const fn is_tiny<T: Trace>() -> bool {
    size_of::<T>() < heap_core::cache::TINY_BLOCK
        && align_of::<T>() <= 8
        && T::MASK.is_noscan()
        && !T::BY_HAND
        && !core::mem::needs_drop::<T>()
}

/// Bytes from the start of a slice object to its first element.
pub(crate) const fn slice_header(align: usize) -> usize {
    if align > 8 { align } else { 8 }
}

/// The number of elements for which there is room in the slot that a slice of `count` gets, at least as many, and its class.
#[inline]
pub(crate) fn slice_fit<T>(count: usize) -> (usize, SizeClass) {
    let (size, header) = (size_of::<T>(), slice_header(align_of::<T>()));
    let bytes = count.checked_mul(size).and_then(|bytes| bytes.checked_add(header));
    // What does not fit is refused by the allocation, which says so.
    let Some(words) = bytes.and_then(|bytes| bytes.checked_next_multiple_of(WORD_BYTES)) else {
        return (count, SizeClass::LARGE);
    };
    let class = SizeClass::for_bytes_aligned(words, align_of::<T>());
    let slot =
        if class.is_large() { words.checked_next_multiple_of(PAGE_BYTES) } else { Some(class.size().get()) };
    match slot {
        Some(slot) if size > 0 => ((slot - header) / size, class),
        Some(_) | None => (count, class),
    }
}

/// # Safety
/// As [`DropFn`]; the slot holds a `T`.
unsafe fn drop_one<T>(object: *mut u8) {
    // SAFETY: the duty of `DropFn`, for a slot that holds a `T`.
    unsafe { object.cast::<T>().drop_in_place() };
}

/// # Safety
/// As [`DropFn`]; the slot holds a slice of `T` with its header.
#[expect(clippy::cast_ptr_alignment, reason = "slots are aligned to words, and to their elements")]
unsafe fn drop_slice<T>(object: *mut u8) {
    // SAFETY: the header word holds the number of elements.
    let len = unsafe { object.cast::<usize>().read() };
    let first = object.wrapping_add(slice_header(align_of::<T>())).cast::<T>();
    // SAFETY: the duty of `DropFn`: that many initialised elements follow the header.
    unsafe { core::ptr::slice_from_raw_parts_mut(first, len).drop_in_place() };
}

/// # Safety
/// As [`TraceFn`]; the slot holds a `T`.
unsafe fn trace_one<T: Trace>(object: *const u8, visit: &mut dyn FnMut(usize)) {
    // SAFETY: the duty of `TraceFn`: an initialised `T` that nobody writes to.
    let value = unsafe { &*object.cast::<T>() };
    value.trace(&mut Tracer::new(visit));
}

/// # Safety
/// As [`TraceFn`]; the slot holds a slice of `T` with its header.
#[expect(clippy::cast_ptr_alignment, reason = "slots are aligned to words, and to their elements")]
unsafe fn trace_slice<T: Trace>(object: *const u8, visit: &mut dyn FnMut(usize)) {
    // SAFETY: the header word holds the number of elements.
    let len = unsafe { object.cast::<usize>().read() };
    let first = object.wrapping_add(slice_header(align_of::<T>())).cast::<T>();
    // SAFETY: the duty of `TraceFn`: that many initialised elements that nobody writes to.
    let elements = unsafe { core::slice::from_raw_parts(first, len) };
    for element in elements {
        element.trace(&mut Tracer::new(visit));
    }
}

impl TypeInfo {
    /// The layout of one value.
    pub(crate) fn object_layout(&self, name_it: bool) -> Layout {
        let mut layout = Layout::of(self.class, Extent::Object, &self.mask);
        layout.drop = self.drop;
        layout.trace = self.trace;
        layout.name = name_it.then(|| (self.name)());
        layout
    }

    /// The layout of a slice of such elements in a size class.
    pub(crate) fn slice_layout(&self, class: SizeClass, name_it: bool) -> Layout {
        let mut layout = Layout::of(
            class,
            Extent::Slice { header: u32::try_from(slice_header(self.align) / 8).unwrap_or(u32::MAX) },
            &self.mask,
        );
        if layout.is_noscan() {
            // The element's size is of no interest to anybody then: all noscan slices of a class are alike.
            layout = Layout::of(class, Extent::Object, &TypeMask::noscan(class.size().get()));
        }
        layout.drop = self.drop;
        layout.trace = self.trace;
        layout.name = name_it.then(|| (self.name)());
        layout
    }
}
