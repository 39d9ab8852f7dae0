//! The programs: small, over the safe API, and each with an opinion of what must be there.
//!
//! Everything a program decides comes from the seed, so a seed is a program and a schedule. Free slots are filled with
//! 0xA5 and every cycle is verified: an object that was lost is seen by who looks at it, and mostly before that.

use crate::parts::{Item, builder, collector, join, start};
use heap_core::sync::{Arc, Mutex, thread};
use heap_testkit::drops::{Register, Stone};
use heap_testkit::random::Random;
use heap_testkit::stacks::Stacks;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use tricolor::{Gc, GcCell, Heap, Leaf, Mu, Root, Scavenge, Trace};

/// Panics that a program means to happen say so.
pub const ON_PURPOSE: &str = "on purpose";

/// A program by its name.
pub struct Program {
    pub name: &'static str,
    pub what: &'static str,
    pub run: fn(u64),
    /// Whether it may leave threads of a heap behind.
    pub leaves: bool,
}

pub const PROGRAMS: &[Program] = &[
    Program {
        name: "moves",
        what: "references move between fields, roots and hands while others collect",
        run: moves,
        leaves: false,
    },
    Program {
        name: "long",
        what: "the same, with long stays inside, while the heap's own thread collects again and again",
        run: long,
        leaves: false,
    },
    Program {
        name: "roots",
        what: "roots are made, cloned, sent and dropped while others collect",
        run: roots,
        leaves: false,
    },
    Program {
        name: "comings",
        what: "threads attach, detach, end, panic and are forgotten",
        run: comings,
        leaves: true,
    },
    Program {
        name: "drops",
        what: "the dead are dropped once, and memory is given back",
        run: drops,
        leaves: false,
    },
    Program {
        name: "steps",
        what: "hosts do the collector's work in their frames, for one cycle after the other",
        run: steps,
        leaves: false,
    },
    Program {
        name: "generated",
        what: "programs of heap-testkit, each thread with its model",
        run: generated,
        leaves: false,
    },
    Program {
        name: "weak",
        what: "items are found by weak references while others let go of them and collect",
        run: crate::weak::weak,
        leaves: false,
    },
    Program {
        name: "finalizers",
        what: "objects are finalized whole and in order, and cleaned up after, while others find and keep them and collect",
        run: crate::dying::finalizers,
        leaves: false,
    },
    Program {
        name: "ephemeron",
        what: "values are found by their keys, and texts interned, while others let go of them and collect",
        run: crate::ephemeron::ephemeron,
        leaves: false,
    },
    Program {
        name: "stacks",
        what: "threads of a runtime move references between their stacks and the heap while others collect",
        run: stacks,
        leaves: false,
    },
];

/// Holds items, and the next holder.
#[derive(Trace)]
struct Holder<'gc> {
    name: u64,
    places: [GcCell<Option<Gc<'gc, Item<'gc>>>>; PLACES],
    next: GcCell<Option<Gc<'gc, Holder<'gc>>>>,
}

const PLACES: usize = 2;
const HOLDERS: usize = 4;

fn holders<'gc>(mu: &Mu<'gc>, first: &Root<Holder<'static>>) -> Vec<Gc<'gc, Holder<'gc>>> {
    let mut all = vec![first.get(mu)];
    while let Some(next) = all[all.len() - 1].next.get() {
        all.push(next);
    }
    assert_eq!(all.len(), HOLDERS);
    all
}

/// Each mutator has a chain of holders, some items in their places, and one in a root. Items are moved from place to place
/// through the mutator's hands, replaced, and holders are put into another order. Nothing is ever lost.
fn moves(seed: u64) {
    let mut random = Random::new(seed);
    let heap = builder(&mut random).build().expect("a heap");
    move_all_about(heap, &mut random, Stays { most: 7, moves: 3 });
}

