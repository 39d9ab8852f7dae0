//! Promise: the memory of a vector that is given back has one owner, whatever way the vector took before: it was swapped, taken out
//! of an option or a loan, kept in a pool, left by a panic, or made next to others that share its layout.
//!
//! Each vector is its own model: it has consecutive numbers from its first on, so whoever else writes to its buffer is noticed.

use crate::support::sharing_beside_a_collector;
use heap_testkit::random::{Random, scrambled};
use heap_testkit::run::Cell as Settings;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tricolor::{Collector, Gc, GcVec, Heap, Lent, Mu, Mutator, Pool, Rebrand, Root, Trace};

#[derive(Trace)]
struct Item {
    number: u64,
    check: u64,
}

/// A word of which the collector does not know what it is.
#[derive(Clone, Copy, Trace)]
enum Either<'gc> {
    Number(u64),
    Item(Gc<'gc, Item>),
}

/// As long as [`Either`], and without references.
#[derive(Clone, Copy, Trace)]
struct Two([u64; 2]);

/// Elements of an alignment of their own.
#[derive(Clone, Copy, Trace)]
#[repr(align(64))]
struct Wide<'gc> {
    item: Gc<'gc, Item>,
    number: u64,
}

/// What is made of a number, and has it.
trait Numbered<'gc>: Trace + Copy + 'gc {
    fn of(mu: &Mu<'gc>, number: u64) -> Self;
    fn number(self) -> u64;
}

impl<'gc> Numbered<'gc> for u64 {
    fn of(_: &Mu<'gc>, number: u64) -> Self {
        number
    }
    fn number(self) -> u64 {
        self
    }
}

impl<'gc> Numbered<'gc> for Two {
    fn of(_: &Mu<'gc>, number: u64) -> Self {
        Self([number, scrambled(number)])
    }
    fn number(self) -> u64 {
        assert_eq!(self.0[1], scrambled(self.0[0]), "a number is lost");
        self.0[0]
    }
}

impl<'gc> Numbered<'gc> for Gc<'gc, Item> {
    fn of(mu: &Mu<'gc>, number: u64) -> Self {
        mu.alloc(Item { number, check: scrambled(number) })
    }
    fn number(self) -> u64 {
        assert_eq!(self.check, scrambled(self.number), "an item is lost");
        self.number
    }
}

impl<'gc> Numbered<'gc> for Either<'gc> {
    fn of(mu: &Mu<'gc>, number: u64) -> Self {
        if number.is_multiple_of(3) { Self::Number(number) } else { Self::Item(Numbered::of(mu, number)) }
    }
    fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Item(item) => item.number(),
        }
    }
}

impl<'gc> Numbered<'gc> for Wide<'gc> {
    fn of(mu: &Mu<'gc>, number: u64) -> Self {
        Self { item: Numbered::of(mu, number), number }
    }
    fn number(self) -> u64 {
        assert_eq!(Numbered::number(self.item), self.number);
        assert_eq!(std::ptr::from_ref(&self).addr() % 64, 0);
        self.number
    }
}

fn check<'gc, T: Numbered<'gc>>(vec: &GcVec<'gc, T>) {
    let first = vec.first().map_or(0, T::number);
    assert!(vec.iter().map(T::number).eq(first..first + vec.len() as u64), "an element is lost");
}

/// Makes it longer, mostly by a few, sometimes through all sizes that are kept and beyond.
fn grow<'gc, T: Numbered<'gc>>(mu: &Mu<'gc>, random: &mut Random, vec: &GcVec<'gc, T>) {
    let next = vec.last().map_or_else(|| u64::from(random.word()), |last| last.number() + 1);
    let more = [3, 9, 40, 40, 200, 1200][random.index(6)];
    for number in next..next + 1 + random.below(more) {
        vec.push(mu, T::of(mu, number));
    }
}

/// The numbers of a vector and a panic in the middle of them: what is left is whole.
fn break_off<'gc, T: Numbered<'gc>>(mu: &Mu<'gc>, vec: &GcVec<'gc, T>) {
    let next = vec.last().map_or(0, |last| last.number() + 1);
    let numbers = (next..).map(|number| {
        if number == next + 5 {
            std::panic::resume_unwind(Box::new("in the middle"));
        }
        T::of(mu, number)
    });
    catch_unwind(AssertUnwindSafe(|| vec.extend(mu, numbers))).expect_err("it does not end otherwise");
    let (mut seen, len) = (0, vec.len());
    let kept = catch_unwind(AssertUnwindSafe(|| {
        vec.retain(mu, |_| {
            seen += 1;
            if seen == len {
                std::panic::resume_unwind(Box::new("at the last"));
            }
            true
        });
    }));
    kept.expect_err("there are five at least");
}

