use super::alloc;
use crate::cache::{Birth, Cache};
use crate::error::AllocError;
use crate::layout::{Extent, Layout, TypeMask};
use crate::memory::Memory;
use crate::memory::tests::{cycle, memory, memory_with, objects, settled};
use crate::os::sim::SimOs;
use crate::size_class::SizeClass;
use crate::span::Home;
use crate::units::{Bytes, PAGE_BYTES};
use core::ptr::NonNull;

fn large(memory: &Memory, bytes: usize, zeroed: bool) -> Result<NonNull<u8>, AllocError> {
    let layout = Layout::of(SizeClass::LARGE, Extent::Object, &TypeMask::noscan(8));
    let birth = Birth { colour: 0, generation: memory.generation() };
    alloc(memory, memory.entry(memory.register(&layout).unwrap()), Bytes::new(bytes), zeroed, birth)
}

#[test]
fn a_large_object_has_whole_pages_of_its_own() {
    let (memory, cache) = (memory(), Cache::new());
    for bytes in [32_769, 40_960, 40_961, 1 << 20] {
        let object = large(&memory, bytes, false).unwrap();
        assert_eq!(object.addr().get() % PAGE_BYTES, 0);
        let last = object.addr().get() + bytes - 1;
        let found = memory.map().resolve(last).expect("its last byte is inside");
        assert_eq!((found.slot, found.start), (0, object.addr().get()));
        let span = memory.map().span(found.span);
        assert_eq!(
            (span.pages(), span.used(), span.home()),
            (Bytes::new(bytes).pages_ceil(), Bytes::new(bytes), Home::Large)
        );
    }
    assert_eq!(objects(&memory), 4);
    settled(&memory, &cache);
    cycle(&memory, &cache, &[]);
    settled(&memory, &cache);
    assert_eq!(
        (objects(&memory), memory.figures().heap_inuse, memory.figures().heap_alloc),
        (0, Bytes::ZERO, Bytes::ZERO)
    );
}

#[test]
fn memory_used_before_is_zeroed_when_that_is_asked_for() {
    let (memory, cache) = (memory(), Cache::new());
    for round in 0..3 {
        let object = large(&memory, 100_000, true).unwrap();
        // SAFETY: the object's own bytes, initialised since zeroes were asked for.
        let bytes = unsafe { core::slice::from_raw_parts_mut(object.as_ptr(), 100_000) };
        assert!(bytes.iter().all(|&byte| byte == 0), "round {round}");
        bytes.fill(0xEE);
        cycle(&memory, &cache, &[]);
    }
    settled(&memory, &cache);
}

#[test]
fn dead_large_objects_are_swept_before_the_heap_grows() {
    let (memory, cache) = (memory(), Cache::new());
    for _ in 0..if cfg!(miri) { 4 } else { 100 } {
        large(&memory, 3 << 20, false).expect("one dead, one alive, and 16 MiB");
        cycle(&memory, &cache, &[]);
    }
    assert!(memory.figures().heap_sys <= Bytes::mib(8));
}

#[test]
fn a_refusal_changes_nothing() {
    let memory = memory_with(&SimOs::new(), None, Bytes::mib(1));
    let before = memory.figures();
    assert!(
        matches!(large(&memory, 2 << 20, false), Err(AllocError::Limit { asked, .. }) if asked == Bytes::mib(2))
    );
    assert_eq!(memory.figures(), before);
    assert!(large(&memory, 1 << 20, false).is_ok());
    settled(&memory, &Cache::new());
}