/// Collections follow each other, each beside mutators that move more than they come and go; most are not verified, so that
/// nothing stands still for it and mutators keep their runs.
fn long(seed: u64) {
    let mut random = Random::new(seed);
    let builder = Heap::builder()
        .collect_at_least_every(None)
        .reservation(4 << 20)
        .poison(0xA5)
        .scavenge(Scavenge::OnRequest);
    let builder = builder.verify_every(if random.below(4) == 0 { 1 } else { 0 });
    let builder = builder.workers(1 + random.index(2)).gc_percent(100).least_heap(1 << 10);
    move_all_about(builder.build().expect("a heap"), &mut random, Stays { most: 12, moves: 60 });
}

/// How often a mutator goes inside, and how much it moves there, at most.
#[derive(Clone, Copy)]
struct Stays {
    most: u64,
    moves: u64,
}

fn move_all_about(heap: Heap, random: &mut Random, stays: Stays) {
    let mutators: Vec<_> = (0..1 + random.below(2))
        .map(|number| {
            let (heap, random) = (heap.clone(), Random::new(random.next()));
            start("mutator", move || move_about(&heap, number, random, stays))
        })
        .collect();
    let collector = collector(&heap, 1 + random.below(3));
    mutators.into_iter().for_each(join);
    join(collector);
    heap.collect();
    heap.collect();
    assert_eq!(heap.figures().memory.heap_objects, 0, "all roots are dropped");
}

fn move_about(heap: &Heap, number: u64, mut random: Random, stays: Stays) {
    let mut next = number << 32;
    let mut fresh = || {
        next += 1;
        next
    };
    let mut mutator = heap.attach().expect("one mutator a thread");
    let (first, kept) = mutator.enter(|mu| {
        let mut first = None;
        for name in 0..HOLDERS as u64 {
            let places = [GcCell::new(Some(Item::new(mu, fresh()))), GcCell::default()];
            first = Some(mu.alloc(Holder { name, places, next: GcCell::new(first) }));
        }
        (mu.root(first.expect("a holder")), mu.root(Item::new(mu, fresh())))
    });
    // What each place holds, by the holders' names; the root is the last.
    let mut model = vec![None; HOLDERS * PLACES + 1];
    mutator.enter(|mu| {
        for holder in holders(mu, &first) {
            model[holder.name as usize * PLACES] = holder.places[0].get().map(|item| item.name);
        }
    });
    model[HOLDERS * PLACES] = Some(mutator.enter(|mu| kept.get(mu).name));
    for _ in 0..stays.most.div_ceil(2) + random.below(stays.most.div_ceil(2)) {
        mutator.enter(|mu| {
            for _ in 0..1 + random.below(stays.moves) {
                let mut all = holders(mu, &first);
                all.sort_by_key(|holder| holder.name);
                let (from, to) = (random.index(HOLDERS * PLACES), random.index(HOLDERS * PLACES));
                let place = |at: usize| &all[at / PLACES].places[at % PLACES];
                match random.below(6) {
                    // Take what is there into the hands, leave nothing, put it somewhere else.
                    0 | 1 => {
                        let item = place(from).take(mu);
                        let garbage = random.below(3);
                        for _ in 0..garbage {
                            let _garbage = mu.alloc([garbage; 3]);
                        }
                        place(to).set(mu, item);
                        let name = model[from].take();
                        model[to] = name;
                    }
                    // Exchange.
                    2 => {
                        let (one, other) = (place(from).get(), place(to).get());
                        place(from).set(mu, other);
                        place(to).set(mu, one);
                        model.swap(from, to);
                    }
                    // Into the root, and what the root had into the place.
                    3 => {
                        if let Some(item) = place(from).get() {
                            let old = kept.get(mu);
                            kept.set(mu, item);
                            place(from).set(mu, Some(old));
                            model.swap(from, HOLDERS * PLACES);
                        }
                    }
                    // A new one.
                    4 => {
                        let item = Item::new(mu, fresh());
                        place(to).set(mu, Some(item));
                        model[to] = Some(item.name);
                    }
                    // The first holder becomes the last.
                    _ => {
                        let old = first.get(mu);
                        let second = old.next.take(mu).expect("more than one holder");
                        first.set(mu, second);
                        let mut last = second;
                        while let Some(next) = last.next.get() {
                            last = next;
                        }
                        last.next.set(mu, Some(old));
                    }
                }
            }
            let mut found = vec![None; HOLDERS * PLACES + 1];
            for holder in holders(mu, &first) {
                for (at, place) in holder.places.iter().enumerate() {
                    found[holder.name as usize * PLACES + at] = place.get().map(|item| item.look());
                }
            }
            found[HOLDERS * PLACES] = Some(kept.get(mu).look());
            assert_eq!(found, model);
        });
        match random.below(8) {
            0 => mutator.collect(),
            1 => mutator.safepoint(),
            2 => mutator.park(thread::yield_now),
            _ => {}
        }
    }
}

