use super::{Entry, LEAST_READIED, MOST_OLD, Seat, Taken};
use crate::cache::Cache;
use crate::memory::tests::{alloc, cycle, memory, memory_with, noscan};
use crate::memory::{Empties, Memory};
use crate::os::sim::SimOs;
use crate::page_heap::PageStock;
use crate::span::claim::try_claim;
use crate::span::{Home, SpanId};
use crate::sync::atomic::Ordering::Relaxed;
use crate::units::{Bytes, narrow};
use crate::verify::check;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    Partial(SpanId),
    Unswept(SpanId),
    Nothing,
}

/// Takes a span as [`Entry::take`] does. An unswept one is swept then, as if all of it were alive.
fn take(memory: &Memory, entry: &Entry, generation: u64, seat: &Seat) -> Found {
    match entry.take(generation, seat, memory.map()) {
        Taken::Partial(id) => Found::Partial(id),
        Taken::Unswept(claim) | Taken::Others(claim) => Found::Unswept(claim.settle()),
        Taken::Nothing => Found::Nothing,
    }
}

#[test]
fn spans_rest_where_they_belong_and_become_unswept_together() {
    let (memory, mut stock) = (memory(), PageStock::default());
    let seat = memory.seat();
    let entry = memory.entry(noscan(1024));
    let [first, second] =
        [(); 2].map(|()| memory.take_span(entry, &mut stock, memory.generation(), &seat).unwrap());
    let generation = memory.generation();
    memory.map().span(first).set_allocated(1);
    memory.put_span(first, generation);
    memory.map().span(second).set_allocated(memory.map().span(second).slots());
    memory.put_span(second, generation);
    assert_eq!(entry.resting(generation), (vec![first], vec![second]));
    assert_eq!(memory.map().span(first).home(), Home::Partial);
    assert_eq!(memory.map().span(second).home(), Home::Full);
    assert_eq!(take(&memory, entry, generation, &seat), Found::Partial(first));
    assert_eq!(memory.map().span(first).home(), Home::Moving);
    assert_eq!(take(&memory, entry, generation, &seat), Found::Nothing, "a full span is not taken");
    memory.put_span(first, generation);
    // The next generation: both are unswept, in the order they came.
    assert_eq!(take(&memory, entry, generation + 2, &seat), Found::Unswept(first));
    assert_eq!(take(&memory, entry, generation + 2, &seat), Found::Unswept(second));
    assert_eq!(take(&memory, entry, generation + 2, &seat), Found::Nothing);
}

