//! Promise: what is in a frame is there until the frame ends or is reset, and gone then; its drops have run, also after panics;
//! references that are kept there are as safe as in variables; and the pages are counted, limited and given back.

use crate::support::panic_text;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use tricolor::{AllocError, Frame, Gc, GcCell, GcVec, Heap, Local, Root, Trace};

/// A node of a list in frames, which may lead on to one in the same frame or an outer one.
#[derive(Clone, Copy)]
struct Step<'f, 'gc> {
    object: Gc<'gc, u64>,
    before: Option<Local<'f, Step<'f, 'gc>>>,
}

#[derive(Trace)]
struct Node<'gc> {
    next: GcCell<Option<Gc<'gc, Node<'gc>>>>,
    value: u64,
}

fn sound(heap: &Heap) {
    let found = heap.verify();
    assert!(found.is_empty(), "{}", found[0]);
    assert_eq!(heap.figures().memory.frames.get(), 0, "a stopped heap has the pages that mutators keep back");
}

#[test]
fn values_of_every_shape_are_where_and_what_they_were() {
    #[derive(Clone, Copy, PartialEq, Debug)]
    #[repr(align(64))]
    struct Wide([u8; 65]);
    #[derive(Clone, Copy, PartialEq, Debug)]
    #[repr(align(16384))]
    struct Huge(u64);
    let heap = Heap::builder().poison(0xEE).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        mu.frame(|f| {
            for turn in 0..300_u64 {
                let byte = f.alloc(turn.to_le_bytes()[0]);
                let (nothing, wide) = (f.alloc(()), f.alloc(Wide([turn.to_le_bytes()[0]; 65])));
                let (huge, text) = (f.alloc(Huge(turn)), f.alloc_str("überall"));
                let row = f.alloc_slice(usize::from(turn.to_le_bytes()[0] % 50), |index| index as u64 * turn);
                let empty = f.alloc_slice(0, |_| -> u64 { unreachable!() });
                let units = f.alloc_slice(1 << 40 >> 30, |_| ());
                assert_eq!((*byte, *nothing, empty.len(), units.len()), (turn.to_le_bytes()[0], (), 0, 1024));
                assert_eq!(
                    (*wide, *huge, &*text),
                    (Wide([turn.to_le_bytes()[0]; 65]), Huge(turn), "überall")
                );
                assert!(row.iter().enumerate().all(|(index, &value)| value == index as u64 * turn));
                assert!(std::ptr::from_ref(Local::get(wide)).addr().is_multiple_of(64));
                assert!(std::ptr::from_ref(Local::get(huge)).addr().is_multiple_of(16384));
                if turn % 7 == 0 {
                    f.reset();
                    assert_eq!(f.used(), 0);
                }
            }
        });
    });
    sound(&heap);
}

#[test]
fn lists_lead_through_nested_frames_and_to_objects_while_collections_run() {
    let heap = Heap::builder().poison(0xDD).verify_every(1).workers(2).build().unwrap();
    fn descend<'s, 'gc>(
        mu: &tricolor::Mu<'gc>,
        f: &Frame<'_>,
        before: Option<Local<'s, Step<'s, 'gc>>>,
        depth: u64,
    ) {
        f.frame(|g| {
            // Garbage but for what is in the frame.
            let step = g.alloc(Step { object: mu.alloc(depth), before });
            mu.alloc_slice(300, |_| 0_u64);
            if depth > 0 {
                descend(mu, g, Some(step), depth - 1);
            }
            let mut at = Some(step);
            let mut value = depth;
            while let Some(step) = at {
                assert_eq!(*step.object, value);
                (at, value) = (step.before, value + 1);
            }
            assert_eq!(value, 41);
        });
    }
    thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                let mut mutator = heap.attach().unwrap();
                for _ in 0..100 {
                    mutator.enter(|mu| mu.frame(|f| descend(mu, f, None, 40)));
                }
            });
        }
        for _ in 0..20 {
            heap.collect();
        }
    });
    sound(&heap);
}

