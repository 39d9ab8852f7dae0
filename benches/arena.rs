//! Objects from an arena beside objects by themselves, and beside no allocation: the same program, four times.
//!
//!     cargo bench --bench arena                (all of them)
//!     cargo bench --bench arena -- tree list   (these only)
//!
//! Each round makes some thousand objects that are garbage when it leaves `enter`, and the heap collects itself as it would in
//! a program: the time includes refills or chunks, cycles and sweeping. *arena* is [`Arena::alloc`], *fill* is [`Arena::fill`]. `list`, `tree` and `expr` link what they make; `tree`
//! and `expr` hand the arena, or the fill, down a recursion. The types of `s16`, `s64`, `list` and `tree` have layouts whose number is known at
//! compile time, so [`Mu::alloc`] is a bump for them; those of `expr`, an enum, `s96`, of more than eight words, and `drop` have not.
//!
//! The *floor* is the same program with slots that are there already, and used again in each round: loop, recursion and the writing of
//! the object are in it, and nothing of an allocator or a collector, nor the caches that a heap of some MiB goes through. What is
//! above the floor is what having a heap costs.
//!
//! Elapsed time leaves out what the collector's thread does on another processor, if there is one; processor time is that of all threads.
//! A turn of each takes [`TURN`], in turns; the figures are medians of [`TURNS`]. Without `--bench`, as a test, it is one short turn.

#[path = "support/trees.rs"]
mod trees;
#[path = "support/turns.rs"]
mod turns;

use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::slice::IterMut;
use std::time::Duration;
use trees::{tree, tree_fill, tree_in};
use tricolor::{Arena, Fill, Gc, Heap, Leaf, Mu, Trace};
use turns::{Bench, Cost};

const ROUND: usize = 10_000;
/// A tree of this depth has 8191 nodes.
const DEPTH: u32 = 12;
const NODES: usize = (2 << DEPTH) - 1;
const TURNS: usize = 9;
const TURN: Duration = Duration::from_millis(40);

#[derive(Trace)]
struct S16<'gc> {
    next: Option<Gc<'gc, S16<'gc>>>,
    value: u64,
}

#[derive(Trace)]
struct S64<'gc> {
    next: Option<Gc<'gc, S64<'gc>>>,
    values: [u64; 7],
}

#[derive(Trace)]
struct S96<'gc> {
    next: Option<Gc<'gc, S96<'gc>>>,
    values: [u64; 11],
}

#[derive(Trace)]
enum Expr<'gc> {
    Number(u64),
    Sum(Gc<'gc, Expr<'gc>>, Gc<'gc, Expr<'gc>>),
}

/// Something with a drop that does nothing worth measuring.
struct Dropped(u64);

impl Drop for Dropped {
    fn drop(&mut self) {
        black_box(self.0);
    }
}

/// The same types outside a heap.
struct PlainLink {
    next: *const PlainLink,
    value: u64,
}

struct PlainTree {
    #[expect(dead_code, reason = "it is written, as in the heap")]
    left: *const PlainTree,
    #[expect(dead_code, reason = "it is written, as in the heap")]
    right: *const PlainTree,
}

enum PlainExpr {
    Number(#[expect(dead_code, reason = "it is written, as in the heap")] u64),
    Sum(
        #[expect(dead_code, reason = "it is written, as in the heap")] *const PlainExpr,
        #[expect(dead_code, reason = "it is written, as in the heap")] *const PlainExpr,
    ),
}

/// Slots that are there already.
type Slots<T> = Vec<MaybeUninit<T>>;
type Rest<'a, T> = IterMut<'a, MaybeUninit<T>>;

fn slots<T>(count: usize) -> Slots<T> {
    (0..count).map(|_| MaybeUninit::uninit()).collect()
}

/// The least that an allocation can be: a bump, and the writing of the object.
#[inline(always)]
fn place<'a, T>(rest: &mut Rest<'a, T>, value: T) -> &'a mut T {
    rest.next().expect("there are as many slots as objects").write(value)
}

