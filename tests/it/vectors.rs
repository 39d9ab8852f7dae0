//! Promise: a `GcVec` does what a `Vec` does, whatever its elements are, and loses nothing while collections run between its
//! operations and beside them.
//!
//! Operations come from a seed. Each is done to the vector in the heap and to a `Vec` of numbers, and the two are compared: an
//! element that leads to an object must find its number there.

use crate::support::beside_a_collector;
use heap_testkit::random::{Random, scrambled};
use heap_testkit::run::Cell as Settings;
use std::ops::{Bound, RangeBounds};
use tricolor::{AllocError, Collector, Gc, GcCell, GcSlice, GcVec, Heap, Mu, Root, Trace};

/// Makes an element for a number.
type Make<'gc, T> = fn(&Mu<'gc>, u64) -> T;
/// The number of an element; a bad one if it is not what was made.
type Number<T> = fn(T) -> u64;

/// Something that elements lead to.
#[derive(Trace)]
struct Item {
    number: u64,
    check: u64,
}

fn made<'gc>(mu: &Mu<'gc>, number: u64) -> Gc<'gc, Item> {
    mu.alloc(Item { number, check: scrambled(number) })
}

fn number(item: Gc<'_, Item>) -> u64 {
    assert_eq!(item.check, scrambled(item.number), "an item is lost");
    item.number
}

/// A word of which the collector does not know what it is.
#[derive(Clone, Copy, Trace)]
enum Either<'gc> {
    Number(u64),
    Item(Gc<'gc, Item>),
}

/// Elements of an alignment of their own.
#[derive(Clone, Copy, Trace)]
#[repr(align(64))]
struct Wide<'gc> {
    item: Option<Gc<'gc, Item>>,
    bytes: [u8; 3],
}

