//! Binary trees, allocating and marking on gc-arena, with its default pacing.

mod alloc;
mod mark;
mod tree;

use std::process::ExitCode;

use peers::{Refusal, program, trees};

const PEER: &str = "gc-arena";

fn main() -> ExitCode {
    program(
        "trees DEPTH | alloc SHAPE fresh|gc | mark ptr3|int3|list|listr|tree|graph COUNT CYCLES",
        |args| match *args {
            ["trees", depth] => trees::run(PEER, &mut tree::Forest::default(), depth),
            ["alloc", shape, mode] => alloc::run(shape, mode),
            ["mark", shape, count, cycles] => mark::run(shape, count, cycles),
            _ => Err(Refusal::new(format!("cannot run {args:?}"))),
        },
    )
}