#[test]
fn what_was_taken_out_of_the_heap_into_a_frame_survives_the_cycle() {
    // The object is moved from where the collector has not looked into a frame and back, with stores of which nobody tells it.
    let heap = Heap::builder().poison(0xDD).verify_every(1).workers(2).build().unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|threads| {
        threads.spawn(|| {
            let mut mutator = heap.attach().unwrap();
            let root: Root<Node<'static>> = mutator.enter(|mu| {
                let last = mu.alloc(Node { next: GcCell::new(None), value: 2 });
                mu.root(mu.alloc(Node { next: GcCell::new(Some(last)), value: 1 }))
            });
            for _ in 0..20_000 {
                mutator.enter(|mu| {
                    mu.frame(|f| {
                        let (first, kept) = (root.get(mu), f.alloc(Cell::new(None)));
                        kept.set(first.next.get());
                        first.next.set(mu, None);
                        mu.alloc([0_u64; 60]);
                        let new = f.alloc(GcVec::new());
                        new.push(mu, kept.take().expect("it is in the frame"));
                        assert_eq!(new.get(0).map(|node| node.value), Some(2));
                        first.next.set(mu, new.pop(mu));
                    });
                });
            }
            stop.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        while !stop.load(std::sync::atomic::Ordering::SeqCst) {
            heap.collect();
        }
    });
    sound(&heap);
}

/// Notes its number when it is dropped, and panics if it is to.
struct Noted<'a> {
    number: u32,
    drops: &'a RefCell<Vec<u32>>,
    panics: bool,
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.drops.borrow_mut().push(self.number);
        assert!(!self.panics, "drop {}", self.number);
    }
}

#[test]
fn drops_run_once_the_latest_first_also_when_some_panic() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    let drops = RefCell::new(Vec::new());
    let noted = |number, panics| Noted { number, drops: &drops, panics };
    mutator.enter(|mu| {
        mu.frame(|f| {
            let first = f.alloc_drop(noted(1, false));
            f.frame(|g| {
                g.alloc_drop(noted(2, false));
                g.alloc_drop(noted(3, false));
                assert_eq!(first.number, 1);
            });
            assert_eq!(*drops.borrow(), [3, 2]);
            f.reset();
            f.alloc_drop(noted(4, false));
        });
    });
    assert_eq!(drops.take(), [3, 2, 1, 4]);

    // A panic of the body.
    let body = catch_unwind(AssertUnwindSafe(|| {
        mutator.enter(|mu| {
            mu.frame(|f| {
                f.alloc_drop(noted(1, false));
                f.frame(|g| {
                    g.alloc_drop(noted(2, false));
                    panic!("body");
                })
            })
        })
    }));
    assert_eq!((panic_text(&*body.unwrap_err()), drops.take()), ("body", vec![2, 1]));

    // A panic of a drop, at the end and in a reset. The frame is of use after that.
    let end = catch_unwind(AssertUnwindSafe(|| {
        mutator.enter(|mu| {
            mu.frame(|f| (0..4).for_each(|number| _ = f.alloc_drop(noted(number, number == 2))));
        });
    }));
    assert_eq!((panic_text(&*end.unwrap_err()), drops.take()), ("drop 2", vec![3, 2, 1, 0]));
    mutator.enter(|mu| {
        mu.frame(|f| {
            (0..4).for_each(|number| _ = f.alloc_drop(noted(number, number == 2)));
            let reset = catch_unwind(AssertUnwindSafe(|| f.reset()));
            assert_eq!((panic_text(&*reset.unwrap_err()), drops.take()), ("drop 2", vec![3, 2, 1, 0]));
            assert_eq!(*f.alloc(7), 7);
            f.alloc_drop(noted(9, false));
        });
    });
    assert_eq!(drops.take(), [9]);

    // A panic while a row is filled: what was made has no drop, and the frame goes on.
    mutator.enter(|mu| {
        mu.frame(|f| {
            let made = catch_unwind(AssertUnwindSafe(|| f.alloc_slice(9, |index| assert!(index < 5)).len()));
            assert!(made.is_err());
            assert_eq!(*f.alloc(1), 1);
        });
    });
    drop(mutator);
    sound(&heap);
}