/// One `enter` with vectors of one type of element in the hands, in a pool and in objects.
fn play<'gc, T, R>(
    mu: &Mu<'gc>,
    random: &mut Random,
    pool: &Pool<GcVec<'static, R>>,
    kept: &mut Vec<Root<GcVec<'static, R>>>,
    root: impl Fn(Gc<'gc, GcVec<'gc, T>>) -> Root<GcVec<'static, R>>,
) where
    T: Numbered<'gc> + Rebrand,
    R: Trace + Rebrand<At<'gc> = T> + 'static,
{
    let mut hands: [Option<GcVec<'gc, T>>; 3] = [const { None }; 3];
    for _ in 0..12 {
        let (at, other) = (random.index(3), random.index(3));
        match random.below(11) {
            0 => hands.swap(at, other),
            1 => hands[at] = pool.take(mu),
            2 => {
                if let Some(vec) = hands[at].take() {
                    pool.put(mu, vec);
                }
            }
            3 => {
                let mut lent = pool.lend(mu, GcVec::new);
                let vec = hands[at].get_or_insert_with(GcVec::new);
                std::mem::swap(&mut *lent, vec);
                check(&lent);
                std::mem::take(&mut *lent).give_back(mu);
                grow(mu, random, &lent);
                if random.below(2) == 0
                    && let Some(vec) = hands[other].replace(Lent::keep(lent))
                {
                    vec.give_back(mu);
                }
            }
            4 => {
                if let Some(vec) = hands[at].take() {
                    // It is an object's from here; a copy stays in the hands.
                    let object = mu.alloc(vec);
                    let copy = GcVec::new();
                    copy.extend(mu, object.iter());
                    kept.push(root(object));
                    grow(mu, random, &object);
                    check(&copy);
                    hands[other] = Some(copy);
                }
            }
            5 if !kept.is_empty() => {
                let object = kept[random.index(kept.len())].get(mu);
                check(&object);
                grow(mu, random, &object);
                object.shrink_to_fit(mu);
            }
            6 => {
                if let Some(vec) = &hands[at] {
                    break_off(mu, vec);
                    check(vec);
                }
            }
            7 | 8 => {
                if let Some(vec) = hands[at].take() {
                    check(&vec);
                    vec.give_back(mu);
                }
            }
            _ => grow(mu, random, hands[at].get_or_insert_with(GcVec::new)),
        }
        hands.iter().flatten().for_each(check);
    }
    if kept.len() > 12 {
        kept.drain(..6);
    }
}

/// What one thread plays with.
#[derive(Default)]
struct Kept {
    numbers: Vec<Root<GcVec<'static, u64>>>,
    twos: Vec<Root<GcVec<'static, Two>>>,
    items: Vec<Root<GcVec<'static, Gc<'static, Item>>>>,
    eithers: Vec<Root<GcVec<'static, Either<'static>>>>,
    wides: Vec<Root<GcVec<'static, Wide<'static>>>>,
}

struct Pools {
    numbers: Pool<GcVec<'static, u64>>,
    twos: Pool<GcVec<'static, Two>>,
    items: Pool<GcVec<'static, Gc<'static, Item>>>,
    eithers: Pool<GcVec<'static, Either<'static>>>,
    wides: Pool<GcVec<'static, Wide<'static>>>,
}

impl Pools {
    fn new(heap: &Heap) -> Self {
        Self {
            numbers: Pool::new(heap),
            twos: Pool::new(heap),
            items: Pool::new(heap),
            eithers: Pool::new(heap),
            wides: Pool::new(heap),
        }
    }
}

fn round(pools: &Pools, mutator: &mut Mutator, random: &mut Random, kept: &mut Kept) {
    mutator.enter(|mu| {
        for _ in 0..1 + random.below(4) {
            match random.below(5) {
                0 => play(mu, random, &pools.numbers, &mut kept.numbers, |vec| mu.root(vec)),
                1 => play(mu, random, &pools.twos, &mut kept.twos, |vec| mu.root(vec)),
                2 => play(mu, random, &pools.items, &mut kept.items, |vec| mu.root(vec)),
                3 => play(mu, random, &pools.eithers, &mut kept.eithers, |vec| mu.root(vec)),
                _ => play(mu, random, &pools.wides, &mut kept.wides, |vec| mu.root(vec)),
            }
        }
    });
    mutator.enter(|mu| {
        kept.numbers.iter().for_each(|vec| check(&vec.get(mu)));
        kept.twos.iter().for_each(|vec| check(&vec.get(mu)));
        kept.items.iter().for_each(|vec| check(&vec.get(mu)));
        kept.eithers.iter().for_each(|vec| check(&vec.get(mu)));
        kept.wides.iter().for_each(|vec| check(&vec.get(mu)));
    });
}

#[test]
fn whatever_way_a_vector_took_its_memory_has_one_owner() {
    for (seed, settings) in (0..).zip(Settings::UNLIMITED.into_iter().cycle()).take(10) {
        let heap = settings.builder(seed).build().unwrap();
        let (pools, mut random) = (Pools::new(&heap), Random::new(seed));
        for _mutator in 0..2 {
            let (mut mutator, mut kept) = (heap.attach().unwrap(), Kept::default());
            for _ in 0..12 {
                round(&pools, &mut mutator, &mut random, &mut kept);
                if random.below(6) == 0 {
                    mutator.collect();
                }
            }
        }
        let found = heap.verify();
        assert!(found.is_empty(), "seed {seed}, {settings:?}: {}", found[0]);
    }
}

#[test]
fn and_so_beside_a_collector() {
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        sharing_beside_a_collector(collector, Pools::new, |pools, mutator, number| {
            *number += 1;
            let (mut random, mut kept) = (Random::new(*number), Kept::default());
            for _ in 0..20 {
                round(pools, mutator, &mut random, &mut kept);
            }
        });
    }
}
