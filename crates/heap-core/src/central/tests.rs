use super::Taken;
use crate::cache::Cache;
use crate::memory::tests::{alloc, cycle, memory, memory_in, noscan, objects, settled};
use crate::page_heap::PageStock;
use crate::span::Home;
use crate::span::claim::try_claim;
use crate::sync::atomic::{
    AtomicU32,
    Ordering::{Relaxed, SeqCst},
};
use core::ptr::NonNull;
use std::thread;

#[test]
fn spans_rest_where_they_belong_and_become_unswept_together() {
    let (memory, mut stock) = (memory(), PageStock::default());
    let seat = memory.seat();
    let entry = memory.entry(noscan(1024));
    let [first, second] =
        [(); 2].map(|()| memory.take_span(entry, &mut stock, memory.generation(), &seat).unwrap());
    let generation = memory.generation();
    memory.put_span(first, generation);
    memory.map().span(second).set_allocated(memory.map().span(second).slots());
    memory.put_span(second, generation);
    assert_eq!(entry.resting(generation), (vec![first], vec![second]));
    assert_eq!(memory.map().span(first).home(), Home::Partial);
    assert_eq!(memory.map().span(second).home(), Home::Full);
    assert_eq!(entry.take(generation, &seat, memory.map()), Taken::Partial(first));
    assert_eq!(memory.map().span(first).home(), Home::Moving);
    assert_eq!(entry.take(generation, &seat, memory.map()), Taken::Nothing, "a full span is not taken");
    memory.put_span(first, generation);
    // The next generation: both are unswept, in the order they came.
    assert_eq!(entry.take(generation + 2, &seat, memory.map()), Taken::Unswept(first));
    assert_eq!(entry.take(generation + 2, &seat, memory.map()), Taken::Unswept(second));
    assert_eq!(entry.take(generation + 2, &seat, memory.map()), Taken::Nothing);
}

#[test]
fn who_comes_with_an_older_generation_finds_nothing_and_puts_back_unswept() {
    let (memory, mut stock) = (memory(), PageStock::default());
    let seat = memory.seat();
    let entry = memory.entry(noscan(1024));
    let generation = memory.generation();
    let [early, late] = [(); 2].map(|()| memory.take_span(entry, &mut stock, generation, &seat).unwrap());
    memory.put_span(early, generation + 2);
    assert_eq!(entry.take(generation, &seat, memory.map()), Taken::Nothing);
    memory.put_span(late, generation);
    assert_eq!(entry.take(generation + 2, &seat, memory.map()), Taken::Partial(early));
    assert_eq!(entry.take(generation + 2, &seat, memory.map()), Taken::Unswept(late));
}

#[test]
fn a_span_that_a_sweeper_has_claimed_is_not_taken_from_an_old_list() {
    let (memory, mut stock) = (memory(), PageStock::default());
    let seat = memory.seat();
    let entry = memory.entry(noscan(1024));
    let generation = memory.generation();
    let id = memory.take_span(entry, &mut stock, generation, &seat).unwrap();
    memory.put_span(id, generation);
    let claim = try_claim(memory.map().span(id), id, generation + 2).expect("it is unswept in the next");
    assert_eq!(entry.take(generation, &seat, memory.map()), Taken::Nothing);
    claim.settle();
}

#[test]
fn a_mutator_gets_its_own_spans_back_and_then_those_of_others() {
    let memory = memory();
    let entry = memory.entry(noscan(1024));
    let seats = [memory.seat(), memory.seat()];
    let mut stock = PageStock::default();
    let generation = memory.generation();
    let mut had = [(); 2].map(|()| Vec::new());
    for _ in 0..20 {
        for (seat, had) in seats.iter().zip(&mut had) {
            let id = memory.take_span(entry, &mut stock, generation, seat).unwrap();
            memory.map().span(id).set_shard(seat.number());
            had.push(id);
        }
    }
    had.iter().flatten().for_each(|id| memory.put_span(*id, generation));
    let next = |seat| {
        let Taken::Unswept(id) = entry.take(generation + 2, seat, memory.map()) else {
            panic!("nothing is unswept");
        };
        id
    };
    let own: Vec<_> = (0..20).map(|_| next(&seats[0])).collect();
    assert_eq!(own, had[0], "its own, in the order they came");
    assert_eq!(next(&seats[0]), had[1][0], "and then another's");
    // Sixteen are taken from there at once.
    assert_eq!(next(&seats[1]), had[1][16]);
    let mut rest: Vec<_> = (0..18).map(|_| next(&seats[1])).collect();
    rest.sort_unstable();
    let mut left: Vec<_> =
        had[1].iter().copied().filter(|id| *id != had[1][0] && *id != had[1][16]).collect();
    left.sort_unstable();
    assert_eq!(rest, left, "no span is lost");
    assert_eq!(entry.take(generation + 2, &seats[0], memory.map()), Taken::Nothing);
    assert_eq!(entry.take(generation + 2, &seats[1], memory.map()), Taken::Nothing);
}

