//! A small suite: programs that are measured by time, bytes and allocations of an operation, and by who allocates.
//!
//! It is what the regression detector is tried on ([`crate::compare`]), in one process: each program can be run as it is, or with a
//! mistake *planted* into it, of the kinds that changes to a program make. So two versions of a program are at hand without
//! two checkouts.
//!
//! ```text
//!   program            operation                            planted
//!   list               a node of a list                     —
//!   text               a number becomes a string            slower: the digits are made again
//!   boxes              an array of 6 words                  larger: 7 words, the next size class
//!   rows               a row of 4 references to numbers     one more: a number is made twice
//!   lent               a buffer from a pool                 another site: the buffer is made anew, elsewhere
//! ```
//!
//! Invariants
//!   T1  without a plant, bytes and allocations of an operation are equal in every run: what is counted is what was made between
//!       two collections, in a heap that does not collect by itself

use crate::error::LabError;
use crate::measure::ledger::Ledger;
use crate::measure::time::timed;
use crate::saved::{Kind, Measure, Run, Site};
use heap_profile::Profiler;
use std::hint::black_box;
use tricolor::{Gc, GcCell, HeapBuilder, Mu, Pool};

/// Operations of a program in a run: a millisecond or two.
const OPERATIONS: usize = 20_000;

/// A mistake that is planted into one program of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    /// None.
    None,
    /// Work is done twice: time.
    Slower,
    /// An object grows: bytes.
    Larger,
    /// An object is made twice: allocations, and with them bytes.
    OneMore,
    /// What was used again is made anew by another function: a site, and with it allocations and bytes.
    Elsewhere,
}

impl Plant {
    /// Every mistake.
    pub(crate) const ALL: [Self; 4] = [Self::Slower, Self::Larger, Self::OneMore, Self::Elsewhere];

    /// The program it is planted into, and the first figure in which it shows.
    pub(crate) fn shows(self) -> (&'static str, &'static str) {
        match self {
            Self::None => ("", ""),
            Self::Slower => ("text", "cpu_ns_per_op"),
            Self::Larger => ("boxes", "bytes_per_op"),
            Self::OneMore => ("rows", "allocs_per_op"),
            Self::Elsewhere => ("lent", "allocs_per_op"),
        }
    }
}

type Node<'gc> = (GcCell<Option<Gc<'gc, Link<'gc>>>>, u64);
type Link<'gc> = [u64; 2];
type Row<'gc> = [Option<Gc<'gc, u64>>; 4];
type Buffer = [GcCell<u64>; 32];

