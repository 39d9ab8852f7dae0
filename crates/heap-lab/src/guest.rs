//! Guests: programs that an experiment runs as a process of its own, since they are to be ended, or watched from outside.
//!
//! ```text
//!   limited WAY HEAP OUTSIDE     t14: fills a heap, drops it, and needs memory outside; asks after each step there whether it may go on
//!   large COUNT                  t18: makes objects of 128 KiB, for a profile of where the processor is
//! ```
//! A *step* is a mebibyte. After each outside the heap `limited` writes a line, and waits for one: whoever runs it looks at it
//! meanwhile, and ends it or answers. Each process is one program and its end.

use crate::choice::choices;
use crate::error::LabError;
use std::env;
use std::hint::black_box;
use std::io::{self, BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use tricolor::{GcSlice, Heap, Mutator, Root, Scavenge};

/// Bytes of a step.
pub(crate) const STEP: usize = 1 << 20;
/// What `limited` writes before the first step, after each outside the heap, and at its end.
pub(crate) const READY: &str = "ready";
pub(crate) const OUTSIDE: &str = "outside";
pub(crate) const DONE: &str = "done";
/// Bytes of a large object.
pub(crate) const LARGE: usize = 128 << 10;

choices! {
    /// What a program does about the memory of its heap when it needs memory elsewhere.
    Way, "way" {
        /// It has dropped all of it, and collects.
        Collect = "collect",
        /// It does, and gives back what is free.
        Release = "release",
    }
}

/// What a process is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Guest {
    /// A program under a limit: steps in the heap, and outside.
    Limited { way: Way, heap: usize, outside: usize },
    /// A program that makes so many large objects.
    Large(usize),
}

impl Guest {
    /// The one of this name, with its arguments as they are passed on.
    ///
    /// # Errors
    /// When there is none, or its arguments are others.
    pub(crate) fn named(name: &str, args: &[String]) -> Result<Self, LabError> {
        let number = |text: &String| {
            text.parse::<usize>().map_err(|_| LabError::Argument(format!("`{text}` is no number")))
        };
        match (name, args) {
            ("limited", [way, heap, outside]) => {
                Ok(Self::Limited { way: Way::named(way)?, heap: number(heap)?, outside: number(outside)? })
            }
            ("large", [count]) => Ok(Self::Large(number(count)?)),
            ("limited" | "large", _) => {
                Err(LabError::Argument(String::from("limited WAY HEAP OUTSIDE, or large COUNT")))
            }
            _ => Err(LabError::unknown("guest", name, ["limited", "large"])),
        }
    }

    /// The arguments that mean it.
    pub(crate) fn args(&self) -> Vec<String> {
        match self {
            Self::Limited { way, heap, outside } => [
                String::from("guest"),
                String::from("limited"),
                way.word().to_owned(),
                heap.to_string(),
                outside.to_string(),
            ]
            .into(),
            Self::Large(count) => [String::from("guest"), String::from("large"), count.to_string()].into(),
        }
    }

    /// Is it.
    ///
    /// # Errors
    /// When its heap refuses something, or nobody is there to answer.
    pub(crate) fn run(self) -> Result<(), LabError> {
        match self {
            Self::Limited { way, heap, outside } => limited(way, heap, outside),
            Self::Large(count) => large(count),
        }
    }
}

/// The program that this is, to be run as another process.
///
/// # Errors
/// When the system does not say where it is.
pub(crate) fn this_program() -> Result<PathBuf, LabError> {
    env::current_exe().map_err(LabError::io("find", Path::new("this program")))
}

/// Says something, and waits until it may go on.
fn ask(what: &str) -> Result<(), LabError> {
    let trouble = LabError::io("write to", Path::new("standard output"));
    let mut out = io::stdout().lock();
    writeln!(out, "{what}").and_then(|()| out.flush()).map_err(trouble)?;
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(0) => Err(LabError::Argument(String::from("nobody answers a guest: it is for experiments alone"))),
        Ok(_) => Ok(()),
        Err(error) => Err(LabError::io("read", Path::new("standard input"))(error)),
    }
}

fn limited(way: Way, steps: usize, outside: usize) -> Result<(), LabError> {
    ask(READY)?;
    // Nothing is given back in the background: what is measured is no matter of time.
    let heap = Heap::builder().scavenge(Scavenge::OnRequest).gc_percent(100).build()?;
    let mut mutator = heap.attach()?;
    let piece = vec![1_u8; STEP];
    let mut kept: Vec<Root<GcSlice<u8>>> = Vec::with_capacity(steps);
    for _ in 0..steps {
        kept.push(mutator.enter(|mu| mu.root(mu.alloc_copy(&piece))));
    }
    drop(kept);
    mutator.collect();
    if way == Way::Release {
        let _bytes = heap.release_free_memory();
    }
    let mut elsewhere: Vec<Vec<u8>> = Vec::with_capacity(outside);
    for _ in 0..outside {
        elsewhere.push(vec![1_u8; STEP]);
        ask(OUTSIDE)?;
    }
    black_box(&elsewhere);
    ask(DONE)
}

fn large(count: usize) -> Result<(), LabError> {
    let heap = Heap::builder().gc_percent(100).build()?;
    make_large(&mut heap.attach()?, count);
    Ok(())
}

/// Makes so many objects of [`LARGE`] bytes and lets go of them.
pub(crate) fn make_large(mutator: &mut Mutator, count: usize) {
    for _ in 0..count {
        mutator.enter(|mu| {
            black_box(mu.alloc([1_u8; LARGE]));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_on_means_the_same_again() {
        for guest in [
            Guest::Limited { way: Way::Collect, heap: 4, outside: 5 },
            Guest::Limited { way: Way::Release, heap: 6, outside: 7 },
            Guest::Large(7),
        ] {
            let args = guest.args();
            assert_eq!(args[0], "guest");
            assert_eq!(Guest::named(&args[1], &args[2..]).expect("its own words"), guest);
        }
        assert!(Guest::named("limited", &[]).is_err() && Guest::named("host", &[]).is_err());
        assert!(Guest::named("large", &[String::from("many")]).is_err());
    }
}
