//! Promise: frames nested, swapped, reset and grown in any order keep what is in them apart, and drop each value once.

use crate::support::beside_a_collector;
use heap_testkit::random::Random;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use tricolor::{AtomicGc, Collector, Frame, Gc, GcCell, GcVec, Heap, Local, Mu, Root, Trace};

/// Drops that have run, by number.
type Drops = RefCell<Vec<u32>>;

/// A value with a drop that looks at what it borrows, allocates, opens a frame, and panics if it is to.
struct Noisy<'a, 'gc> {
    number: usize,
    drops: &'a Drops,
    mu: &'a Mu<'gc>,
    below: &'a [u64],
    tag: u64,
    object: Gc<'gc, usize>,
    panics: bool,
}

impl Drop for Noisy<'_, '_> {
    fn drop(&mut self) {
        assert!(self.below.iter().all(|&word| word == self.tag), "what an outer frame holds is there");
        assert_eq!(*self.object, self.number);
        self.drops.borrow_mut()[self.number] += 1;
        self.mu.frame(|f| {
            let row = f.alloc_slice(70, |_| self.tag);
            f.frame(|g| assert_eq!((g.alloc([3_u8; 900])[899], row[69]), (3, self.tag)));
        });
        if self.panics {
            resume_unwind(Box::new("a drop that is to panic"));
        }
    }
}

struct Run<'a> {
    drops: &'a Drops,
    random: RefCell<Random>,
    steps: Cell<u32>,
    /// Whether there is a value whose drop panics.
    has_panicky: Cell<bool>,
}

/// A row of one word, or what a reset or an end must not have touched.
struct Row<'f>(Local<'f, [u64]>, u64);

impl Row<'_> {
    fn check(&self) {
        assert!(self.0.iter().all(|&word| word == self.1), "a row of {:#x} has {:x?}", self.1, &self.0[..]);
    }
}

impl Run<'_> {
    fn below(&self, bound: u64) -> u64 {
        self.random.borrow_mut().below(bound)
    }

    fn index(&self, bound: usize) -> usize {
        self.random.borrow_mut().index(bound)
    }

    fn row<'f>(&self, f: &'f Frame<'_>) -> Row<'f> {
        let tag = self.random.borrow_mut().next();
        let most = [3, 40, 1500, 5000][self.index(4)];
        let len = self.index(most);
        let row = f.alloc_slice(len, |index| {
            if index == len / 2 && self.below(8) == 0 {
                f.alloc([!tag; 30]);
                f.frame(|g| g.alloc_slice(200, |_| !tag).len());
            }
            tag
        });
        f.alloc(tag.to_le_bytes()[0]);
        Row(row, tag)
    }

    fn noisy<'a, 'gc>(&'a self, mu: &'a Mu<'gc>, below: &'a [u64], tag: u64) -> Noisy<'a, 'gc> {
        let number = self.drops.borrow().len();
        self.drops.borrow_mut().push(0);
        // A second one, while the first is under way, would end the process.
        let panics = self.below(40) == 0 && !self.has_panicky.replace(true);
        Noisy { number, drops: self.drops, mu, below, tag, object: mu.alloc(number), panics }
    }

    /// Uses a frame whose drops may borrow `below`, and opens others inside it and beside it.
    fn play<'s: 'a, 'a>(&'a self, mu: &'a Mu<'_>, f: &mut Frame<'s>, below: Row<'s>, depth: u32)
    where
        'a: 's,
    {
        for _ in 0..1 + self.below(6) {
            if self.steps.replace(self.steps.get() + 1) > 3000 {
                return;
            }
            for _ in 0..self.below(3) {
                f.alloc_drop(self.noisy(mu, Local::get(below.0), below.1));
            }
            let shared = &*f;
            let mut rows: Vec<Row<'_>> = (0..self.below(5)).map(|_| self.row(shared)).collect();
            if depth > 0 {
                match self.below(4) {
                    0 => shared.frame(|g| self.play_in(mu, g, self.row(shared), depth - 1)),
                    1 => mu.frame(|g| self.play_in(mu, g, self.row(shared), depth - 1)),
                    2 => shared.frame(|g| {
                        let row = self.row(shared);
                        g.alloc_drop(self.noisy(mu, Local::get(row.0), row.1));
                        rows.push(self.row(shared));
                        let other = if self.below(2) == 0 {
                            shared.frame(|h| {
                                h.alloc_drop(self.noisy(mu, Local::get(row.0), row.1));
                                self.row(h).check();
                                std::mem::swap(g, h);
                                self.play_in(mu, h, self.row(shared), depth - 1);
                                let kept = self.row(g);
                                h.reset();
                                self.row(h).check();
                                kept.check();
                                self.row(shared)
                            })
                        } else {
                            mu.frame(|h| {
                                h.alloc_drop(self.noisy(mu, Local::get(row.0), row.1));
                                self.row(h).check();
                                std::mem::swap(g, h);
                                self.play_in(mu, h, self.row(shared), depth - 1);
                                self.row(h).check();
                                self.row(shared)
                            })
                        };
                        rows.push(other);
                        let kept = self.row(g);
                        rows.push(self.row(shared));
                        kept.check();
                        row.check();
                    }),
                    _ => {}
                }
            }
            rows.iter().for_each(Row::check);
            below.check();
            if self.below(3) == 0 {
                f.reset();
                assert_eq!(f.used(), 0);
            }
        }
    }

    fn play_in<'s: 'a, 'a>(&'a self, mu: &'a Mu<'_>, f: &mut Frame<'s>, below: Row<'s>, depth: u32)
    where
        'a: 's,
    {
        self.play(mu, f, below, depth);
    }
}

