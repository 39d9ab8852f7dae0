//! Promise: whatever fits in the address space can be allocated, aligned as its type asks, and holds what was put in.

use tricolor::{AllocError, Gc, GcCell, Heap, Leaf, Root, Trace};

/// Allocates a value of `N` bytes between two others of its kind, and looks whether they are apart.
fn bytes<const N: usize>(heap: &Heap) {
    heap.attach().unwrap().enter(|mu| {
        let all: Vec<_> = (0..20_u8).map(|fill| mu.alloc([fill; N])).collect();
        for (fill, object) in all.iter().enumerate() {
            assert!(object.iter().all(|&byte| usize::from(byte) == fill), "{N} bytes");
        }
        let mut starts: Vec<_> = all.iter().map(|object| Gc::addr(*object)).collect();
        starts.sort_unstable();
        assert!(starts.windows(2).all(|pair| pair[1] - pair[0] >= N), "{N} bytes overlap: {starts:x?}");
    });
}

#[test]
fn objects_of_every_size_keep_what_they_hold() {
    let heap = Heap::builder().verify_every(1).poison(0xA5).build().unwrap();
    macro_rules! sizes {
        ($($size:literal)*) => { $( bytes::<$size>(&heap); )* };
    }
    sizes! { 1 2 3 7 8 9 15 16 17 24 25 31 32 33 47 48 63 64 65 96 127 128 129 255 256 257 511 512 513 1023 1024 1025 }
    sizes! { 2047 2048 2049 4096 5000 8191 8192 8193 16384 24576 27264 27265 32767 32768 32769 40960 65536 100000 }
    heap.collect();
    assert_eq!(heap.verify(), []);
    assert_eq!(heap.figures().memory.heap_objects, 0);
}

fn aligned<T: Trace + 'static>(heap: &Heap, make: impl Fn(usize) -> T) {
    heap.attach().unwrap().enter(|mu| {
        for number in 0..20 {
            let at = Gc::addr(mu.alloc(make(number)));
            assert_eq!(at % align_of::<T>(), 0, "{} at {at:#x}", core::any::type_name::<T>());
        }
        for len in [0, 1, 2, 3, 17, 100] {
            let slice = mu.alloc_slice(len, &make);
            assert_eq!(
                slice.as_slice().as_ptr().addr() % align_of::<T>(),
                0,
                "{len} {}",
                core::any::type_name::<T>()
            );
        }
    });
}

#[test]
fn objects_are_aligned_as_their_types_ask_up_to_a_page() {
    let heap = Heap::new().unwrap();
    macro_rules! alignments {
        ($($align:literal $name:ident;)*) => { $(
            #[repr(align($align))]
            struct $name(#[expect(dead_code, reason = "fills the object")] u8);
            aligned(&heap, |number| Leaf::new($name(u8::try_from(number).unwrap_or(u8::MAX))));
        )* };
    }
    alignments! {
        1 A1; 2 A2; 4 A4; 8 A8; 16 A16; 32 A32; 64 A64; 128 A128; 256 A256; 512 A512; 1024 A1024; 2048 A2048; 4096 A4096;
        8192 A8192;
    }
    aligned(&heap, |number| number as u128);
    heap.collect();
    assert_eq!(heap.verify(), []);
}

#[test]
fn an_alignment_above_a_page_is_an_error_that_says_so() {
    #[repr(align(16384))]
    #[derive(Debug)]
    struct Wide;
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let error = mu.try_alloc(Leaf::new(Wide)).unwrap_err();
        assert!(matches!(error, AllocError::Alignment { asked } if asked.get() == 16384), "{error:?}");
        assert!(error.to_string().contains("16 KiB") && error.to_string().contains("8 KiB"), "{error}");
        let error = mu.try_alloc_slice(3, |_| Leaf::new(Wide)).unwrap_err();
        assert!(matches!(error, AllocError::Alignment { .. }), "{error:?}");
    });
    assert_eq!(heap.verify(), []);
}

#[test]
fn values_without_size_are_objects_too() {
    struct Nothing;
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<()> = mutator.enter(|mu| {
        for _ in 0..1000 {
            let _object = mu.alloc(Leaf::new(Nothing));
        }
        assert_eq!(mu.alloc_slice(5, |_| ()).len(), 5);
        assert_eq!(mu.alloc_slice(0, |_| 7_u64).as_slice(), &[]);
        assert_eq!(mu.alloc_str("").as_str(), "");
        mu.root(mu.alloc(()))
    });
    mutator.collect();
    assert_eq!(mutator.enter(|mu| *root.get(mu)), ());
    assert_eq!(heap.figures().memory.heap_objects, 1);
    assert_eq!(heap.verify(), []);
}

#[test]
fn references_to_references_and_options_of_all_kinds_survive() {
    type Tuple<'gc> = (u8, Option<u64>, [Option<Gc<'gc, u64>>; 3]);
    type Deep<'gc> = Gc<'gc, GcCell<Option<Gc<'gc, Tuple<'gc>>>>>;
    let heap = Heap::builder().collect_every(1).verify_every(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<Deep<'static>> = mutator.enter(|mu| {
        let number = mu.alloc(42_u64);
        let tuple = mu.alloc((7_u8, Some(9_u64), [None, Some(number), None]));
        let deep: Deep<'_> = mu.alloc(GcCell::new(Some(tuple)));
        mu.root(mu.alloc(deep))
    });
    for _ in 0..3 {
        mutator.collect();
        mutator.enter(|mu| {
            let tuple = root.get(mu).get().expect("it was set");
            assert_eq!((tuple.0, tuple.1), (7, Some(9)));
            assert_eq!(tuple.2[1].map(|number| *number), Some(42));
            assert!(tuple.2[0].is_none() && tuple.2[2].is_none());
        });
    }
    assert_eq!(heap.figures().memory.heap_objects, 4);
}