#[test]
fn a_drop_may_open_frames_allocate_and_look_at_objects() {
    struct Reaches<'a, 'o, 'gc> {
        mu: &'a tricolor::Mu<'gc>,
        outer: &'a Frame<'o>,
        object: Gc<'gc, u64>,
        seen: &'a Cell<u64>,
    }
    impl Drop for Reaches<'_, '_, '_> {
        fn drop(&mut self) {
            let sum = self.mu.frame(|f| *f.alloc(*self.object) + *self.mu.alloc(1_u64));
            let kept = self.outer.alloc(sum);
            self.outer.frame(|g| g.alloc_slice(3000, |_| *kept).len());
            self.seen.set(self.seen.get() + *kept);
        }
    }
    let heap = Heap::builder().collect_every(1).poison(0xCC).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let seen = Cell::new(0);
    mutator.enter(|mu| {
        mu.frame(|f| {
            let f = &*f;
            let before = f.alloc(77_u64);
            f.frame(|g| {
                for number in 0..5_u64 {
                    g.alloc_drop(Reaches { mu, outer: f, object: mu.alloc(number), seen: &seen });
                    g.alloc([number; 100]);
                }
            });
            assert_eq!(*before, 77);
        });
    });
    assert_eq!(seen.get(), 15);
    drop(mutator);
    sound(&heap);
}

#[test]
fn frames_that_are_swapped_end_where_they_are() {
    let heap = Heap::builder().poison(0xCC).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let drops = RefCell::new(Vec::new());
    let noted = |number| Noted { number, drops: &drops, panics: false };
    mutator.enter(|mu| {
        mu.frame(|f| {
            f.alloc_drop(noted(1));
            mu.frame(|g| {
                g.alloc_drop(noted(2));
                std::mem::swap(f, g);
                let (one, two) = (f.alloc([1_u64; 2000]), g.alloc([2_u64; 2000]));
                assert_eq!((one[1999], two[1999]), (1, 2));
            });
            assert_eq!(drops.take(), [1]);
            let outer = &*f;
            outer.frame(|g| {
                g.alloc_drop(noted(3));
                outer.frame(|h| {
                    h.alloc_drop(noted(4));
                    std::mem::swap(g, h);
                    let (g, h) = (g.alloc([3_u64; 2000]), h.alloc([4_u64; 2000]));
                    assert_eq!((g[0], h[1999], outer.alloc([5_u64; 2000])[0]), (3, 4, 5));
                });
                assert_eq!(drops.take(), [3]);
                assert_eq!(g.alloc([6_u64; 2000])[1999], 6);
            });
            assert_eq!(drops.take(), [4]);
            assert_eq!(outer.alloc([7_u64; 2000])[1999], 7);
        });
    });
    assert_eq!(drops.take(), [2]);
    drop(mutator);
    sound(&heap);
}

#[test]
fn frames_of_two_heaps_lie_inside_each_other() {
    let (one, two) = (Heap::new().unwrap(), Heap::new().unwrap());
    let (mut m, mut n) = (one.attach().unwrap(), two.attach().unwrap());
    m.enter(|mu| {
        n.enter(|nu| {
            mu.frame(|f| {
                nu.frame(|g| {
                    let (a, b) = (f.alloc(mu.alloc(1_u64)), g.alloc((nu.alloc(2_u64), f.alloc(3_u64))));
                    assert_eq!(**a + *b.0 + *b.1, 6);
                    // Each has the memory that it was made with, wherever it ends.
                    std::mem::swap(f, g);
                    assert_eq!(*f.alloc(4) + *g.alloc(5), 9);
                });
            });
        });
    });
    sound(&one);
    sound(&two);
}