/// One operation. `make` and `number` go from numbers to elements and back.
fn operate<'gc, T: Trace + Copy + 'gc>(
    random: &mut Random,
    mu: &Mu<'gc>,
    vec: &GcVec<'gc, T>,
    model: &mut Vec<u64>,
    (make, number): (Make<'gc, T>, Number<T>),
) {
    let len = model.len();
    let below = |random: &mut Random, bound: usize| random.index(bound.max(1));
    let fresh = |random: &mut Random| {
        let element = make(mu, u64::from(random.word()));
        (element, number(element))
    };
    match random.below(28) {
        23 => {
            let rest = random.below(3);
            vec.retain(mu, |element| number(element) % 3 != rest);
            model.retain(|element| element % 3 != rest);
        }
        24 => {
            vec.dedup_by_key(mu, |element| number(element) % 4);
            model.dedup_by_key(|element| *element % 4);
        }
        25 => {
            let (a, b) = (below(random, len + 1), below(random, len + 1));
            let (from, end) = (a.min(b), a.max(b));
            assert!(vec.drain(mu, from..end).map(number).eq(model.drain(from..end)));
        }
        26 => {
            let turned = |number: u64| number.rotate_left(7);
            vec.sort_by_key(mu, |element| turned(number(element)));
            model.sort_by_key(|element| turned(*element));
            let at = model.partition_point(|element| turned(*element) < 1 << 20);
            assert_eq!(vec.partition_point(|element| turned(number(element)) < 1 << 20), at);
        }
        0 | 1 => {
            let (element, made) = fresh(random);
            vec.push(mu, element);
            model.push(made);
        }
        2 => assert_eq!(vec.pop(mu).map(number), model.pop()),
        3 if len > 0 => {
            let (at, (element, made)) = (below(random, len), fresh(random));
            vec.set(mu, at, element);
            model[at] = made;
        }
        4 if len > 0 => {
            let (at, (element, made)) = (below(random, len), fresh(random));
            assert_eq!(number(vec.replace(mu, at, element)), core::mem::replace(&mut model[at], made));
        }
        5 => {
            let (at, (element, made)) = (below(random, len + 1), fresh(random));
            vec.insert(mu, at, element);
            model.insert(at, made);
        }
        6 if len > 0 => {
            let at = below(random, len);
            assert_eq!(number(vec.remove(mu, at)), model.remove(at));
        }
        7 if len > 0 => {
            let at = below(random, len);
            assert_eq!(number(vec.swap_remove(mu, at)), model.swap_remove(at));
        }
        8 if len > 0 => {
            let (a, b) = (below(random, len), below(random, len));
            vec.swap(mu, a, b);
            model.swap(a, b);
        }
        9 => {
            let to = below(random, len + 2);
            vec.truncate(mu, to);
            model.truncate(to);
        }
        10 if random.below(8) == 0 => {
            vec.clear(mu);
            model.clear();
        }
        11 | 12 => {
            // Now and then above 32 KiB.
            let more = if random.below(40) == 0 { 4500 } else { below(random, 20) };
            let all: Vec<(T, u64)> = (0..more).map(|_| fresh(random)).collect();
            let elements: Vec<T> = all.iter().map(|each| each.0).collect();
            vec.extend_from_slice(mu, &elements);
            model.extend(all.iter().map(|each| each.1));
        }
        13 => {
            // The iterator reads the vector that it extends.
            let all = (0..below(random, len.min(50))).filter_map(|at| vec.get(at));
            vec.extend(mu, all);
            model.extend_from_within(..vec.len() - len);
        }
        14 => {
            let (to, (element, made)) = (below(random, len + 9), fresh(random));
            vec.resize(mu, to, element);
            model.resize(to, made);
        }
        15 if random.below(8) == 0 => {
            let (element, made) = fresh(random);
            vec.fill(mu, element);
            model.fill(made);
        }
        16 => {
            let at = below(random, len + 1);
            let all: Vec<(T, u64)> =
                (0..below(random, (len - at).min(30) + 1)).map(|_| fresh(random)).collect();
            let elements: Vec<T> = all.iter().map(|each| each.0).collect();
            vec.write(mu, at, &elements);
            model[at..at + all.len()].iter_mut().zip(all).for_each(|(place, each)| *place = each.1);
        }
        17 => {
            let (a, b) = (below(random, len + 1), below(random, len + 1));
            let (from, end) = (a.min(b), a.max(b));
            let to = below(random, len - (end - from) + 1);
            vec.copy_within(mu, from..end, to);
            model.copy_within(from..end, to);
        }
        18 => {
            vec.reverse(mu);
            model.reverse();
        }
        19 => {
            let by = below(random, len + 1);
            vec.rotate_left(mu, by);
            model.rotate_left(by);
        }
        20 => {
            let by = below(random, len + 1);
            vec.rotate_right(mu, by);
            model.rotate_right(by);
        }
        21 => {
            vec.reserve(mu, below(random, 30));
        }
        22 => {
            vec.shrink_to_fit(mu);
        }
        27 => {
            // All goes into a vector in the hands, which is given back, and from there.
            let taken = GcVec::new();
            taken.extend(mu, vec.iter());
            vec.clear(mu);
            vec.extend(mu, taken.iter());
            taken.give_back(mu);
        }
        _ => {
            let (element, made) = fresh(random);
            vec.try_push(mu, element).expect("there is memory");
            model.push(made);
        }
    }
    assert_eq!(vec.len(), model.len());
    assert!(vec.capacity() >= vec.len());
    assert_eq!(
        (vec.first().map(number), vec.last().map(number)),
        (model.first().copied(), model.last().copied())
    );
    assert!(vec.iter().rev().step_by(3).map(number).eq(model.iter().rev().step_by(3).copied()));
    let at = below(random, len + 3);
    assert_eq!(vec.get(at).map(number), model.get(at).copied());
}

/// An empty vector for what `make` makes.
fn empty<'gc, T: Trace + Copy>(_make: Make<'gc, T>) -> GcVec<'gc, T> {
    GcVec::new()
}

fn compare<T: Copy>(vec: &GcVec<'_, T>, model: &[u64], number: Number<T>) {
    assert_eq!((vec.len(), vec.is_empty()), (model.len(), model.is_empty()));
    let found: Vec<u64> = vec.iter().map(number).collect();
    assert_eq!(found, model);
}

