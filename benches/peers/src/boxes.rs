//! Boxes: `Box`es, freed by hand, one by one, as the global allocator has it.

use std::hint::black_box;
use std::process::ExitCode;

use crate::alloc::{self, Mode, Shape};
use crate::report::{Clock, Report, Spent};
use crate::trees::{self, Forest};
use crate::{Refusal, program};

struct Node {
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
}

impl Node {
    fn bottom_up(depth: u32) -> Box<Self> {
        Box::new(match depth {
            0 => Self { left: None, right: None },
            _ => Self { left: Some(Self::bottom_up(depth - 1)), right: Some(Self::bottom_up(depth - 1)) },
        })
    }

    fn count(&self) -> u64 {
        match (&self.left, &self.right) {
            (Some(left), Some(right)) => 1 + left.count() + right.count(),
            _ => 1,
        }
    }
}

#[derive(Default)]
struct Boxes {
    kept: Option<Box<Node>>,
}

impl Forest for Boxes {
    fn build_and_count(&mut self, depth: u32) -> u64 {
        Node::bottom_up(depth).count()
    }

    fn keep(&mut self, depth: u32) {
        self.kept = Some(Node::bottom_up(depth));
    }

    fn count_kept(&mut self) -> u64 {
        self.kept.as_ref().map_or(0, |tree| tree.count())
    }
}

/// Makes so many boxes; where they are freed as it goes, whenever there is no more room for them.
fn fill<const W: usize>(boxes: &mut Vec<Box<[u64; W]>>, mode: Mode, times: usize) {
    let part = boxes.capacity();
    let mut left = times;
    while left > 0 {
        let now = part.min(left);
        boxes.extend((0..now).map(|_| black_box(Box::new([0; W]))));
        if mode == Mode::Gc || mode == Mode::Gc64 {
            boxes.clear();
        }
        left -= now;
    }
}

/// Times so many boxes of `W` words. Where they are freed, a part is made, and then freed in the order in which it was made.
fn allocate<const W: usize>(mode: Mode, times: usize) -> Spent {
    let part = match mode {
        Mode::Fresh | Mode::Reuse => times,
        Mode::Gc | Mode::Gc64 => mode.garbage() / size_of::<[u64; W]>(),
    };
    let mut boxes: Vec<Box<[u64; W]>> = Vec::with_capacity(part);
    match mode {
        Mode::Fresh => {}
        // Once to touch the memory.
        Mode::Gc | Mode::Gc64 => fill(&mut boxes, mode, part),
        Mode::Reuse => {
            fill(&mut boxes, mode, times);
            boxes.clear();
        }
    }
    let clock = Clock::start();
    fill(&mut boxes, mode, times);
    let spent = clock.since();
    // The end of the process frees them.
    std::mem::forget(boxes);
    spent
}

fn alloc(peer: &str, shape: &str, mode: &str) -> Result<Report, Refusal> {
    let (of, how) = (Shape::named(shape)?, Mode::named(mode)?);
    let times = of.times(how);
    // By hand, it does not matter what is in the words.
    let spent = match of.words {
        1 => allocate::<1>(how, times),
        2 => allocate::<2>(how, times),
        4 => allocate::<4>(how, times),
        8 => allocate::<8>(how, times),
        32 => allocate::<32>(how, times),
        _ => allocate::<128>(how, times),
    };
    Ok(alloc::report(peer, &[shape, mode], times, spent))
}

/// The program of a peer that is a global allocator.
pub fn main(peer: &str) -> ExitCode {
    program("trees DEPTH | alloc SHAPE MODE", |args| match *args {
        ["trees", depth] => trees::run(peer, &mut Boxes::default(), depth),
        ["alloc", shape, mode] => alloc(peer, shape, mode),
        _ => Err(Refusal::new(format!("cannot run {args:?}"))),
    })
}