fn tree_plain(rest: &mut Rest<'_, PlainTree>, depth: u32) -> *const PlainTree {
    let (mut left, mut right) = (std::ptr::null(), std::ptr::null());
    if depth > 0 {
        left = tree_plain(rest, depth - 1);
        right = tree_plain(rest, depth - 1);
    }
    place(rest, PlainTree { left, right })
}

fn expr<'gc>(mu: &Mu<'gc>, depth: u32) -> Gc<'gc, Expr<'gc>> {
    if depth == 0 {
        return mu.alloc(Expr::Number(u64::from(depth)));
    }
    let (left, right) = (expr(mu, depth - 1), expr(mu, depth - 1));
    mu.alloc(Expr::Sum(left, right))
}

fn expr_in<'gc>(mu: &Mu<'gc>, arena: &mut Arena<'gc, Expr<'gc>>, depth: u32) -> Gc<'gc, Expr<'gc>> {
    if depth == 0 {
        return arena.alloc(mu, Expr::Number(u64::from(depth)));
    }
    let (left, right) = (expr_in(mu, arena, depth - 1), expr_in(mu, arena, depth - 1));
    arena.alloc(mu, Expr::Sum(left, right))
}

fn expr_fill<'gc>(fill: &mut Fill<'_, 'gc, Expr<'gc>>, depth: u32) -> Gc<'gc, Expr<'gc>> {
    if depth == 0 {
        return fill.alloc(Expr::Number(u64::from(depth)));
    }
    let (left, right) = (expr_fill(fill, depth - 1), expr_fill(fill, depth - 1));
    fill.alloc(Expr::Sum(left, right))
}

fn expr_plain(rest: &mut Rest<'_, PlainExpr>, depth: u32) -> *const PlainExpr {
    if depth == 0 {
        return place(rest, PlainExpr::Number(u64::from(depth)));
    }
    let (left, right) = (expr_plain(rest, depth - 1), expr_plain(rest, depth - 1));
    place(rest, PlainExpr::Sum(left, right))
}

/// What a cost is more than the floor.
fn above(cost: Cost, floor: Cost) -> Cost {
    Cost { elapsed: cost.elapsed - floor.elapsed, processor: cost.processor - floor.processor }
}