/// Vectors of one type of element, under every setting: after every few operations everything is collected and compared.
macro_rules! like_a_vec {
    ($($name:ident: $type:ty, $make:expr, $number:expr;)*) => {
        $(
            #[test]
            fn $name() {
                for (seed, settings) in (0..).zip(Settings::UNLIMITED.into_iter().cycle()).take(10) {
                    let heap = settings.builder(seed).build().unwrap();
                    let mut mutator = heap.attach().unwrap();
                    let root: Root<GcVec<'static, $type>> = mutator.enter(|mu| mu.root(mu.alloc(empty($make))));
                    let (mut random, mut model) = (Random::new(seed), Vec::new());
                    for _ in 0..150 {
                        for _ in 0..random.below(4) {
                            mutator.enter(|mu| operate(&mut random, mu, &root.get(mu), &mut model, ($make, $number)));
                        }
                        mutator.enter(|mu| {
                            for _ in 0..random.below(4) {
                                operate(&mut random, mu, &root.get(mu), &mut model, ($make, $number));
                            }
                        });
                        if random.below(8) == 0 {
                            mutator.collect();
                            mutator.enter(|mu| compare(&root.get(mu), &model, $number));
                        }
                    }
                    let found = heap.verify();
                    assert!(found.is_empty(), "seed {seed}, {settings:?}: {}", found[0]);
                }
            }
        )*

        /// The same on three threads of one heap, while a fourth collects all the time, with every cycle verified.
        #[test]
        fn vectors_change_while_a_collector_marks_beside_them() {
            beside_a_collector(Collector::Concurrent, |mutator, seed| {
                            $(
                                *seed += 1;
                                let (mut random, mut model) = (Random::new(*seed), Vec::new());
                                let root: Root<GcVec<'static, $type>> =
                                    mutator.enter(|mu| mu.root(mu.alloc(empty($make))));
                                for _ in 0..40 {
                                    mutator.enter(|mu| {
                                        for _ in 0..4 {
                                            operate(&mut random, mu, &root.get(mu), &mut model, ($make, $number));
                                        }
                                    });
                                }
                                mutator.enter(|mu| compare(&root.get(mu), &model, $number));
                            )*
            });
        }
    };
}

