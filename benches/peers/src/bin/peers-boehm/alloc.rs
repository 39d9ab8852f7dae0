//! Alloc: one object after another, written whole as in the other programs.

use std::hint::black_box;

use peers::Refusal;
use peers::alloc::{self, Mode, Shape};
use peers::report::{Clock, Report};

use crate::PEER;
use crate::library::Library;

/// Bytes alive in mode gc64, in one block without pointers.
const BALLAST: usize = 64 << 20;

#[inline(never)]
fn allocate(library: &Library, shape: Shape, times: usize) {
    let bytes = shape.words * 8;
    for _ in 0..times {
        if shape.scanned {
            // It comes cleared.
            black_box(library.scanned(bytes));
        } else {
            let object = library.noscan(bytes).cast::<u8>();
            // SAFETY: it was just made, of so many bytes, and nobody else knows it.
            unsafe { object.write_bytes(0, bytes) };
            black_box(object);
        }
    }
}

pub(crate) fn run(library: &Library, shape: &str, mode: &str) -> Result<Report, Refusal> {
    let (of, how) = (Shape::named(shape)?, Mode::named(mode)?);
    let times = of.times(how);
    let ballast = match how {
        Mode::Gc64 => Some(library.noscan(BALLAST)),
        Mode::Fresh | Mode::Reuse => {
            library.disable();
            None
        }
        Mode::Gc => None,
    };
    if how == Mode::Reuse {
        allocate(library, of, times);
    }
    if how != Mode::Fresh {
        library.collect();
    }
    let before = library.cycles();
    let clock = Clock::start();
    allocate(library, of, times);
    let spent = clock.since();
    black_box(ballast);
    let mut report = alloc::report(PEER, &[shape, mode], times, spent);
    report.field("cycles", library.cycles() - before);
    Ok(report)
}
