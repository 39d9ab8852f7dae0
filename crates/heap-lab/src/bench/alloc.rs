//! The `alloc` bench: one allocation after another, of one size, into one kind of heap.
//!
//! Each shape is compiled into a loop of its own, with the type known at the call, as in user code. An object is
//! written whole (zeros, a null reference), kept from being optimised away, and dropped. Between batches the mutator
//! leaves the heap, so that a collection that is due can run.

use super::{AllocMode, AllocShape, Outcome};
use crate::error::LabError;
use crate::measure::resident::peak;
use crate::measure::time::{Lap, Stopwatch};
use std::hint::black_box;
use tricolor::{Gc, HeapBuilder, Mu, Mutator, Trace};

/// Bytes that a run allocates, in slots: a gigabyte is long enough for a steady figure and fits most machines when
/// nothing is collected.
const BYTES: u64 = 1 << 30;
/// Times as much where collections reuse the memory.
const COLLECTED: u64 = 2;
/// Live bytes of `gc64`.
const BALLAST: usize = 64 << 20;
/// Bytes between two looks at whether a collection is due: a few microseconds of work.
const BATCH: u64 = 16 << 10;

/// A reference and so many words.
type Scan<'gc, const W: usize> = (Option<Gc<'gc, u64>>, [u64; W]);
/// So many words without a reference.
type Noscan<const W: usize> = [u64; W];

/// Makes one object, for each shape.
trait Shape {
    /// What is made.
    type Of<'gc>: Trace;
    /// Makes an empty one.
    fn make<'gc>(mu: &Mu<'gc>) -> Gc<'gc, Self::Of<'gc>>;
}

/// `W` words without references.
struct Words<const W: usize>;
/// A reference and `W` words.
struct Pointer<const W: usize>;

impl<const W: usize> Shape for Words<W> {
    type Of<'gc> = Noscan<W>;
    #[inline(always)]
    fn make<'gc>(mu: &Mu<'gc>) -> Gc<'gc, Noscan<W>> {
        mu.alloc([0; W])
    }
}

impl<const W: usize> Shape for Pointer<W> {
    type Of<'gc> = Scan<'gc, W>;
    #[inline(always)]
    fn make<'gc>(mu: &Mu<'gc>) -> Gc<'gc, Scan<'gc, W>> {
        mu.alloc((None, [0; W]))
    }
}

#[inline(never)]
fn allocate<S: Shape>(mutator: &mut Mutator, count: u64) {
    let batch = (BATCH / size_of::<S::Of<'static>>() as u64).max(1);
    let mut left = count;
    while left > 0 {
        mutator.enter(|mu| {
            while left > 0 {
                let now = batch.min(left);
                for _ in 0..now {
                    black_box(S::make(mu));
                }
                left -= now;
                if mu.should_yield() {
                    break;
                }
            }
        });
    }
}

/// Times `count` allocations in a heap of that mode; also says how many collections ran meanwhile.
fn timed<S: Shape>(builder: &HeapBuilder, mode: AllocMode, count: u64) -> Result<(Lap, u64), LabError> {
    let builder = match mode {
        AllocMode::Fresh | AllocMode::Reuse => builder.clone().gc_off(),
        AllocMode::Gc | AllocMode::Gc64 => builder.clone(),
    };
    let heap = builder.build()?;
    let mut mutator = heap.attach()?;
    let ballast =
        (mode == AllocMode::Gc64).then(|| mutator.enter(|mu| mu.root(mu.alloc_copy(&vec![1u8; BALLAST]))));
    match mode {
        // The first collections of a growing heap come early; the steady state is wanted.
        AllocMode::Gc | AllocMode::Gc64 => mutator.collect(),
        AllocMode::Reuse => {
            allocate::<S>(&mut mutator, count);
            mutator.collect();
        }
        AllocMode::Fresh => {}
    }
    let before = heap.figures().cycles;
    let watch = Stopwatch::start();
    allocate::<S>(&mut mutator, count);
    let lap = watch.lap();
    drop(ballast);
    Ok((lap, heap.figures().cycles - before))
}

pub(super) fn run(
    builder: &HeapBuilder,
    shape: AllocShape,
    mode: AllocMode,
    args: Vec<String>,
) -> Result<Outcome, LabError> {
    let (size, timed) = loop_of(shape);
    let bytes = match mode {
        AllocMode::Fresh | AllocMode::Reuse => BYTES,
        AllocMode::Gc | AllocMode::Gc64 => BYTES * COLLECTED,
    };
    let count = bytes / size as u64;
    let (lap, cycles) = timed(builder, mode, count)?;
    Ok(Outcome {
        bench: "alloc",
        args,
        wall_s: lap.wall.as_secs_f64(),
        cpu_s: lap.cpu.as_secs_f64(),
        ns_per_op: Some(lap.wall_ns_per(count)),
        cpu_ns_per_op: Some(lap.cpu_ns_per(count)),
        objects: count,
        cycles,
        cycle_wall_ms: None,
        mark_cpu_ns_per_object: None,
        mark_mb_per_s: None,
        walk_cpu_ns_per_object: None,
        heap_inuse_bytes: None,
        heap_alloc_bytes: None,
        peak_rss_bytes: peak()?,
    })
}

/// A compiled loop.
type Timed = fn(&HeapBuilder, AllocMode, u64) -> Result<(Lap, u64), LabError>;

/// The size of a shape's object, and its loop.
fn loop_of(shape: AllocShape) -> (usize, Timed) {
    fn of<S: Shape>() -> (usize, Timed) {
        (size_of::<S::Of<'static>>(), timed::<S>)
    }
    match shape {
        AllocShape::N8 => of::<Words<1>>(),
        AllocShape::N16 => of::<Words<2>>(),
        AllocShape::S16 => of::<Pointer<1>>(),
        AllocShape::S32 => of::<Pointer<3>>(),
        AllocShape::S64 => of::<Pointer<7>>(),
        AllocShape::N64 => of::<Words<8>>(),
        AllocShape::N256 => of::<Words<32>>(),
        AllocShape::N1k => of::<Words<128>>(),
        AllocShape::S1k => of::<Pointer<127>>(),
        AllocShape::N8k => of::<Words<1024>>(),
        AllocShape::N32k => of::<Words<4096>>(),
        AllocShape::N64k => of::<Words<8192>>(),
        AllocShape::N128k => of::<Words<16384>>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_has_the_size_its_word_says() {
        for shape in AllocShape::ALL {
            let word = shape.word();
            let size = &word[1..];
            let expected = match size.strip_suffix('k') {
                Some(kib) => kib.parse::<usize>().expect("a number") * 1024,
                None => size.parse().expect("a number"),
            };
            assert_eq!(loop_of(*shape).0, expected, "{word}");
        }
    }

    #[test]
    fn a_shape_has_references_if_its_word_says_so() {
        fn is_noscan<S: Shape>() -> bool {
            S::Of::<'static>::MASK.is_noscan()
        }
        assert!(is_noscan::<Words<2>>() && !is_noscan::<Pointer<1>>());
    }
}
