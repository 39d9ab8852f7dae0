//! Alloc: one object after another. An arena collects between two mutations, so a run is cut into short ones.

use std::hint::black_box;

use gc_arena::{Arena, Collect, Gc, Mutation, Rootable};
use peers::Refusal;
use peers::alloc::{self, Mode, Shape};
use peers::report::{Clock, Report, Spent};

use crate::PEER;

/// Bytes between two moments at which the arena may collect.
const BATCH: usize = 16 << 10;

/// A pointer and so many words.
#[derive(Collect)]
#[collect(no_drop)]
struct Pointer<'gc, const W: usize>(Option<Gc<'gc, u64>>, [u64; W]);

type Empty = Rootable![()];

/// Times so many calls of `make`, in an arena that collects as it goes or never.
#[inline(never)]
fn timed(mode: Mode, times: usize, bytes: usize, make: impl for<'gc> Fn(&Mutation<'gc>)) -> Spent {
    let mut arena = Arena::<Empty>::new(|_| ());
    let clock = Clock::start();
    let mut left = times;
    while left > 0 {
        let now = (BATCH / bytes).max(1).min(left);
        arena.mutate(|mc, ()| (0..now).for_each(|_| make(mc)));
        left -= now;
        if mode == Mode::Gc {
            arena.collect_debt();
        }
    }
    clock.since()
}

/// Words without pointers.
#[inline(always)]
fn words<const W: usize>(mc: &Mutation<'_>) {
    black_box(Gc::new(mc, [0u64; W]));
}

/// The same with a pointer before.
#[inline(always)]
fn pointer<const W: usize>(mc: &Mutation<'_>) {
    let object = black_box(Gc::new(mc, Pointer(None, [0; W])));
    black_box((object.0.is_some(), &object.1));
}

pub(crate) fn run(shape: &str, mode: &str) -> Result<Report, Refusal> {
    let (of, how) = (Shape::named(shape)?, Mode::named(mode)?);
    if how != Mode::Gc && how != Mode::Fresh {
        return Err(Refusal::new(format!("no mode {mode:?} in an arena")));
    }
    let (times, bytes) = (of.times(how), of.words * 8);
    let spent = match (of.words, of.scanned) {
        (1, false) => timed(how, times, bytes, words::<1>),
        (2, false) => timed(how, times, bytes, words::<2>),
        (8, false) => timed(how, times, bytes, words::<8>),
        (32, false) => timed(how, times, bytes, words::<32>),
        (128, false) => timed(how, times, bytes, words::<128>),
        (2, true) => timed(how, times, bytes, pointer::<1>),
        (4, true) => timed(how, times, bytes, pointer::<3>),
        (8, true) => timed(how, times, bytes, pointer::<7>),
        (128, true) => timed(how, times, bytes, pointer::<127>),
        _ => return Err(Refusal::new(format!("no shape {shape:?} in an arena"))),
    };
    Ok(alloc::report(PEER, &[shape, mode], times, spent))
}