#[test]
fn frames_in_any_order_keep_their_values_apart_and_drop_each_once() {
    let heap = Heap::builder().poison(0xDD).verify_every(4).workers(1).build().unwrap();
    let mut mutator = heap.attach().unwrap();
    let mut panics = 0;
    for seed in 0..if cfg!(miri) { 2 } else { 150 } {
        let drops = Drops::default();
        let run = Run {
            drops: &drops,
            random: RefCell::new(Random::new(seed)),
            steps: Cell::new(0),
            has_panicky: Cell::new(false),
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            mutator.enter(|mu| {
                mu.frame(|first| {
                    let row = run.row(first);
                    mu.frame(|f| run.play(mu, f, row, 5));
                });
            });
        }));
        if let Err(panic) = outcome {
            assert_eq!(panic.downcast_ref(), Some(&"a drop that is to panic"), "seed {seed}");
            panics += 1;
        }
        assert!(drops.borrow().iter().all(|&times| times == 1), "seed {seed}: {drops:?}");
        if seed % 10 == 0 {
            mutator.collect();
        }
    }
    assert!(panics > 0);
    drop(mutator);
    assert_eq!(heap.verify(), []);
    assert_eq!(heap.figures().memory.frames.get(), 0);
}

/// An object of which each copy of its number says whether it is whole.
#[derive(Trace)]
struct Thing<'gc> {
    number: u64,
    next: AtomicGc<'gc, Thing<'gc>>,
    copies: [u64; 4],
}

impl<'gc> Thing<'gc> {
    fn new(number: u64) -> Self {
        Self { number, next: AtomicGc::new(None), copies: [number; 4] }
    }

    fn check(&self) {
        assert_eq!(self.copies, [self.number; 4]);
    }
}

/// Threads pass objects on through places that they share, and between two places an object is in nothing but a frame.
#[test]
fn what_threads_take_out_of_shared_places_into_frames_stays_whole() {
    #[derive(Trace)]
    struct Places<'gc>([AtomicGc<'gc, Thing<'gc>>; 6]);
    for collector in [Collector::Concurrent, Collector::StopTheWorld] {
        let places: std::sync::OnceLock<Root<Places<'static>>> = std::sync::OnceLock::new();
        beside_a_collector(collector, |mutator, number| {
            let root = places.get_or_init(|| {
                mutator.enter(|mu| mu.root(mu.alloc(Places(std::array::from_fn(|_| AtomicGc::new(None))))))
            });
            let mut random = Random::new(*number);
            mutator.enter(|mu| {
                let places = &root.get(mu).0;
                let mut place = || &places[random.index(places.len())];
                mu.frame(|f| {
                    for _ in 0..8 {
                        *number += 1;
                        let (new, kept) = (mu.alloc(Thing::new(*number)), f.alloc(GcVec::new()));
                        new.next.store(mu, place().take(mu).inspect(|taken| taken.check()));
                        let cell = f.alloc(GcCell::new(place().swap(mu, Some(new))));
                        let list = f.alloc(AtomicGc::new(place().take(mu)));
                        mu.alloc([*number; 20]);
                        f.frame(|g| {
                            let mut at = g.alloc(Cell::new(list.take(mu))).take();
                            for _ in 0..20 {
                                let Some(thing) = at else { break };
                                thing.check();
                                at = thing.next.take(mu);
                                kept.push(mu, thing);
                                mu.alloc([0_u64; 3]);
                            }
                            if let Some(thing) = cell.replace(mu, at) {
                                thing.check();
                                place().fetch_update(mu, |now| now.is_none().then_some(Some(thing))).ok();
                            }
                        });
                        cell.get().iter().for_each(|thing| thing.check());
                        kept.iter().for_each(|thing| thing.check());
                        list.get_or_insert_with(mu, || mu.alloc(Thing::new(7))).check();
                        place().store(mu, kept.last());
                        if *number % 3 == 0 {
                            place().store(mu, cell.get());
                        }
                    }
                    f.reset();
                });
            });
        });
    }
}
