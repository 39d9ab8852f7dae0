//! Beside `tests/it/vectors.rs`, which compares with a `Vec`: what is not seen from outside.

use super::*;
use crate::barrier::Mode;
use crate::config::LayoutPolicy;
use crate::heap::Heap;
use crate::mutator::Mu;
use crate::sampler::{Sample, Sampler};
use heap_core::os::sim::SimOs;
use heap_core::size_class::MAX_SMALL;

fn heap() -> Heap {
    Heap::builder().reservation(32 << 20).os(SimOs::new()).poison(0xA5).gc_off().build().unwrap()
}

/// V1 and V3.
fn check<T: Trace + Copy>(vec: &GcVec<'_, T>) {
    assert!(vec.len() <= vec.capacity(), "V1");
    if size_of::<T>() == 0 {
        return;
    }
    for index in vec.len()..vec.capacity() {
        let words = vec.place(index).cast::<usize>();
        for word in
            (0..size_of::<T>() / 8).filter(|&word| T::MASK.is_exact(word) || T::MASK.is_ambiguous(word))
        {
            // SAFETY: a word of a place of the buffer, which only this thread writes to; it was written (V3).
            assert_eq!(unsafe { words.wrapping_add(word).read() }, 0, "V3: place {index}");
        }
    }
}

/// Every operation once or more, with the barrier in one of its modes, whatever the collector does.
fn every_operation<'gc, T: Trace + Copy + PartialEq + fmt::Debug + 'gc>(
    mu: &Mu<'gc>,
    mode: Mode,
    make: impl Fn(usize) -> T,
) {
    mu.barrier().0.set(mode);
    let (vec, mut model) = (GcVec::new(), Vec::new());
    check(&vec);
    for number in 0..20 {
        vec.push(mu, make(number));
        model.push(make(number));
        check(&vec);
    }
    let mut both = |heap: &dyn Fn(&GcVec<'gc, T>), plain: &dyn Fn(&mut Vec<T>)| {
        heap(&vec);
        plain(&mut model);
        check(&vec);
        assert!(vec.iter().eq(model.iter().copied()), "{vec:?} is not {model:?}, in {mode:?}");
    };
    both(&|vec| assert_eq!(vec.pop(mu), Some(make(19))), &|model| {
        model.pop();
    });
    both(&|vec| assert_eq!(vec.remove(mu, 3), make(3)), &|model| {
        model.remove(3);
    });
    both(&|vec| assert_eq!(vec.swap_remove(mu, 0), make(0)), &|model| {
        model.swap_remove(0);
    });
    both(&|vec| vec.insert(mu, 2, make(30)), &|model| model.insert(2, make(30)));
    both(&|vec| vec.insert(mu, 18, make(31)), &|model| model.insert(18, make(31)));
    both(&|vec| vec.set(mu, 5, make(32)), &|model| model[5] = make(32));
    both(&|vec| vec.swap(mu, 1, 1), &|_| {});
    both(&|vec| vec.swap(mu, 1, 7), &|model| model.swap(1, 7));
    both(&|vec| vec.copy_within(mu, 0..9, 4), &|model| model.copy_within(0..9, 4));
    both(&|vec| vec.copy_within(mu, 5.., 2), &|model| model.copy_within(5.., 2));
    both(&|vec| vec.reverse(mu), &|model| model.reverse());
    both(&|vec| vec.rotate_left(mu, 4), &|model| model.rotate_left(4));
    both(&|vec| vec.rotate_right(mu, 19), &|model| model.rotate_right(19));
    let more: Vec<T> = (40..60).map(&make).collect();
    both(&|vec| vec.extend_from_slice(mu, &more), &|model| model.extend_from_slice(&more));
    both(&|vec| vec.write(mu, 3, &more), &|model| model[3..23].copy_from_slice(&more));
    both(&|vec| vec.resize(mu, 50, make(70)), &|model| model.resize(50, make(70)));
    both(&|vec| vec.resize(mu, 11, make(70)), &|model| model.resize(11, make(70)));
    both(&|vec| vec.extend_from_slice(mu, &more), &|model| model.extend_from_slice(&more));
    both(&|vec| vec.retain(mu, |element| element != make(45)), &|model| {
        model.retain(|element| *element != make(45));
    });
    both(&|vec| vec.dedup(mu), &|model| model.dedup());
    let by_size = |element: T| format!("{element:?}").len();
    both(&|vec| vec.sort_by_key(mu, by_size), &|model| model.sort_by_key(|element| by_size(*element)));
    both(&|vec| drop(vec.drain(mu, 1..5)), &|model| drop(model.drain(1..5)));
    both(&|vec| vec.resize(mu, 11, make(70)), &|model| model.resize(11, make(70)));
    both(&|vec| vec.shrink_to_fit(mu), &|_| {});
    both(&|vec| vec.fill(mu, make(71)), &|model| model.fill(make(71)));
    both(&|vec| vec.truncate(mu, 4), &|model| model.truncate(4));
    both(&|vec| vec.reserve(mu, 100), &|_| {});
    both(&|vec| vec.clear(mu), &|model| model.clear());
    both(&|vec| vec.shrink_to_fit(mu), &|_| {});
    assert!(vec.buffer().is_none());
    let (barrier, to) = mu.barrier();
    barrier.end(to.queue);
}