/// Roots go round between threads on a table.
fn roots(seed: u64) {
    let mut random = Random::new(seed);
    let heap = builder(&mut random).build().expect("a heap");
    let table: Arc<Mutex<Vec<Root<Item<'static>>>>> = Arc::default();
    let mutators: Vec<_> = (1..=1 + random.below(3))
        .map(|number| {
            let (heap, table, mut random) = (heap.clone(), Arc::clone(&table), Random::new(random.next()));
            start("mutator", move || {
                let mut mutator = heap.attach().expect("one mutator a thread");
                let mut own: Vec<(Root<Item<'static>>, u64)> = Vec::new();
                for round in 0..4 + random.below(6) {
                    match random.below(7) {
                        0 | 1 => {
                            let name = number << 32 | round;
                            own.push((mutator.enter(|mu| mu.root(Item::new(mu, name))), name));
                        }
                        2 => {
                            if let Some((root, _)) = own.pop() {
                                table.lock().push(root);
                            }
                        }
                        3 => {
                            let taken = table.lock().pop();
                            if let Some(root) = taken {
                                let name = mutator.enter(|mu| root.get(mu).look());
                                own.push((root, name));
                            }
                        }
                        4 => {
                            let shared = table.lock().first().cloned();
                            drop(own.pop());
                            if let Some(root) = shared {
                                let name = mutator.enter(|mu| root.get(mu).look());
                                own.push((root, name));
                            }
                        }
                        5 => {
                            // From one root to another, inside.
                            if let [(one, named), .., (other, name)] = &mut own[..] {
                                mutator.enter(|mu| one.set(mu, other.get(mu)));
                                *named = *name;
                            }
                        }
                        _ => drop(own.pop()),
                    }
                    mutator.enter(|mu| {
                        for (root, name) in &own {
                            assert_eq!(root.get(mu).look(), *name);
                        }
                    });
                }
            })
        })
        .collect();
    let collector = collector(&heap, 1 + random.below(3));
    mutators.into_iter().for_each(join);
    join(collector);
    let mut mutator = heap.attach().expect("one mutator a thread");
    mutator.enter(|mu| {
        for root in table.lock().iter() {
            root.get(mu).look();
        }
    });
    table.lock().clear();
    heap.collect();
    heap.collect();
    assert_eq!((heap.figures().roots, heap.figures().memory.heap_objects), (0, 0));
}

/// Threads come and go in every way there is.
fn comings(seed: u64) {
    let mut random = Random::new(seed);
    let heap = builder(&mut random).build().expect("a heap");
    let forgets = random.below(32) == 0;
    let collector = collector(&heap, 1 + random.below(3));
    let mut threads = Vec::new();
    for number in 0..1 + random.below(3) {
        let (heap, mut random) = (heap.clone(), Random::new(random.next()));
        threads.push(start("visitor", move || {
            for visit in 0..1 + random.below(3) {
                let name = number << 32 | visit;
                let mut mutator = heap.attach().expect("one mutator a thread");
                let root: Root<Item<'static>> = mutator.enter(|mu| mu.root(Item::new(mu, name)));
                let panics = random.below(3) == 0;
                let result = catch_unwind(AssertUnwindSafe(|| {
                    mutator.enter(|mu| {
                        let _garbage = Item::new(mu, 0);
                        if panics {
                            panic_any(ON_PURPOSE);
                        }
                        assert_eq!(root.get(mu).look(), name);
                    });
                }));
                assert_eq!(result.is_err(), panics);
                assert_eq!(mutator.enter(|mu| root.get(mu).look()), name);
                match random.below(6) {
                    0 => drop(root),
                    1 if forgets => {
                        // The thread has it for good, and the heap with its threads lives on.
                        core::mem::forget(mutator);
                        return;
                    }
                    2 => {
                        mutator.enter(|mu| {
                            let _garbage = mu.alloc(Leaf::new(vec![name]));
                            panic_any(ON_PURPOSE);
                        });
                    }
                    _ => {}
                }
            }
        }));
    }
    for thread in threads {
        if let Err(panic) = thread.join() {
            assert_eq!(panic.downcast_ref::<&str>().copied(), Some(ON_PURPOSE), "a panic of another kind");
        }
    }
    join(collector);
    heap.collect();
    heap.collect();
    assert_eq!((heap.figures().roots, heap.figures().memory.heap_objects), (0, 0));
    assert_eq!(heap.verify(), []);
}

/// Droppable objects, and objects large enough to have pages of their own, die while memory is given back.
fn drops(seed: u64) {
    let mut random = Random::new(seed);
    let scavenge = if random.below(8) == 0 { Scavenge::Background } else { Scavenge::OnRequest };
    let heap = builder(&mut random).scavenge(scavenge).build().expect("a heap");
    let register = Register::new();
    let names = 8_u64;
    let mutators: Vec<_> = (0..1 + random.below(2))
        .map(|number| {
            let (heap, register, mut random) =
                (heap.clone(), Arc::clone(&register), Random::new(random.next()));
            start("mutator", move || {
                let mut mutator = heap.attach().expect("one mutator a thread");
                let mut kept: Vec<(u64, Root<Leaf<Stone>>)> = Vec::new();
                for name in number * names..(number + 1) * names {
                    let root = mutator.enter(|mu| {
                        if random.below(4) == 0 {
                            let _large = mu.alloc_slice(3000 + random.index(3000), |index| index as u64);
                        }
                        let stone = mu.alloc(Leaf::new(Stone::new(name, &register)));
                        (random.below(2) == 0).then(|| mu.root(stone))
                    });
                    kept.extend(root.map(|root| (name, root)));
                    if random.below(4) == 0 && !kept.is_empty() {
                        drop(kept.swap_remove(random.index(kept.len())));
                    }
                    for (name, root) in &kept {
                        assert_eq!(register.times(*name), 0, "stone {name} lives");
                        assert_eq!(mutator.enter(|mu| root.get(mu).name()), *name);
                    }
                }
            })
        })
        .collect();
    let (number, releases) = (mutators.len() as u64, 1 + random.below(2));
    let giver = {
        let heap = heap.clone();
        start("giver", move || {
            for _ in 0..releases {
                let _bytes = heap.release_free_memory();
            }
        })
    };
    let collector = collector(&heap, random.below(3));
    mutators.into_iter().for_each(join);
    join(giver);
    join(collector);
    heap.collect();
    for name in 0..number * names {
        assert_eq!(register.times(name), 1, "stone {name} is dead");
    }
    heap.collect();
    assert_eq!(heap.figures().memory.heap_objects, 0);
    assert_eq!(heap.verify(), []);
}

/// Programs of the testkit, each with its model, on one heap.
fn generated(seed: u64) {
    let mut random = Random::new(seed);
    let heap = builder(&mut random).reservation(64 << 20).build().expect("a heap");
    let threads: Vec<_> = (1..=1 + random.below(2))
        .map(|number| {
            let program = heap_testkit::program::Program::generate(random.next(), 12);
            let heap = heap.clone();
            start("mutator", move || {
                if let Err(what) = heap_testkit::run::run_part(&program, heap, number) {
                    panic!("{what}");
                }
            })
        })
        .collect();
    let collector = collector(&heap, 1 + random.below(2));
    threads.into_iter().for_each(join);
    join(collector);
    heap.collect();
    heap.collect();
    assert_eq!((heap.figures().roots, heap.figures().memory.heap_objects), (0, 0));
}

/// Twelve holders side by side, so that there is something to share, each with another, which is exchanged.
fn steps(seed: u64) {
    let mut random = Random::new(seed);
    let builder = builder(&mut random);
    // The mutator's own cycles leave something to sweep, and what it exchanges something to free.
    let builder = if random.below(2) == 0 { builder.collect_every(3) } else { builder };
    let heap = builder.build().expect("a heap");
    let hosts: Vec<_> = (0..1 + random.below(2))
        .map(|_| {
            let (heap, times) = (heap.clone(), 20 + random.below(40));
            start("host", move || {
                for _ in 0..times {
                    heap.step(core::time::Duration::from_secs(10));
                }
            })
        })
        .collect();
    let collector = collector(&heap, 2 + random.below(2));
    let theirs = heap.clone();
    let mutator = start("mutator", move || {
        let mut mutator = theirs.attach().expect("one mutator a thread");
        let all: Root<[Gc<'static, Holder<'static>>; 12]> = mutator.enter(|mu| {
            let pair = |name| {
                let made = |next| {
                    let places = core::array::from_fn(|_| GcCell::new(Some(Item::new(mu, name))));
                    mu.alloc(Holder { name, places, next: GcCell::new(next) })
                };
                made(Some(made(None)))
            };
            mu.root(mu.alloc(core::array::from_fn(|name| pair(name as u64))))
        });
        for _ in 0..2 + random.below(4) {
            mutator.enter(|mu| {
                let all = Gc::get(all.get(mu));
                for _ in 0..12 {
                    let (one, other) = (all[random.index(12)], all[random.index(12)]);
                    let next = one.next.replace(mu, other.next.get());
                    other.next.set(mu, next);
                    one.places[0].set(mu, Some(Item::new(mu, random.next())));
                }
                for holder in all {
                    let next = holder.next.get().expect("a holder");
                    for place in holder.places.iter().chain(&next.places) {
                        place.get().expect("an item").look();
                    }
                }
            });
        }
    });
    join(mutator);
    // Beside the other hosts and the collector: what the mutator's last cycle left.
    heap.step(core::time::Duration::from_secs(10));
    hosts.into_iter().for_each(join);
    join(collector);
    heap.collect();
    heap.collect();
    assert_eq!(heap.figures().memory.heap_objects, 0, "all roots are dropped");
}

/// Threads of a runtime, which keep their references in stacks of their own.
fn stacks(seed: u64) {
    let mut random = Random::new(seed);
    let heap = Stacks::settings(builder(&mut random)).build().expect("a heap");
    let stacks = Arc::new(Stacks::new(&heap));
    let threads: Vec<_> = (0..1 + random.below(2))
        .map(|number| {
            let (stacks, random) = (Arc::clone(&stacks), Random::new(random.next()));
            start("mutator", move || stacks.work(number, random, 40))
        })
        .collect();
    let collector = collector(&heap, 1 + random.below(3));
    threads.into_iter().for_each(join);
    join(collector);
    drop(stacks);
    heap.collect();
    heap.collect();
    assert_eq!((heap.figures().roots, heap.figures().memory.heap_objects), (0, 0));
}
