//! Promise: a limit is an error with figures, and the heap goes on: after the error it is sound, and when there is room
//! again it allocates again.

use crate::support::panic_text;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tricolor::core::units::Bytes;
use tricolor::{AllocError, BuildError, Heap, Root};

const LIMIT: usize = 1 << 20;

#[test]
fn the_hard_limit_refuses_with_figures_and_lets_go_when_there_is_room() {
    let heap = Heap::builder().hard_limit(LIMIT).gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    for round in 0..5 {
        let (roots, error) = mutator.enter(|mu| {
            let mut roots: Vec<Root<[u64; 100]>> = Vec::new();
            loop {
                match mu.try_alloc([round; 100]) {
                    Ok(object) => roots.push(mu.root(object)),
                    Err(error) => break (roots, error),
                }
            }
        });
        let AllocError::Limit { asked, held, limit } = error else { panic!("{error:?}") };
        assert_eq!(limit, Bytes::new(LIMIT));
        assert!(held <= limit && held + asked > limit, "{error}");
        let text = error.to_string();
        assert!(text.contains("1 MiB") && text.contains("hard_limit") && text.contains("collect"), "{text}");
        assert!(roots.len() > LIMIT / 900 * 9 / 10, "{} objects fit below the limit", roots.len());
        let memory = heap.figures().memory;
        assert!(memory.heap_inuse.get() <= LIMIT, "{memory:?}");
        assert_eq!(heap.verify(), []);
        // Other sizes are refused as well, and small ones still find free slots.
        mutator.enter(|mu| assert!(mu.try_alloc_slice(LIMIT, |_| 0_u8).is_err()));
        mutator.enter(|mu| assert!(roots.iter().all(|root| root.get(mu).iter().all(|&word| word == round))));
        drop(roots);
        mutator.collect();
        assert_eq!(heap.figures().memory.heap_objects, 0);
    }
}

#[test]
fn a_heap_below_its_limit_is_collected_before_it_is_refused_anything() {
    let heap = Heap::builder().hard_limit(4 << 20).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    for _ in 0..2000 {
        mutator.enter(|mu| {
            for number in 0..20_u64 {
                mu.try_alloc([number; 64]).expect("all of it is garbage");
            }
        });
    }
    assert!(heap.figures().cycles >= 5);
    assert!(heap.figures().memory.total_alloc.get() > 16 << 20);
}

#[test]
fn alloc_panics_with_the_error_that_try_alloc_returns() {
    let heap = Heap::builder().hard_limit(64 << 10).gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        mutator.enter(|mu| {
            loop {
                let _object = mu.alloc([1_u64; 200]);
            }
        })
    }));
    assert!(panic_text(&*panic.unwrap_err()).contains("hard limit of 64 KiB"));
    mutator.collect();
    assert_eq!(mutator.enter(|mu| *mu.alloc(3_u32)), 3);
    assert_eq!(heap.verify(), []);
}

#[test]
fn a_slice_that_fits_in_no_address_space_is_too_large() {
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        for len in [usize::MAX, usize::MAX / 8, isize::MAX as usize / 8, isize::MAX as usize / 8 + 1] {
            let error = mu.try_alloc_slice(len, |_| -> u64 { panic!("no element is made") }).unwrap_err();
            assert!(
                matches!(error, AllocError::TooLarge { count, size } if count == len && size == Bytes::new(8)),
                "{len}: {error:?}"
            );
        }
        let error = mu.try_alloc_slice(usize::MAX - 7, |_| -> u8 { panic!("no element is made") }).unwrap_err();
        assert!(matches!(error, AllocError::TooLarge { .. }), "{error:?}");
        // It fits in the address space, and not in the reservation.
        let error = mu.try_alloc_slice(1 << 50, |_| -> u8 { panic!("no element is made") }).unwrap_err();
        assert!(matches!(error, AllocError::Reservation { .. }), "{error:?}");
    });
    assert_eq!(heap.verify(), []);
}

#[test]
fn a_reservation_that_is_used_up_refuses_and_is_usable_after() {
    let heap = Heap::builder().reservation(8 << 20).gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    for _ in 0..3 {
        let (roots, error) = mutator.enter(|mu| {
            let mut roots: Vec<Root<[u8; 8192]>> = Vec::new();
            loop {
                match mu.try_alloc([7_u8; 8192]) {
                    Ok(object) => roots.push(mu.root(object)),
                    Err(error) => break (roots, error),
                }
            }
        });
        let AllocError::Reservation { asked, reserved } = error else { panic!("{error:?}") };
        assert_eq!((asked, reserved), (Bytes::kib(8), Bytes::mib(8)));
        assert_eq!(roots.len(), 1024, "to the last page");
        assert_eq!(heap.verify(), []);
        drop(roots);
        mutator.collect();
    }
}

#[test]
fn a_wish_that_cannot_be_met_is_an_error_that_names_it() {
    let refused = |builder: tricolor::HeapBuilder| builder.build().map(drop).unwrap_err();
    let error = refused(Heap::builder().reservation(4096));
    assert!(matches!(error, BuildError::Reservation { asked } if asked.get() == 4096), "{error}");
    let error = refused(Heap::builder().reservation(1 << 60));
    assert!(matches!(error, BuildError::Reservation { .. }), "{error}");
    let error = refused(Heap::builder().hard_limit(100));
    assert!(matches!(error, BuildError::HardLimit { asked } if asked.get() == 100), "{error}");
    for workers in [0, 100_000] {
        let error = refused(Heap::builder().workers(workers));
        assert!(matches!(error, BuildError::Workers { asked } if asked == workers), "{error}");
    }
}