/// References, as a marker sees them: words of which some are numbers.
type Ambiguous<'gc> = Option<(usize, Gc<'gc, u64>)>;

#[test]
fn what_is_above_the_length_holds_nothing_in_every_mode() {
    let heap = heap();
    for mode in [Mode::Off, Mode::Both, Mode::Deleted] {
        heap.attach().unwrap().enter(|mu| {
            // Old contents where buffers will be.
            let all: Vec<Gc<'_, u64>> = (0..100).map(|number| mu.alloc(number)).collect();
            every_operation(mu, mode, |number| all[number]);
            every_operation(mu, mode, |number| (number % 3 > 0).then(|| all[number]));
            every_operation(mu, mode, |number| (number, all[number], number));
            // A word that `None` does not use was never initialised. The barrier reads it, too, which Miri reports.
            if !cfg!(miri) {
                every_operation::<Ambiguous<'_>>(mu, mode, |number| {
                    (number % 2 > 0).then(|| (number, all[number]))
                });
            }
            every_operation(mu, mode, |number| [all[number]; 70]);
            every_operation(mu, mode, |number| number.to_le_bytes()[0]);
            every_operation(mu, mode, |number| [number.to_le_bytes()[0]; 5]);
        });
        heap.collect();
    }
    assert_eq!(heap.verify(), vec![]);
}

#[test]
fn elements_of_no_size_need_no_buffer() {
    heap().attach().unwrap().enter(|mu| {
        let vec = GcVec::new();
        vec.resize(mu, 1 << 40, ());
        vec.reverse(mu);
        vec.insert(mu, 9, ());
        vec.shrink_to_fit(mu);
        assert_eq!((vec.len(), vec.pop(mu), vec.remove(mu, 0)), ((1 << 40) + 1, Some(()), ()));
        vec.clear(mu);
        assert!(vec.buffer().is_none() && vec.pop(mu).is_none());
    });
}

