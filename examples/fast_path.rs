//! The allocation fast path, in functions of their own, so that one can read their machine code.
//!
//! `just asm` writes it to docs/asm. What to look for: a load of the run's cursor at a constant place, a comparison with
//! its end, a store of the advanced cursor, the stores of the value. No lock, no atomic read-modify-write, no call unless
//! the run is used up, and no difference between the three but the constants.
//!
//! Run with `cargo run --release --example fast_path`.

use tricolor::{Gc, Heap, Mu, Root, Trace};

const COUNT: u64 = 100_000;

/// 16 bytes, one of the two words a reference.
#[derive(Trace)]
struct Pair<'gc> {
    next: Option<Gc<'gc, Pair<'gc>>>,
    value: u64,
}

/// 64 bytes, four of the eight words references.
#[derive(Trace)]
struct Wide<'gc> {
    children: [Option<Gc<'gc, Wide<'gc>>>; 4],
    values: [u64; 4],
}

/// 16 bytes without references.
#[inline(never)]
fn alloc_n16<'gc>(mu: &Mu<'gc>, value: [u64; 2]) -> Gc<'gc, [u64; 2]> {
    mu.alloc(value)
}

/// 16 bytes with one.
#[inline(never)]
fn alloc_s16<'gc>(mu: &Mu<'gc>, next: Option<Gc<'gc, Pair<'gc>>>, value: u64) -> Gc<'gc, Pair<'gc>> {
    mu.alloc(Pair { next, value })
}

/// 64 bytes with four.
#[inline(never)]
fn alloc_s64<'gc>(mu: &Mu<'gc>, child: Option<Gc<'gc, Wide<'gc>>>, value: u64) -> Gc<'gc, Wide<'gc>> {
    mu.alloc(Wide { children: [child; 4], values: [value; 4] })
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let heap = Heap::new()?;
    let mut mutator = heap.attach()?;
    let (pairs, wide): (Root<Pair<'static>>, Root<Wide<'static>>) = mutator.enter(|mu| {
        let (mut pair, mut wide) = (None, None);
        for value in 0..COUNT {
            assert_eq!(*alloc_n16(mu, [value, !value]), [value, !value]);
            pair = Some(alloc_s16(mu, pair, value));
            wide = Some(alloc_s64(mu, wide, value));
        }
        (mu.root(pair.expect("at least one")), mu.root(wide.expect("at least one")))
    });
    mutator.collect();
    let live = heap.figures().memory.heap_objects;
    assert_eq!(live, 2 * COUNT, "the two lists are reachable, the objects without references are not");
    let expected = COUNT * (COUNT - 1) / 2;
    mutator.enter(|mu| {
        let sum: u64 =
            core::iter::successors(Some(pairs.get(mu)), |pair| pair.next).map(|pair| pair.value).sum();
        assert_eq!(sum, expected);
        let nodes = core::iter::successors(Some(wide.get(mu)), |wide| wide.children[3]);
        assert_eq!(nodes.map(|wide| wide.values[3]).sum::<u64>(), expected);
    });
    println!("{} allocations, {live} objects live", 3 * COUNT);
    Ok(())
}