/// One line of the table.
fn case(
    bench: &Bench,
    (name, objects): (&str, usize),
    alloc: impl Fn(&Mu<'_>),
    arena: impl Fn(&Mu<'_>),
    fill: impl Fn(&Mu<'_>),
    mut floor: impl FnMut(),
) {
    if !bench.wants(name) {
        return;
    }
    let heaps = [(); 3].map(|()| Heap::builder().workers(1).build().expect("address space"));
    let [mut one, mut two, mut three] = heaps.each_ref().map(|heap| heap.attach().expect("a fresh heap"));
    let [alloc, arena, fill, floor] = bench.run(
        objects,
        [&mut || one.enter(&alloc), &mut || two.enter(&arena), &mut || three.enter(&fill), &mut floor],
    );
    let all = [arena, fill].map(|less| alloc.over(less));
    let above = [arena, fill].map(|less| above(alloc, floor).over(above(less, floor)));
    turns::line(name, &[alloc, arena, fill, floor, all[0], all[1], above[0], above[1]]);
}

fn values() -> Range<u64> {
    0..ROUND as u64
}

/// One line, of objects that lead nowhere, one after another.
fn one_by_one<T: Trace + 'static>(bench: &Bench, name: &str, make: impl Fn(u64) -> T, floor: impl FnMut()) {
    case(
        bench,
        (name, ROUND),
        |mu| {
            values().for_each(|value| {
                black_box(mu.alloc(make(value)));
            });
        },
        |mu| {
            let mut arena = Arena::new(mu, ROUND);
            values().for_each(|value| {
                black_box(arena.alloc(mu, make(value)));
            });
        },
        |mu| {
            Arena::new(mu, ROUND).fill(mu, |fill| {
                values().for_each(|value| {
                    black_box(fill.alloc(make(value)));
                });
            });
        },
        floor,
    );
}

/// The floor of objects without a drop.
fn placed<T>(make: impl Fn(u64) -> T) -> impl FnMut() {
    let mut room = slots::<T>(ROUND);
    move || {
        let mut rest = room.iter_mut();
        values().for_each(|value| {
            black_box(&raw mut *place(&mut rest, make(value)));
        });
    }
}

fn main() {
    let bench = Bench::of_arguments(TURNS, TURN);
    println!(
        "nanoseconds an object, elapsed and processor time of all threads; how many times as long alloc takes, and above the floor"
    );
    turns::head([
        "alloc",
        "arena",
        "fill",
        "floor",
        "alloc / arena",
        "alloc / fill",
        "above: arena",
        "above: fill",
    ]);
    let s16 = |value| S16 { next: None, value };
    one_by_one(&bench, "s16", s16, placed(s16));
    let s64 = |value| S64 { next: None, values: [value; 7] };
    one_by_one(&bench, "s64", s64, placed(s64));
    let s96 = |value| S96 { next: None, values: [value; 11] };
    one_by_one(&bench, "s96", s96, placed(s96));
    let mut room = Vec::<Dropped>::with_capacity(ROUND);
    one_by_one(
        &bench,
        "drop",
        |value| Leaf::new(Dropped(value)),
        || {
            values().for_each(|value| {
                room.push(Dropped(value));
                black_box(room.as_ptr());
            });
            room.clear();
        },
    );
    let mut room = slots::<PlainLink>(ROUND);
    case(
        &bench,
        ("list", ROUND),
        |mu| {
            let mut last = None;
            values().for_each(|value| last = Some(mu.alloc(S16 { next: last, value })));
            black_box(last.map(|last| last.value));
        },
        |mu| {
            let mut arena = Arena::new(mu, ROUND);
            let mut last = None;
            values().for_each(|value| last = Some(arena.alloc(mu, S16 { next: last, value })));
            black_box(last.map(|last| last.value));
        },
        |mu| {
            let mut last = None;
            Arena::new(mu, ROUND).fill(mu, |fill| {
                values().for_each(|value| last = Some(fill.alloc(S16 { next: last, value })));
            });
            black_box(last.map(|last| last.value));
        },
        || {
            let mut rest = room.iter_mut();
            let mut last = PlainLink { next: std::ptr::null(), value: 0 };
            values().for_each(|value| {
                let next = &raw const *place(&mut rest, PlainLink { next: last.next, value });
                last = PlainLink { next, value };
            });
            black_box((last.next, last.value));
        },
    );
    let mut room = slots::<PlainTree>(NODES);
    case(
        &bench,
        ("tree", NODES),
        |mu| {
            black_box(tree(mu, DEPTH).left);
        },
        |mu| {
            let mut arena = Arena::new(mu, NODES);
            black_box(tree_in(mu, &mut arena, DEPTH).right);
        },
        |mu| {
            black_box(Arena::new(mu, NODES).fill(mu, |fill| tree_fill(fill, DEPTH)).right);
        },
        || {
            black_box(tree_plain(&mut room.iter_mut(), DEPTH));
        },
    );
    let mut room = slots::<PlainExpr>(NODES);
    case(
        &bench,
        ("expr", NODES),
        |mu| {
            black_box(matches!(*expr(mu, DEPTH), Expr::Number(_)));
        },
        |mu| {
            let mut arena = Arena::new(mu, NODES);
            black_box(matches!(*expr_in(mu, &mut arena, DEPTH), Expr::Number(_)));
        },
        |mu| {
            let tree = Arena::new(mu, NODES).fill(mu, |fill| expr_fill(fill, DEPTH));
            black_box(matches!(*tree, Expr::Number(_)));
        },
        || {
            black_box(expr_plain(&mut room.iter_mut(), DEPTH));
        },
    );
}