#[test]
fn frames_keep_to_the_hard_limit_and_make_room_when_they_end() {
    const LIMIT: usize = 2 << 20;
    let heap = Heap::builder().hard_limit(LIMIT).gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    for _ in 0..3 {
        mutator.enter(|mu| {
            let error = mu.frame(|f| {
                let row = f.alloc([1_u64; 500]);
                let error = loop {
                    if let Err(error) = f.try_alloc([0_u64; 500]) {
                        break error;
                    }
                };
                assert!(f.try_alloc_drop(vec![0_u8; 3]).is_ok() || f.used() > LIMIT * 9 / 10);
                assert!(f.used() > LIMIT * 3 / 4, "{} bytes of {LIMIT}", f.used());
                assert!(heap.figures().memory.frames.get() <= LIMIT);
                assert!(
                    mu.try_alloc_slice(LIMIT / 8, |_| 0_u64).is_err(),
                    "objects and frames have one limit"
                );
                assert!(f.try_alloc_slice(usize::MAX / 4, |_| 0_u64).is_err());
                assert!(row.iter().all(|&word| word == 1));
                error
            });
            let AllocError::Limit { held, limit, .. } = error else { panic!("{error:?}") };
            assert!(held <= limit && limit.get() == LIMIT, "{error}");
            // All but what is kept is back at once.
            assert!(mu.try_alloc_slice(LIMIT / 2, |_| 0_u8).is_ok());
        });
        mutator.collect();
        assert_eq!(heap.verify(), []);
    }
    let panic = catch_unwind(AssertUnwindSafe(|| {
        mutator.enter(|mu| mu.frame(|f| (0..LIMIT).for_each(|_| _ = f.alloc([0_u64; 500]))));
    }));
    assert!(panic_text(&*panic.unwrap_err()).contains("hard limit"));
    sound(&heap);
}

#[test]
fn a_frame_is_given_what_garbage_holds_when_it_is_swept() {
    const LIMIT: usize = 4 << 20;
    let heap = Heap::builder().hard_limit(LIMIT).gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| while mu.try_alloc([0_u64; 64]).is_ok() {});
    // Safepoints: a refusal has called for a collection, which finds that all is garbage, and sweeps nothing yet.
    mutator.safepoint();
    mutator.enter(|mu| mu.frame(|f| (0..700).for_each(|_| _ = f.alloc([0_u64; 500]))));
    sound(&heap);
}

#[test]
fn pages_are_kept_for_the_next_frame_until_a_cycle_ends_or_the_mutator_goes() {
    let heap = Heap::builder().gc_off().build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let frames = || heap.figures().memory.frames.get();
    let open = |mutator: &mut tricolor::Mutator| mutator.enter(|mu| mu.frame(|f| *f.alloc(5)));
    open(&mut mutator);
    let kept = frames();
    assert!(kept > 0 && kept <= 256 << 10, "{kept} bytes are kept");
    for _ in 0..100 {
        open(&mut mutator);
        assert_eq!(frames(), kept);
    }
    let accounting = heap.accounting();
    assert_eq!((accounting.frames.get(), accounting.check()), (kept, Ok(())));
    assert!(accounting.in_use >= accounting.frames);
    // A cycle that is run by another thread, while this one is idle, outside.
    thread::scope(|threads| drop(threads.spawn(|| heap.collect())));
    assert_eq!(frames(), 0);
    open(&mut mutator);
    assert_eq!(frames(), kept);
    drop(mutator);
    assert_eq!(frames(), 0);
    sound(&heap);
}

#[test]
fn nobody_finds_an_object_where_a_frame_is() {
    // A word that may be anything, and is the address of a local, leads to nothing, while the frame is open and after it.
    #[derive(Trace, Clone, Copy)]
    enum Value<'gc> {
        Number(u64),
        Object(Gc<'gc, u64>),
    }
    let heap = Heap::builder().verify_every(1).poison(0xDD).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<[GcCell<Value<'static>>; 64]> =
        mutator.enter(|mu| mu.root(mu.alloc(std::array::from_fn(|_| GcCell::new(Value::Number(0))))));
    for _ in 0..50 {
        mutator.enter(|mu| {
            mu.frame(|f| {
                for (at, cell) in root.get(mu).iter().enumerate() {
                    let local = f.alloc([at as u64; 9]);
                    cell.set(mu, Value::Number(std::ptr::from_ref(Local::get(local)).addr() as u64));
                    mu.alloc([0_u64; 200]);
                }
                root.get(mu)[0].set(mu, Value::Object(mu.alloc(1)));
            });
        });
        mutator.collect();
    }
    assert!(mutator.enter(|mu| matches!(root.get(mu)[0].get(), Value::Object(one) if *one == 1)));
    sound(&heap);
}
