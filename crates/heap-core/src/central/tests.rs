use super::Taken;
use crate::cache::Cache;
use crate::memory::tests::{alloc, memory, noscan};
use crate::page_heap::PageStock;
use crate::span::Home;
use crate::span::claim::try_claim;

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