#[test]
fn a_buffer_has_as_many_places_as_its_slot_has_room_for() {
    fn rounds<T>() {
        let (size, header) = (size_of::<T>(), slice_header(align_of::<T>()));
        for least in (1..200).chain([MAX_SMALL / size, MAX_SMALL / size + 1, 1 << 20]) {
            let places = room::rounded::<T>(least).0;
            let class = |places: usize| {
                let bytes = (header + places * size).next_multiple_of(8);
                (heap_core::size_class::SizeClass::for_bytes_aligned(bytes, align_of::<T>()), bytes)
            };
            assert!(places >= least);
            assert_eq!(class(places).0, class(least).0, "{least} elements of {size} bytes");
            let slot = heap_core::layout::slot_bytes(class(least).0, class(least).1).get();
            assert!(header + places * size <= slot && slot < header + (places + 1) * size);
            assert_eq!(room::rounded::<T>(places).0, places);
        }
    }
    #[repr(align(64))]
    struct Wide(#[expect(dead_code, reason = "only its size counts")] u8);
    rounds::<u8>();
    rounds::<u64>();
    rounds::<[u64; 3]>();
    rounds::<[u8; 13]>();
    rounds::<Wide>();
    assert_eq!(room::rounded::<u64>(usize::MAX / 8).0, usize::MAX / 8, "refused by the allocation");
}

#[test]
fn elements_pushed_one_by_one_are_copied_less_than_twice_on_average() {
    let (mut places, mut copied) = (0, 0_usize);
    for len in 0..1_000_000 {
        if len == places {
            copied += len;
            places = room::rounded::<u64>(room::grown::<u64>(places, len + 1)).0;
        }
    }
    assert!(copied < 2_000_000, "{copied} copies");
}

#[test]
fn a_buffer_of_one_type_is_anothers_if_their_layouts_are_the_same() {
    for (policy, is_shared) in [(LayoutPolicy::SharedByShape, true), (LayoutPolicy::PerType, false)] {
        let heap = Heap::builder().reservation(32 << 20).os(SimOs::new()).gc_off().layouts(policy).build();
        heap.unwrap().attach().unwrap().enter(|mu| {
            let (first, _) = after_giving_back(mu, 7, 7_u64);
            let bytes = GcVec::with_capacity(mu, 50);
            bytes.resize(mu, 56, 7_u8);
            assert_eq!(bytes.place(0).addr() == first, is_shared, "{policy:?}");
            assert_eq!((bytes.len(), bytes.capacity()), (56, 56), "the header is the new owner's");
        });
    }
}

/// Where the buffer of a vector of so many places comes to lie, after one of as many was given back.
fn after_giving_back<'gc, T: Trace + Copy + 'gc>(mu: &Mu<'gc>, places: usize, fill: T) -> (usize, usize) {
    let vec = GcVec::with_capacity(mu, places);
    vec.resize(mu, places, fill);
    let first = vec.place(0).addr();
    vec.give_back(mu);
    let next = GcVec::<T>::with_capacity(mu, places);
    check(&next);
    let second = next.place(0).addr();
    next.give_back(mu);
    (first, second)
}

#[test]
fn what_is_given_back_is_the_next_buffer_while_no_cycle_marks() {
    let heap = heap();
    heap.attach().unwrap().enter(|mu| {
        let number = mu.alloc(7_u64);
        for places in [3, 7, 1023, 4095] {
            for mode in [Mode::Off, Mode::Both, Mode::Deleted] {
                mu.barrier().0.set(mode);
                let both = [after_giving_back(mu, places, number), after_giving_back(mu, places, 7_u64)];
                for (first, next) in both {
                    assert_eq!(first == next, mode == Mode::Off, "{places} places in {mode:?}");
                }
                {
                    let (barrier, to) = mu.barrier();
                    barrier.end(to.queue);
                }
            }
        }
    });
    assert_eq!(heap.verify(), vec![]);
}

#[test]
fn what_is_large_or_sampled_is_not_kept() {
    #[derive(Clone, Copy)]
    #[repr(align(64))]
    struct Wide(#[expect(dead_code, reason = "only its size counts")] u64);
    // SAFETY: numbers.
    unsafe impl Trace for Wide {
        const MASK: TypeMask = TypeMask::noscan(size_of::<Self>());
    }
    let heap = heap();
    heap.attach().unwrap().enter(|mu| {
        let (first, next) = after_giving_back(mu, 4096, 7_u64);
        assert_ne!(first, next, "a large buffer is the collector's");
        let (first, next) = after_giving_back(mu, 3, Wide(7));
        assert_eq!((first, next % 64), (next, 0), "a buffer of wide elements is wide");
        GcVec::<'_, u64>::new().give_back(mu);
        let nothing = GcVec::new();
        nothing.resize(mu, 1 << 40, ());
        nothing.give_back(mu);
    });
    struct Unnamed;
    impl Sampler for Unnamed {
        fn sampled(&self, _: &Sample) -> u32 {
            0
        }
    }
    let sampled = Heap::builder().reservation(32 << 20).os(SimOs::new()).gc_off().sampler(Unnamed, 1).build();
    let sampled = sampled.unwrap();
    let mut mutator = sampled.attach().unwrap();
    mutator.enter(|mu| {
        let (first, next) = after_giving_back(mu, 7, 7_u64);
        assert_ne!(first, next, "every buffer is seen by a profile");
    });
    let kept = mutator.enter(|mu| {
        let numbers = GcVec::with_capacity(mu, 7);
        numbers.push(mu, 7_u64);
        // A profile has what was sampled until it is freed, so it may not be used again either.
        sampled.set_sample_mean(0);
        numbers.give_back(mu);
        let bytes = GcVec::with_capacity(mu, 56);
        bytes.push(mu, 7_u8);
        mu.root(mu.alloc(bytes))
    });
    mutator.collect();
    sampled.sampled(|_, sample| panic!("{sample:?} is in the profile, and was given back"));
    drop(kept);
}

#[test]
fn what_is_given_back_is_forgotten_when_a_cycle_begins() {
    let heap = heap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        let vec = GcVec::with_capacity(mu, 7);
        vec.push(mu, 1_u64);
        vec.give_back(mu);
    });
    mutator.collect();
    assert_eq!(heap.figures().memory.heap_objects, 0, "it is garbage like any other");
    mutator.enter(|mu| {
        let vec = GcVec::with_capacity(mu, 7);
        vec.extend(mu, 0..7_u64);
        assert!(vec.iter().eq(0..7));
    });
    assert_eq!(heap.verify(), vec![]);
}