#[test]
fn layouts_do_not_share_spans() {
    let (memory, cache) = (memory(), Cache::new());
    let ids: Vec<_> = (1..=20).map(|n| noscan(n * 48)).collect();
    let mut spans = std::collections::HashMap::new();
    for round in 0..50 {
        for id in &ids {
            let object = alloc(&memory, &cache, *id, round);
            let found = memory.map().resolve(object.addr().get()).unwrap();
            assert_eq!(*spans.entry(found.span).or_insert(*id), *id);
            assert_eq!(memory.entry_of(memory.map().span(found.span)).id(), *id);
        }
    }
}

/// A small generator of numbers.
fn next(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}

/// What one thread has.
#[derive(Default)]
struct Held(Vec<(usize, u8)>);

impl Held {
    fn bytes(memory: &crate::memory::Memory, at: usize) -> (NonNull<u8>, usize) {
        let found = memory.map().resolve(at).expect("an allocated slot");
        let span = memory.map().span(found.span);
        assert_eq!(found.start, at);
        (memory.slot_ptr(span, found.slot), span.stride().get())
    }

    /// Every byte is what it was filled with.
    fn check(&self, memory: &crate::memory::Memory, index: usize) {
        let (at, fill) = self.0[index];
        let (start, stride) = Self::bytes(memory, at);
        // SAFETY: an allocated slot, which only this thread uses.
        let bytes = unsafe { core::slice::from_raw_parts(start.as_ptr(), stride) };
        assert!(bytes.iter().all(|&byte| byte == fill), "{at:#x} is not all {fill}");
    }
}

/// Threads that hear of a new generation at different times, in fewer and more shards than there are threads: nobody gets a slot that
/// another has, and no span is lost.
#[test]
fn threads_that_are_late_share_no_slot_and_lose_no_span() {
    const THREADS: usize = 4;
    const CYCLES: u32 = if cfg!(miri) { 3 } else { 30 };
    /// Objects of a thread in a cycle.
    const MADE: usize = if cfg!(miri) { 20 } else { 400 };
    for shards in [1, 3, 6] {
        let memory = memory_in(shards);
        let asked = AtomicU32::new(0);
        let answered = [const { AtomicU32::new(0) }; THREADS];
        let held: Vec<Held> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let (memory, asked, answered) = (&memory, &asked, &answered[thread]);
                    scope.spawn(move || {
                        let cache = Cache::at(memory.seat());
                        let mut random = 0x9E37_79B9_7F4A_7C15 ^ (shards * THREADS + thread) as u64;
                        let mut held = Held::default();
                        let (mut made, mut deaf) = (0, 0_u64);
                        loop {
                            let question = asked.load(SeqCst);
                            if question != answered.load(Relaxed) {
                                if deaf > 0 {
                                    deaf -= 1;
                                } else {
                                    match question % 3 {
                                        1 => cache.stay_white(),
                                        2 => {
                                            cache.blacken(memory, memory.epoch());
                                            for &(at, _) in &held.0 {
                                                let found =
                                                    memory.map().resolve(at).expect("an allocated slot");
                                                let mark = memory
                                                    .map()
                                                    .mark_of(memory.map().span(found.span), found.slot);
                                                mark.store(memory.epoch().byte(), Relaxed);
                                            }
                                        }
                                        _ => {
                                            cache.whiten();
                                            cache.flush(memory);
                                            made = 0;
                                        }
                                    }
                                    answered.store(question, SeqCst);
                                    if question == CYCLES * 3 {
                                        return held;
                                    }
                                    // It goes on for a while without hearing of the next.
                                    deaf = next(&mut random) % 200;
                                }
                            } else if made == MADE {
                                thread::yield_now();
                            }
                            if made < MADE {
                                made += 1;
                                let (id, fill) = (
                                    noscan([64, 512, 2048][(next(&mut random) % 3) as usize]),
                                    next(&mut random) as u8,
                                );
                                held.0.push((alloc(memory, &cache, id, fill).addr().get(), fill));
                            }
                            // It lets go of nearly all from time to time, so that spans get empty.
                            let most = if next(&mut random) % 2000 == 0 { 3 } else { 250 };
                            while held.0.len() > most {
                                let gone = next(&mut random) as usize % held.0.len();
                                held.check(memory, gone);
                                held.0.swap_remove(gone);
                            }
                            if !held.0.is_empty() {
                                held.check(memory, next(&mut random) as usize % held.0.len());
                            }
                        }
                    })
                })
                .collect();
            let ask = || {
                let question = asked.fetch_add(1, SeqCst) + 1;
                while answered.iter().any(|answered| answered.load(SeqCst) != question) {
                    thread::yield_now();
                }
            };
            for _ in 0..CYCLES {
                memory.finish_sweep();
                memory.begin_cycle();
                ask();
                ask();
                memory.end_marking();
                ask();
            }
            threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
        });
        let cache = Cache::new();
        settled(&memory, &cache);
        let live: Vec<_> =
            held.iter().flat_map(|held| &held.0).map(|&(at, _)| Held::bytes(&memory, at).0).collect();
        for held in &held {
            (0..held.0.len()).for_each(|index| held.check(&memory, index));
        }
        cycle(&memory, &cache, &live);
        settled(&memory, &cache);
        assert_eq!(objects(&memory), live.len() as u64);
    }
}
