//! Mark: full collections of a heap that does not change.
//!
//! A shape is an arena whose root holds it; the rest is the same for all. The root's own vector, where a shape
//! has one, is no object of the arena, but it is traced and its bytes count as scanned.

use gc_arena::{Arena, Collect, Gc, Lock, Mutation, Rootable};
use peers::report::{Clock, Report, Spent};
use peers::{Dice, Refusal, mark, positive};

use crate::PEER;
use crate::tree::{OneTree, Tree};

#[derive(Collect)]
#[collect(no_drop)]
struct Pointers3<'gc>([Gc<'gc, u64>; 3]);

#[derive(Collect)]
#[collect(no_drop)]
struct Link<'gc> {
    next: Lock<Option<Gc<'gc, Link<'gc>>>>,
    value: u64,
}

type Edges<'gc> = [Option<Gc<'gc, Node4<'gc>>>; 4];

#[derive(Collect)]
#[collect(no_drop)]
struct Node4<'gc> {
    to: Lock<Edges<'gc>>,
}

/// Builds a shape of `count` objects and times `cycles` collections of it.
pub(crate) fn run(shape: &str, count: &str, cycles: &str) -> Result<Report, Refusal> {
    let (objects, times) = (positive(count)?, positive(cycles)?);
    let vector = size_of::<usize>();
    let measured = match shape {
        "ptr3" => {
            let arena = Arena::<Rootable![Vec<Gc<'_, Pointers3<'_>>>]>::new(|mc| ptr3(mc, objects));
            measure(arena, times, size_of::<Pointers3<'_>>() + vector)
        }
        "int3" => {
            let arena = Arena::<Rootable![Vec<Gc<'_, [u64; 3]>>]>::new(|mc| int3(mc, objects));
            measure(arena, times, size_of::<[u64; 3]>() + vector)
        }
        "list" => {
            let arena = Arena::<Rootable![Gc<'_, Link<'_>>]>::new(|mc| {
                let nodes = links(mc, objects);
                chain(mc, &nodes)
            });
            measure(arena, times, size_of::<Link<'_>>())
        }
        "listr" => {
            let arena = Arena::<Rootable![Gc<'_, Link<'_>>]>::new(|mc| {
                let mut nodes = links(mc, objects);
                let mut dice = Dice::default();
                for last in (1..nodes.len()).rev() {
                    nodes.swap(last, dice.below(last + 1));
                }
                chain(mc, &nodes)
            });
            measure(arena, times, size_of::<Link<'_>>())
        }
        "tree" => {
            let arena = Arena::<OneTree>::new(|mc| balanced(mc, objects));
            measure(arena, times, size_of::<Tree<'_>>())
        }
        "graph" => {
            let arena = Arena::<Rootable![Gc<'_, Node4<'_>>]>::new(|mc| graph(mc, objects));
            measure(arena, times, size_of::<Node4<'_>>())
        }
        _ => return Err(Refusal::new(format!("no shape {shape:?}"))),
    };
    Ok(measured.report(&[shape, count, cycles]))
}

/// What the collections took.
struct Measured {
    objects: usize,
    bytes: usize,
    walls_ms: Vec<f64>,
    cycles: Spent,
    marking: Spent,
}

fn measure<R>(mut arena: Arena<R>, cycles: usize, bytes_per_object: usize) -> Measured
where
    R: for<'a> gc_arena::Rootable<'a>,
    for<'a> gc_arena::arena::Root<'a, R>: Collect<'a> + Sized,
{
    // The first collection drops what the building needed, the second is a rehearsal.
    arena.finish_cycle();
    arena.finish_cycle();
    let objects = arena.metrics().total_gc_count();
    let mut measured = Measured {
        objects,
        bytes: objects * bytes_per_object,
        walls_ms: Vec::with_capacity(cycles),
        cycles: Spent::default(),
        marking: Spent::default(),
    };
    for _ in 0..cycles {
        let clock = Clock::start();
        let marked = arena.finish_marking().is_some();
        measured.marking += clock.since();
        assert!(marked, "a sleeping arena was not marked to the end");
        arena.finish_cycle();
        let cycle = clock.since();
        measured.cycles += cycle;
        measured.walls_ms.push(cycle.wall.as_secs_f64() * 1e3);
    }
    measured
}

impl Measured {
    fn report(self, args: &[&str]) -> Report {
        let cycles = self.walls_ms.len();
        let marking = self.marking.cpu.as_secs_f64();
        let mut report = mark::report(PEER, args, self.objects, self.walls_ms, self.cycles);
        report.field("mark_cpu_ns_per_object", marking * 1e9 / (self.objects * cycles) as f64);
        report.field("mark_mb_per_s", (self.bytes * cycles) as f64 / marking / 1e6);
        report
    }
}

fn ptr3<'gc>(mc: &Mutation<'gc>, count: usize) -> Vec<Gc<'gc, Pointers3<'gc>>> {
    let one = Gc::new(mc, 0u64);
    (0..count).map(|_| Gc::new(mc, Pointers3([one; 3]))).collect()
}

fn int3<'gc>(mc: &Mutation<'gc>, count: usize) -> Vec<Gc<'gc, [u64; 3]>> {
    (0..count as u64).map(|i| Gc::new(mc, [i; 3])).collect()
}

/// Nodes that are not linked yet, in the order of allocation.
fn links<'gc>(mc: &Mutation<'gc>, count: usize) -> Vec<Gc<'gc, Link<'gc>>> {
    (0..count as u64).map(|value| Gc::new(mc, Link { next: Lock::new(None), value })).collect()
}

/// Links the nodes as they stand and returns the first.
fn chain<'gc>(mc: &Mutation<'gc>, nodes: &[Gc<'gc, Link<'gc>>]) -> Gc<'gc, Link<'gc>> {
    for pair in nodes.windows(2) {
        gc_arena::barrier::unlock!(Gc::write(mc, pair[0]), Link, next).set(Some(pair[1]));
    }
    let sum = nodes.iter().fold(0u64, |sum, node| sum.wrapping_add(node.value));
    eprintln!("{} nodes linked, sum of values {sum}", nodes.len());
    nodes[0]
}

/// A balanced tree of so many nodes, allocated depth first. A node here cannot change after it is made, so it
/// comes after its children, not before as in the other programs.
fn balanced<'gc>(mc: &Mutation<'gc>, count: usize) -> Option<Gc<'gc, Tree<'gc>>> {
    let below = count.checked_sub(1)?;
    let left = balanced(mc, below / 2);
    let right = balanced(mc, below - below / 2);
    Some(Gc::new(mc, Tree { left, right }))
}

fn graph<'gc>(mc: &Mutation<'gc>, count: usize) -> Gc<'gc, Node4<'gc>> {
    let nodes: Vec<_> = (0..count).map(|_| Gc::new(mc, Node4 { to: Lock::new([None; 4]) })).collect();
    let mut dice = Dice::default();
    for node in &nodes {
        let edges: Edges<'gc> = std::array::from_fn(|_| Some(nodes[dice.below(count)]));
        gc_arena::barrier::unlock!(Gc::write(mc, *node), Node4, to).set(edges);
    }
    nodes[0]
}
