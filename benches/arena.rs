//! Objects from an arena beside objects by themselves: the same objects, made and left to the collector.
//!
//! Each round makes ten thousand objects that are garbage when it leaves `enter`, and the heap collects itself as it would in
//! a program: the time includes refills or chunks, cycles and sweeping. `list`, `tree` and `expr` link what they make; `tree`
//! and `expr` hand the arena down a recursion. The types of `s16`, `s64`, `list` and `tree` have layouts whose number is known at
//! compile time, so [`Mu::alloc`] is a bump for them; those of `expr`, an enum, `s96`, of more than eight words, and `drop` have not.

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use std::hint::black_box;
use tricolor::{Arena, Gc, Heap, Leaf, Mu, Trace};

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
struct Tree<'gc> {
    left: Option<Gc<'gc, Tree<'gc>>>,
    right: Option<Gc<'gc, Tree<'gc>>>,
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

const ROUND: usize = 10_000;
/// A tree of this depth has 8191 nodes.
const DEPTH: u32 = 12;

fn rounds(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, round: impl Fn(&Mu<'_>)) {
    let heap = Heap::builder().workers(1).build().expect("address space");
    let mut m = heap.attach().expect("a fresh heap");
    group.bench_function(name, |b| b.iter(|| m.enter(&round)));
}

fn tree<'gc>(mu: &Mu<'gc>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    let below = |depth| (depth > 0).then(|| tree(mu, depth - 1));
    mu.alloc(Tree { left: below(depth), right: below(depth) })
}

fn tree_in<'gc>(mu: &Mu<'gc>, arena: &mut Arena<'gc, Tree<'gc>>, depth: u32) -> Gc<'gc, Tree<'gc>> {
    let mut below = |depth: u32| (depth > 0).then(|| tree_in(mu, arena, depth - 1));
    let (left, right) = (below(depth), below(depth));
    arena.alloc(mu, Tree { left, right })
}

fn expr<'gc>(depth: u32, alloc: &mut impl FnMut(Expr<'gc>) -> Gc<'gc, Expr<'gc>>) -> Gc<'gc, Expr<'gc>> {
    if depth == 0 {
        return alloc(Expr::Number(u64::from(depth)));
    }
    let (left, right) = (expr(depth - 1, alloc), expr(depth - 1, alloc));
    alloc(Expr::Sum(left, right))
}

fn arena(c: &mut Criterion) {
    let mut group = c.benchmark_group("arena");
    group.throughput(Throughput::Elements(ROUND as u64));
    rounds(&mut group, "s16/heap", |mu| {
        (0..ROUND as u64).for_each(|value| {
            black_box(mu.alloc(S16 { next: None, value }));
        });
    });
    rounds(&mut group, "s16/arena", |mu| {
        let mut arena = Arena::new(mu, ROUND);
        (0..ROUND as u64).for_each(|value| {
            black_box(arena.alloc(mu, S16 { next: None, value }));
        });
    });
    rounds(&mut group, "s64/heap", |mu| {
        (0..ROUND as u64).for_each(|value| {
            black_box(mu.alloc(S64 { next: None, values: [value; 7] }));
        });
    });
    rounds(&mut group, "s64/arena", |mu| {
        let mut arena = Arena::new(mu, ROUND);
        (0..ROUND as u64).for_each(|value| {
            black_box(arena.alloc(mu, S64 { next: None, values: [value; 7] }));
        });
    });
    rounds(&mut group, "s96/heap", |mu| {
        (0..ROUND as u64).for_each(|value| {
            black_box(mu.alloc(S96 { next: None, values: [value; 11] }));
        });
    });
    rounds(&mut group, "s96/arena", |mu| {
        let mut arena = Arena::new(mu, ROUND);
        (0..ROUND as u64).for_each(|value| {
            black_box(arena.alloc(mu, S96 { next: None, values: [value; 11] }));
        });
    });
    rounds(&mut group, "drop/heap", |mu| {
        (0..ROUND as u64).for_each(|value| {
            black_box(mu.alloc(Leaf::new(Dropped(value))));
        });
    });
    rounds(&mut group, "drop/arena", |mu| {
        let mut arena = Arena::new(mu, ROUND);
        (0..ROUND as u64).for_each(|value| {
            black_box(arena.alloc(mu, Leaf::new(Dropped(value))));
        });
    });
    rounds(&mut group, "list/heap", |mu| {
        let mut last = None;
        (0..ROUND as u64).for_each(|value| last = Some(mu.alloc(S16 { next: last, value })));
        black_box(last.map(|last| last.value));
    });
    rounds(&mut group, "list/arena", |mu| {
        let mut arena = Arena::new(mu, ROUND);
        let mut last = None;
        (0..ROUND as u64).for_each(|value| last = Some(arena.alloc(mu, S16 { next: last, value })));
        black_box(last.map(|last| last.value));
    });
    group.throughput(Throughput::Elements((2 << DEPTH) - 1));
    rounds(&mut group, "tree/heap", |mu| {
        black_box(tree(mu, DEPTH).left);
    });
    rounds(&mut group, "tree/arena", |mu| {
        let mut arena = Arena::new(mu, (2 << DEPTH) - 1);
        black_box(tree_in(mu, &mut arena, DEPTH).right);
    });
    rounds(&mut group, "expr/heap", |mu| {
        black_box(matches!(*expr(DEPTH, &mut |expr| mu.alloc(expr)), Expr::Number(_)));
    });
    rounds(&mut group, "expr/arena", |mu| {
        let mut arena = Arena::new(mu, (2 << DEPTH) - 1);
        black_box(matches!(*expr(DEPTH, &mut |expr| arena.alloc(mu, expr)), Expr::Number(_)));
    });
    group.finish();
}

criterion_group!(benches, arena);
criterion_main!(benches);