#[test]
fn who_comes_with_an_older_generation_finds_nothing_and_puts_back_unswept() {
    let (memory, mut stock) = (memory(), PageStock::default());
    let seat = memory.seat();
    let entry = memory.entry(noscan(1024));
    let generation = memory.generation();
    let [early, late] = [(); 2].map(|()| memory.take_span(entry, &mut stock, generation, &seat).unwrap());
    for id in [early, late] {
        memory.map().span(id).set_allocated(1);
    }
    memory.put_span(early, generation + 2);
    assert_eq!(take(&memory, entry, generation, &seat), Found::Nothing);
    memory.put_span(late, generation);
    assert_eq!(take(&memory, entry, generation + 2, &seat), Found::Partial(early));
    assert_eq!(take(&memory, entry, generation + 2, &seat), Found::Unswept(late));
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
    assert_eq!(take(&memory, entry, generation, &seat), Found::Nothing);
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
        let Found::Unswept(id) = take(&memory, entry, generation + 2, seat) else {
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
    assert_eq!(take(&memory, entry, generation + 2, &seats[0]), Found::Nothing);
    assert_eq!(take(&memory, entry, generation + 2, &seats[1]), Found::Nothing);
}

#[test]
fn a_hole_in_anothers_shard_is_found_before_a_span_is_made() {
    let memory = memory();
    let entry = memory.entry(noscan(1024));
    let seats = [memory.seat(), memory.seat()];
    let (mut stock, generation) = (PageStock::default(), memory.generation());
    // More than a refill tries, of which the next generation has swept all.
    let own: Vec<_> =
        (0..100).map(|_| memory.take_span(entry, &mut stock, generation, &seats[0]).unwrap()).collect();
    let hole = memory.take_span(entry, &mut stock, generation, &seats[1]).unwrap();
    memory.map().span(hole).set_shard(seats[1].number());
    for id in own {
        memory.put_span(id, generation);
        try_claim(memory.map().span(id), id, generation + 2).expect("it is unswept").settle();
    }
    memory.put_span(hole, generation + 2);
    assert_eq!(memory.take_span(entry, &mut stock, generation + 2, &seats[0]).unwrap(), hole);
}

/// Allocates whole spans of 1 KiB objects, and hands them back.
fn fill_spans(memory: &Memory, cache: &Cache, spans: usize) {
    (0..spans * 8).for_each(|_| {
        alloc(memory, cache, noscan(1024), 1);
    });
    cache.flush(memory);
}

/// Fills so many spans, which die, uses some again, and keeps as many of the others as are wanted.
fn keep_spans(memory: &Memory, dead: usize, used_again: usize) -> Cache {
    let cache = Cache::at(memory.seat());
    fill_spans(memory, &cache, dead);
    cycle(memory, &cache, &[]);
    fill_spans(memory, &cache, used_again);
    memory.finish_sweep(Empties::Keep);
    assert_eq!(check(memory), []);
    cache
}

#[test]
fn lists_are_ready_to_grow_as_the_heap_does() {
    let memory = memory();
    let cache = Cache::at(memory.seat());
    fill_spans(&memory, &cache, LEAST_READIED - 1);
    let entry = memory.all_entries().find(|entry| entry.spans.load(Relaxed) > 0).unwrap();
    assert!(entry.is_ready_to_grow(100, 200), "few spans are left alone");
    fill_spans(&memory, &cache, LEAST_READIED + 2);
    assert!(entry.is_ready_to_grow(100, 100));
    assert!(!entry.is_ready_to_grow(100, 200));
    entry.ready_growth(100, 200);
    assert!(entry.is_ready_to_grow(100, 200));
    let spare = || entry.shards.iter().map(|shard| shard.0.lock().spare.blocks()).sum::<usize>();
    let (blocks, spans) = (spare(), entry.spans.load(Relaxed));
    assert!(blocks * crate::chain::BLOCK >= spans, "as many spans again: {blocks} blocks");
    fill_spans(&memory, &cache, LEAST_READIED);
    assert!(spare() < blocks, "they are used");
    assert_eq!(check(&memory), []);
}

#[test]
fn as_many_empty_spans_are_kept_as_were_taken_and_they_are_used_last() {
    let memory = memory();
    // Thirty of the hundred are swept and used again; seventy are dead.
    let cache = keep_spans(&memory, 100, 30);
    let spans = || memory.fragmentation().total;
    assert_eq!((spans().spans, spans().empty), (60, 30), "thirty with objects and thirty without");
    // They are used, and none is made.
    let made = memory.figures().spans_made;
    fill_spans(&memory, &cache, 20);
    assert_eq!((spans().spans, spans().empty, memory.figures().spans_made), (60, 10, made));
    // Fifty die, and ten are empty still. Twenty are used, so twenty more are kept.
    cycle(&memory, &cache, &[]);
    fill_spans(&memory, &cache, 20);
    memory.finish_sweep(Empties::Keep);
    assert_eq!(check(&memory), []);
    assert_eq!((spans().spans, spans().empty), (40, 20));
    cycle(&memory, &cache, &[]);
    memory.finish_sweep(Empties::Keep);
    assert_eq!(spans().spans, 0, "nobody has taken any since");
}

#[test]
fn what_others_have_swept_is_thrown_away_a_few_at_a_time() {
    let memory = memory();
    let cache = Cache::at(memory.seat());
    fill_spans(&memory, &cache, 3 * MOST_OLD);
    cycle(&memory, &cache, &[]);
    // The walk sweeps and frees all, and leaves their entries behind.
    memory.finish_sweep(Empties::Free);
    assert_eq!(memory.fragmentation().total.spans, 0);
    let (entry, seat) = (memory.entry(noscan(1024)), memory.seat());
    let entries = || -> usize {
        let listed = |lists: &super::Lists| {
            lists
                .unswept
                .were
                .iter()
                .chain([&lists.unswept.late])
                .map(|list| list.iter().count())
                .sum::<usize>()
        };
        (0..entry.shards.len()).map(|shard| listed(&entry.lock(shard))).sum()
    };
    for left in [2 * MOST_OLD, MOST_OLD, 0, 0] {
        assert_eq!(take(&memory, entry, memory.generation(), &seat), Found::Nothing);
        assert_eq!(entries(), left);
    }
}

#[test]
fn no_more_than_two_mib_of_empty_spans_are_kept() {
    let memory = memory();
    keep_spans(&memory, 700, 300);
    assert_eq!(memory.fragmentation().total.empty, 256);
}

#[test]
fn what_is_freed_while_marking_keeps_its_record_until_marking_has_ended() {
    let memory = memory_with(&SimOs::new(), None, Bytes::mib(4));
    let cache = keep_spans(&memory, 256, 128);
    let ids = || (0..memory.pages().spans_high()).map(|number| SpanId::new(narrow(number)));
    let is_empty = |id: &SpanId| {
        let span = memory.map().span(*id);
        span.is_in_use() && span.allocated() == 0
    };
    let kept: Vec<SpanId> = ids().filter(is_empty).collect();
    let shapes = || -> Vec<_> {
        let spans = kept.iter().map(|id| memory.map().span(*id));
        spans.map(|span| (span.first(), span.slots(), span.block())).collect()
    };
    assert_eq!(kept.len(), 128);
    memory.begin_cycle();
    let before = shapes();
    while cache.refill(&memory, noscan(2048)).is_ok() {}
    assert!(
        kept.iter().all(|id| !memory.map().span(*id).is_in_use()),
        "they were freed, and are no other spans"
    );
    assert_eq!(shapes(), before);
    let bits = kept.iter().flat_map(|id| memory.map().bits_of(memory.map().span(*id)));
    assert!(bits.map(|word| word.load(Relaxed)).all(|word| word == 0));
    assert_eq!(memory.count_marked().objects, 0);
    let high = memory.pages().spans_high();
    memory.end_marking();
    cache.flush(&memory);
    memory.end_cycle();
    memory.finish_sweep(Empties::Free);
    fill_spans(&memory, &cache, 512);
    assert_eq!(memory.pages().spans_high(), high, "they are used again");
    assert_eq!(check(&memory), []);
}

/// Both are refused at about the same time; one takes all that is kept, and the other needs half of it.
#[test]
fn nobody_is_refused_what_another_is_about_to_free() {
    for _ in 0..400 {
        let memory = memory_with(&SimOs::new(), None, Bytes::mib(4));
        keep_spans(&memory, 256, 128);
        assert_eq!(memory.fragmentation().total.empty, 128);
        let begun = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let cache = Cache::at(memory.seat());
                    begun.wait();
                    (0..192 * 4).for_each(|_| _ = alloc(&memory, &cache, noscan(2048), 1));
                    cache.flush(&memory);
                });
            }
        });
        assert_eq!(memory.fragmentation().total.spans, 512);
    }
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
