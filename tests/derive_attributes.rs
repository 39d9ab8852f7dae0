//! `#[trace(skip)]` and `#[trace(drop)]`: what is not looked into, and who drops himself. Misuse is refused in `tests/ui/`.

#[path = "support/derived.rs"]
mod derived;

use crate::derived::{checked, number, sorted, words};
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tricolor::{Gc, GcSlice, Mu, Root, Trace};

type Number<'gc> = Gc<'gc, u64>;

/// Not `Trace`, and of no concern to the collector.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Foreign {
    word: usize,
}

#[derive(Trace)]
#[repr(C)]
struct Skipping<'gc, T: 'static + Send> {
    first: Number<'gc>,
    #[trace(skip)]
    foreign: Foreign,
    second: Number<'gc>,
    #[trace(skip)]
    value: Option<T>,
}

#[derive(Trace)]
struct SkippingTuple(#[trace(skip)] Foreign, u64);

#[derive(Trace)]
#[expect(dead_code, reason = "only its shape is looked at")]
enum SkippingAll {
    One(#[trace(skip)] Foreign),
    Two {
        #[trace(skip)]
        foreign: Vec<Foreign>,
        number: u64,
    },
}

#[derive(Trace)]
enum SkippingSome<'gc> {
    Foreign(#[trace(skip)] Foreign),
    Number(Number<'gc>, #[trace(skip)] Foreign),
}

/// Has a `Drop` of its own.
#[derive(Trace)]
#[trace(drop)]
struct Guard {
    drops: Arc<AtomicUsize>,
    #[trace(skip)]
    foreign: Foreign,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.drops.fetch_add(self.foreign.word, Relaxed);
    }
}

/// The same, of any type without references.
#[derive(Trace)]
#[trace(drop)]
struct GuardOf<T: Send + Debug, const N: usize> {
    drops: Arc<AtomicUsize>,
    values: [T; N],
}

impl<T: Send + Debug, const N: usize> Drop for GuardOf<T, N> {
    fn drop(&mut self) {
        self.drops.fetch_add(self.values.len(), Relaxed);
    }
}

#[derive(Trace)]
struct Guarded<'gc> {
    guard: Guard,
    next: Option<Gc<'gc, Guarded<'gc>>>,
}

#[test]
fn a_skipped_field_has_no_bit_in_the_mask() {
    assert_eq!(words::<Skipping<'_, Vec<Foreign>>>(), "p.p...");
    assert_eq!(words::<SkippingTuple>(), "..");
    assert!(SkippingAll::MASK.is_noscan());
    assert_eq!(words::<SkippingSome<'_>>().replace('?', ""), "", "its variants overlap");
    const { assert!(!Skipping::<u64>::BY_HAND && !SkippingSome::BY_HAND) };
}

#[test]
fn a_type_with_a_drop_of_its_own_has_an_empty_mask() {
    assert_eq!(words::<Guard>(), "..");
    assert_eq!(words::<GuardOf<u64, 3>>(), "....");
    assert_eq!(sorted::<Guarded<'_>>(), "..p");
    const { assert!(!Guard::BY_HAND && !GuardOf::<u64, 3>::BY_HAND) };
}

#[test]
fn references_beside_a_skipped_field_survive() {
    type Both<'gc> = (Skipping<'gc, Vec<u8>>, Gc<'gc, GcSlice<SkippingSome<'gc>>>);
    let make = |mu: &Mu<'_>| {
        let word = Gc::addr(number(mu, 5));
        let first = Skipping {
            first: mu.alloc(1),
            // The address of an object, as a number: it keeps nothing.
            foreign: Foreign { word },
            second: mu.alloc(2),
            value: Some(vec![1, 2, 3]),
        };
        let slice = mu.alloc_slice(2, |index| match index {
            0 => SkippingSome::Foreign(Foreign { word: 3 }),
            _ => SkippingSome::Number(mu.alloc(4), Foreign { word: 5 }),
        });
        mu.root(mu.alloc((first, slice)))
    };
    let heap = checked().build().expect("the settings are good");
    let mut mutator = heap.attach().expect("this thread has no mutator yet");
    let root: Root<Both<'static>> = mutator.enter(make);
    for _ in 0..4 {
        mutator.collect();
        assert_eq!(heap.verify(), []);
        mutator.enter(|mu| {
            let found = root.get(mu);
            assert_eq!(
                (*found.0.first, *found.0.second, found.0.value.as_deref()),
                (1, 2, Some(&[1, 2, 3][..]))
            );
            assert!(found.0.foreign.word != 0);
            assert!(matches!(found.1[0], SkippingSome::Foreign(Foreign { word: 3 })));
            assert!(matches!(&found.1[1], SkippingSome::Number(four, Foreign { word: 5 }) if **four == 4));
            mu.alloc_slice(100, |index| index);
        });
    }
}

#[test]
fn a_drop_of_its_own_runs_exactly_once() {
    let drops = Arc::new(AtomicUsize::new(0));
    let heap = checked().build().expect("the settings are good");
    let mut mutator = heap.attach().expect("this thread has no mutator yet");
    let guard = || Guard { drops: Arc::clone(&drops), foreign: Foreign { word: 1 } };
    let root: Root<Guarded<'static>> = mutator.enter(|mu| {
        let mut last = None;
        for _ in 0..50 {
            mu.alloc(guard());
            mu.alloc(GuardOf { drops: Arc::clone(&drops), values: [1_u64; 3] });
            last = Some(mu.alloc(Guarded { guard: guard(), next: last }));
        }
        mu.root(last.expect("fifty"))
    });
    for _ in 0..3 {
        mutator.collect();
        assert_eq!(drops.load(Relaxed), 50 + 150, "those that nothing refers to, once");
        assert_eq!(heap.verify(), []);
    }
    mutator.enter(|mu| {
        let found = core::iter::successors(Some(root.get(mu)), |guarded| guarded.next);
        assert_eq!(found.map(|guarded| guarded.guard.foreign.word).sum::<usize>(), 50);
    });
    drop(root);
    mutator.collect();
    assert_eq!(drops.load(Relaxed), 50 + 150 + 50);
    drop((mutator, heap));
    assert_eq!(drops.load(Relaxed), 50 + 150 + 50);
}
