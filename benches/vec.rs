//! Pushes onto a `GcVec` beside pushes onto a `Vec`: numbers and references, with room and from nothing.
//!
//!     cargo bench --bench vec                    (all of them)
//!     cargo bench --bench vec -- numbers grown   (these only)
//!
//! With room, a round is a thousand pushes and a clear. `grown` is a vector of numbers that grows from nothing to a thousand and is garbage
//! then, with what refills, cycles and sweeping cost; `grown refs` the same of references; `back` and `back refs` the same when
//! the vector is given back, as a `Vec` is when it is dropped. A turn of each takes [`TURN`], in turns; the figures are medians of
//! [`TURNS`]. Without `--bench`, as a test, it is one short turn.

#[path = "support/turns.rs"]
mod turns;

use std::hint::black_box;
use std::time::Duration;
use tricolor::{GcVec, Heap, Mu, Trace};
use turns::Bench;

const ROUND: usize = 1000;
const TURNS: usize = 9;
const TURN: Duration = Duration::from_millis(40);

/// A round, in a function of its own, as in a program: what is not reached through its arguments is not known to it.
#[inline(never)]
fn push<'gc, T: Trace + Copy + 'gc>(mu: &Mu<'gc>, items: &GcVec<'gc, T>, value: T) {
    for _ in 0..ROUND {
        items.push(mu, black_box(value));
    }
}

/// The same onto a `Vec`.
#[inline(never)]
fn push_plain<T: Copy>(items: &mut Vec<T>, value: T) {
    for _ in 0..ROUND {
        items.push(black_box(value));
    }
}

fn heap() -> Heap {
    Heap::builder().workers(1).build().expect("address space")
}

fn with_room<'gc, T: Trace + Copy + 'gc>(bench: &Bench, name: &str, mu: &Mu<'gc>, value: T) {
    let items = mu.alloc(GcVec::with_capacity(mu, ROUND));
    let mut plain = Vec::with_capacity(ROUND);
    line(
        bench,
        name,
        &mut || {
            push(mu, &items, value);
            items.clear(mu);
        },
        &mut || {
            push_plain(&mut plain, value);
            plain.clear();
        },
    );
}

/// What becomes of a vector that has grown.
#[derive(Clone, Copy)]
enum End {
    Garbage,
    GivenBack,
}

fn grow<'gc, T: Trace + Copy + 'gc>(mu: &Mu<'gc>, value: T, end: End) {
    let items = GcVec::new();
    push(mu, &items, value);
    black_box(items.len());
    if let End::GivenBack = end {
        items.give_back(mu);
    }
}

fn grow_plain<T: Copy>(value: T) {
    let mut items = Vec::new();
    push_plain(&mut items, value);
    black_box(items.len());
}

fn from_nothing(bench: &Bench) {
    let plain = Box::new(1_u64);
    let to_plain = &raw const *plain;
    for (end, numbers, refs) in [(End::Garbage, "grown", "grown refs"), (End::GivenBack, "back", "back refs")]
    {
        let heap = heap();
        let mut mutator = heap.attach().expect("a fresh heap");
        line(bench, numbers, &mut || mutator.enter(|mu| grow(mu, 1_u64, end)), &mut || grow_plain(1_u64));
        line(bench, refs, &mut || mutator.enter(|mu| grow(mu, mu.alloc(1_u64), end)), &mut || {
            grow_plain(to_plain);
        });
    }
}

/// One line of the table.
fn line(bench: &Bench, name: &str, ours: &mut dyn FnMut(), theirs: &mut dyn FnMut()) {
    if bench.wants(name) {
        let [ours, theirs] = bench.run(ROUND, [ours, theirs]);
        turns::line(name, &[ours, theirs, ours.over(theirs)]);
    }
}

fn main() {
    let bench = Bench::of_arguments(TURNS, TURN);
    println!(
        "nanoseconds a push, elapsed and processor time of all threads, and how many times as long as onto a Vec"
    );
    turns::head(["GcVec", "Vec", "GcVec / Vec"]);
    heap().attach().expect("a fresh heap").enter(|mu| {
        with_room(&bench, "numbers", mu, 1_u64);
        with_room(&bench, "refs", mu, mu.alloc(1_u64));
    });
    from_nothing(&bench);
}