fn list(mu: &Mu<'_>, _: &Pool<Gc<'static, Buffer>>, _: Plant) {
    let mut last: Option<Gc<'_, Link<'_>>> = None;
    for index in 0..OPERATIONS as u64 {
        let link = mu.alloc::<Link<'_>>([index; 2]);
        black_box(mu.alloc::<Node<'_>>((GcCell::new(last), index)));
        last = Some(link);
    }
    black_box(last.map(|link| link[0]));
}

fn text(mu: &Mu<'_>, _: &Pool<Gc<'static, Buffer>>, plant: Plant) {
    let times = if plant == Plant::Slower { 4 } else { 1 };
    let mut buffer = [0_u8; 20];
    for index in 0..OPERATIONS as u64 {
        let mut first = buffer.len();
        for _ in 0..times {
            let mut number = black_box(1_000_000_007 * (index + 1));
            first = buffer.len();
            while number > 0 {
                first -= 1;
                buffer[first] = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        black_box(mu.alloc_copy(&buffer[first..]));
    }
}

fn boxes(mu: &Mu<'_>, _: &Pool<Gc<'static, Buffer>>, plant: Plant) {
    for index in 0..OPERATIONS as u64 {
        if plant == Plant::Larger {
            black_box(mu.alloc([index; 7]));
        } else {
            black_box(mu.alloc([index; 6]));
        }
    }
}

fn rows(mu: &Mu<'_>, _: &Pool<Gc<'static, Buffer>>, plant: Plant) {
    for index in 0..OPERATIONS as u64 {
        let row: Row<'_> = [0, 1, 2, 3].map(|column| Some(mu.alloc(index + column)));
        if plant == Plant::OneMore {
            black_box(mu.alloc(index));
        }
        black_box(mu.alloc(row));
    }
}

fn lent(mu: &Mu<'_>, pool: &Pool<Gc<'static, Buffer>>, plant: Plant) {
    for index in 0..OPERATIONS as u64 {
        if plant == Plant::Elsewhere {
            black_box(made_anew(mu, index));
        } else {
            let buffer = pool.lend(mu, || mu.alloc([const { GcCell::new(0) }; 32]));
            buffer[0].set(mu, black_box(index));
        }
    }
}

/// The site that is planted: a buffer with what is written in front of it.
#[inline(never)]
fn made_anew<'gc>(mu: &Mu<'gc>, index: u64) -> Gc<'gc, (u64, Buffer)> {
    mu.alloc((index, [const { GcCell::new(0) }; 32]))
}

/// A program of the suite.
struct Program {
    name: &'static str,
    work: fn(&Mu<'_>, &Pool<Gc<'static, Buffer>>, Plant),
}

const PROGRAMS: [Program; 5] = [
    Program { name: "list", work: list },
    Program { name: "text", work: text },
    Program { name: "boxes", work: boxes },
    Program { name: "rows", work: rows },
    Program { name: "lent", work: lent },
];

/// How many programs there are, and how many figures a run of all has.
pub(crate) const COUNT: usize = PROGRAMS.len();
pub(crate) const FIGURES: usize = COUNT * 3;

/// Runs one program of the [`COUNT`], and adds what it measured to `run`.
///
/// # Errors
/// When the heap cannot be built.
pub(crate) fn measure(
    builder: &HeapBuilder,
    program: usize,
    plant: Plant,
    run: &mut Run,
) -> Result<(), LabError> {
    let program = &PROGRAMS[program];
    let heap = builder.build()?;
    let mut mutator = heap.attach()?;
    let pool = Pool::new(&heap);
    // Once to touch the memory, then collected, so that what is timed allocates into swept spans.
    mutator.enter(|mu| (program.work)(mu, &pool, Plant::None));
    let ledger = Ledger::open(&mut mutator);
    let ((), lap) = timed(|| mutator.enter(|mu| (program.work)(mu, &pool, plant)));
    let change = ledger.close(&mut mutator);
    let operations = OPERATIONS as f64;
    for (name, kind, value) in [
        ("cpu_ns_per_op", Kind::Time, lap.thread.as_secs_f64() * 1e9 / operations),
        ("bytes_per_op", Kind::Bytes, change.total / operations),
        ("allocs_per_op", Kind::Allocs, change.mallocs / operations),
    ] {
        run.measures.push(Measure {
            krate: String::from("heap-gc"),
            bench: program.name.to_owned(),
            name: name.to_owned(),
            kind,
            value,
        });
    }
    Ok(())
}

/// Runs the suite once more with every allocation looked at, and adds who allocated to `run`. Not timed: looking takes long.
///
/// A site is named by its program and the type that it allocates, and not by its function: an optimised program may not know the
/// names of functions that were inlined.
///
/// # Errors
/// When a heap cannot be built.
pub(crate) fn profile(builder: &HeapBuilder, plant: Plant, run: &mut Run) -> Result<(), LabError> {
    for program in &PROGRAMS {
        let profiler = Profiler::new();
        let heap = builder.clone().sampler(profiler.clone(), 1).build()?;
        let pool = Pool::new(&heap);
        heap.attach()?.enter(|mu| (program.work)(mu, &pool, plant));
        for site in profiler.profile("suite", &heap).sites() {
            let function = format!("{}: {}", program.name, site.label);
            let counted = site.counts.allocated;
            match run.sites.iter_mut().find(|known| known.function == function) {
                Some(known) => {
                    known.objects += counted.objects;
                    known.bytes += counted.bytes;
                }
                None => run.sites.push(Site {
                    krate: String::from("heap-gc"),
                    function,
                    objects: counted.objects,
                    bytes: counted.bytes,
                }),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::machine::Machine;
    use tricolor::Heap;

    #[test]
    fn what_is_counted_is_equal_in_every_run_and_each_mistake_shows_where_it_should() {
        let heap = Heap::builder().gc_off();
        let measured = |plant: Plant| {
            let mut run = Run::here(&Machine::here(), "suite");
            (0..COUNT).for_each(|program| measure(&heap, program, plant, &mut run).expect("measured"));
            assert_eq!(run.measures.len(), FIGURES);
            let counted = run.measures.into_iter().filter(|measure| measure.kind != Kind::Time);
            counted.map(|measure| (measure.bench, measure.name, measure.value)).collect::<Vec<_>>()
        };
        let plain = measured(Plant::None);
        assert_eq!(measured(Plant::None), plain);
        for plant in [Plant::Larger, Plant::OneMore, Plant::Elsewhere] {
            let (program, figure) = plant.shows();
            let more: Vec<_> = measured(plant)
                .into_iter()
                .zip(&plain)
                .filter(|(new, old)| new.2 > old.2)
                .map(|two| two.0)
                .collect();
            assert!(more.iter().all(|one| one.0 == program), "{plant:?}: {more:?}");
            assert!(more.iter().any(|one| one.1 == figure), "{plant:?}: {more:?}");
        }
    }

    #[test]
    fn one_function_more_allocates_if_that_is_planted() {
        let heap = Heap::builder().gc_off();
        let sites = |plant: Plant| {
            let mut run = Run::here(&Machine::here(), "suite");
            profile(&heap, plant, &mut run).expect("profiled");
            run.sites.into_iter().map(|site| site.function).collect::<Vec<_>>()
        };
        let plain = sites(Plant::None);
        let new: Vec<_> =
            sites(Plant::Elsewhere).into_iter().filter(|function| !plain.contains(function)).collect();
        assert!(matches!(&new[..], [one] if one.starts_with("lent: ")), "{new:?} beside {plain:?}");
    }
}