like_a_vec! {
    a_vec_and_a_vector_of_bytes: u8, |_, number| number.to_le_bytes()[0], u64::from;
    a_vec_and_a_vector_of_numbers: [u64; 3], |_, number| [number; 3], |element| element[2];
    a_vec_and_a_vector_of_nothing: (), |_, _| (), |()| 0;
    a_vec_and_a_vector_of_references: Gc<'static, Item>, made, number;
    a_vec_and_a_vector_of_optional_references: Option<Gc<'static, Item>>,
        |mu, at| (at % 3 > 0).then(|| made(mu, at)),
        |element| element.map_or(7, number);
    a_vec_and_a_vector_of_pairs: (u64, Gc<'static, Item>),
        |mu, at| (at, made(mu, at)),
        |(at, item)| if number(item) == at { at } else { u64::MAX };
    a_vec_and_a_vector_of_words_that_may_be_numbers: Either<'static>,
        |mu, at| if at % 2 == 0 { Either::Number(at) } else { Either::Item(made(mu, at)) },
        |element| match element {
            Either::Number(number) => number,
            Either::Item(item) => number(item),
        };
    a_vec_and_a_vector_of_wide_elements: Wide<'static>,
        |mu, at| Wide { item: (at % 2 == 0).then(|| made(mu, at / 2)), bytes: [at.to_le_bytes()[0]; 3] },
        |wide| 2 * wide.item.map_or(0, number) + u64::from(wide.bytes[2]);
}

#[test]
fn a_vector_may_be_made_outside_the_heap_and_put_there_later() {
    let heap = Heap::builder().collect_every(1).poison(0xDD).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<GcVec<'static, Gc<'static, Item>>> = mutator.enter(|mu| {
        let items = GcVec::with_capacity(mu, 2);
        items.extend(mu, (0..50).map(|at| made(mu, at)));
        let moved = items;
        mu.root(mu.alloc(moved))
    });
    mutator.collect();
    mutator.enter(|mu| assert!(root.get(mu).iter().map(number).eq(0..50)));
}

#[test]
fn an_iterator_sees_what_is_taken_out_before_it() {
    Heap::new().unwrap().attach().unwrap().enter(|mu| {
        let numbers = GcVec::new();
        numbers.extend(mu, 0..10);
        let mut iterator = numbers.iter();
        assert_eq!(iterator.nth(4), Some(4));
        numbers.truncate(mu, 3);
        assert_eq!((iterator.next(), iterator.nth(usize::MAX)), (None, None));
        numbers.clear(mu);
        numbers.shrink_to_fit(mu);
        assert_eq!(iterator.next(), None);
    });
}

#[test]
fn an_iterator_may_use_the_vector_that_it_extends() {
    Heap::new().unwrap().attach().unwrap().enter(|mu| {
        let numbers = GcVec::new();
        numbers.extend(mu, 0..10);
        // Takes the vector's memory away under the hands of `extend`.
        numbers.extend(
            mu,
            (10..20).inspect(|number| {
                if number % 5 == 0 {
                    numbers.clear(mu);
                    numbers.shrink_to_fit(mu);
                }
            }),
        );
        assert!(numbers.iter().eq(15..20));
    });
}

/// A range that takes the vector's memory away when it is asked for its start.
struct Emptying<'a, 'gc> {
    mu: &'a Mu<'gc>,
    vec: &'a GcVec<'gc, Gc<'gc, Item>>,
}

impl RangeBounds<usize> for Emptying<'_, '_> {
    fn start_bound(&self) -> Bound<&usize> {
        self.vec.truncate(self.mu, 2);
        self.vec.shrink_to_fit(self.mu);
        Bound::Unbounded
    }

    fn end_bound(&self) -> Bound<&usize> {
        Bound::Excluded(&5)
    }
}

#[test]
fn a_range_may_use_the_vector_that_it_is_a_range_of() {
    Heap::new().unwrap().attach().unwrap().enter(|mu| {
        for to in [0, 50, 900] {
            let items = GcVec::new();
            items.extend(mu, (0..1000).map(|at| made(mu, at)));
            let copy = || items.copy_within(mu, Emptying { mu, vec: &items }, to);
            let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(copy));
            assert!(panic.is_err(), "five elements of two were copied to {to}");
            assert!(items.iter().map(number).eq(0..2));
        }
    });
}

/// Numbers that take the memory of the vector that they go to away when they are asked how many they are; the last panics.
struct Hinting<'a, 'gc> {
    mu: &'a Mu<'gc>,
    vec: &'a GcVec<'gc, Gc<'gc, Item>>,
    next: u64,
}

impl<'gc> Iterator for Hinting<'_, 'gc> {
    type Item = Gc<'gc, Item>;

    fn next(&mut self) -> Option<Self::Item> {
        assert!(self.next < 20, "the iterator is tired");
        self.next += 1;
        Some(made(self.mu, self.next))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.vec.clear(self.mu);
        self.vec.shrink_to_fit(self.mu);
        (usize::MAX, None)
    }
}

#[test]
fn what_an_iterator_gave_before_it_panicked_is_in_the_vector() {
    let heap = Heap::new().unwrap();
    let mut mutator = heap.attach().unwrap();
    mutator.enter(|mu| {
        let items = GcVec::new();
        let extend = || items.extend(mu, Hinting { mu, vec: &items, next: 0 });
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(extend));
        assert!(panic.is_err(), "the iterator has no end");
        // Its memory was taken away each time the vector was full.
        let first = 21 - items.len() as u64;
        assert!(!items.is_empty() && items.iter().map(number).eq(first..21));
    });
    mutator.collect();
    assert_eq!(heap.verify(), vec![]);
}

#[test]
fn a_refused_insertion_moves_nothing() {
    #[derive(Clone, Copy, Trace)]
    #[repr(align(16384))]
    struct WiderThanAPage(u8);

    let heap = Heap::builder().hard_limit(4 << 20).gc_off().build().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let numbers = GcVec::new();
        while numbers.try_push(mu, numbers.len()).is_ok() {}
        let len = numbers.len();
        let insert = || numbers.insert(mu, 1, 0);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(insert)).is_err(), "there is memory");
        assert_eq!(numbers.len(), len);
        assert!(numbers.iter().eq(0..len));
        let wide = GcVec::new();
        assert!(matches!(wide.try_push(mu, WiderThanAPage(0)), Err(AllocError::Alignment { .. })));
        assert!(wide.is_empty());
    });
}

#[test]
fn a_refusal_leaves_the_vector_as_it_was() {
    let heap = Heap::builder().hard_limit(4 << 20).gc_off().build().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let numbers = GcVec::new();
        numbers.extend(mu, 0..1000_u64);
        let capacity = numbers.capacity();
        for more in [1 << 20, isize::MAX as usize / 8, usize::MAX] {
            let error = numbers.try_reserve(mu, more).unwrap_err();
            assert!(
                matches!(error, AllocError::Limit { .. } | AllocError::TooLarge { .. }),
                "{more}: {error}"
            );
        }
        assert_eq!(numbers.capacity(), capacity);
        assert!(numbers.iter().eq(0..1000));
        let nothing = GcVec::new();
        nothing.resize(mu, usize::MAX, ());
        assert!(matches!(nothing.try_push(mu, ()), Err(AllocError::TooLarge { .. })));
        assert_eq!(nothing.len(), usize::MAX);
    });
}

#[test]
#[should_panic(expected = "there is no element at the index 3 of a vector of 3")]
fn an_index_past_the_end_is_a_panic() {
    Heap::new().unwrap().attach().unwrap().enter(|mu| {
        let numbers = GcVec::new();
        numbers.extend(mu, 0..3);
        numbers.set(mu, 3, 9);
    });
}

#[test]
fn ranges_past_the_end_are_panics_and_change_nothing() {
    type Forbidden = for<'gc> fn(&Mu<'gc>, &GcVec<'gc, u64>);
    let forbidden: [Forbidden; 7] = [
        |mu, vec| vec.write(mu, 2, &[1, 2]),
        |mu, vec| vec.write(mu, usize::MAX, &[1, 2]),
        |mu, vec| vec.copy_within(mu, 1..3, 2),
        |mu, vec| vec.copy_within(mu, 1..=usize::MAX, 0),
        |mu, vec| vec.insert(mu, 4, 1),
        |mu, vec| vec.rotate_left(mu, 4),
        |mu, vec| vec.swap(mu, 0, 3),
    ];
    let heap = Heap::new().unwrap();
    heap.attach().unwrap().enter(|mu| {
        let vec = GcVec::new();
        vec.extend(mu, 0..3);
        for (at, each) in forbidden.into_iter().enumerate() {
            let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| each(mu, &vec)));
            assert!(panic.is_err(), "the forbidden call number {at}");
            assert!(vec.iter().eq(0..3));
        }
    });
}

#[test]
fn many_cells_of_a_slice_are_changed_at_once() {
    let heap = Heap::builder().collect_every(1).poison(0xDD).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let root: Root<GcSlice<GcCell<Gc<'static, Item>>>> =
        mutator.enter(|mu| mu.root(mu.alloc_slice(8, |at| GcCell::new(made(mu, at as u64)))));
    let mut model: Vec<u64> = (0..8).collect();
    let mut random = Random::new(1);
    for _ in 0..300 {
        mutator.enter(|mu| {
            let cells = root.get(mu);
            let (a, b) = (random.index(9), random.index(9));
            let (from, end) = (a.min(b), a.max(b));
            let (to, fresh) = (random.index(9 - (end - from)), u64::from(random.word()));
            match random.below(4) {
                0 => {
                    cells.copy_within(mu, from..end, to);
                    model.copy_within(from..end, to);
                }
                1 if a.max(b) < 8 => {
                    cells.swap(mu, a, b);
                    model.swap(a, b);
                }
                2 => {
                    cells.copy_from_slice(mu, &[made(mu, fresh); 8]);
                    model.fill(fresh);
                }
                _ => {
                    cells.write(mu, from, &vec![made(mu, fresh); end - from]);
                    model[from..end].fill(fresh);
                }
            }
        });
        mutator.enter(|mu| {
            assert!(root.get(mu).iter().map(|cell| number(cell.get())).eq(model.iter().copied()));
        });
    }
}
