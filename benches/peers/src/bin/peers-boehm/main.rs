//! Binary trees, allocating and marking on the Boehm-Demers-Weiser collector, where its library is installed.

mod alloc;
mod library;
mod mark;
mod tree;

use std::process::ExitCode;

use library::Library;
use peers::{Refusal, program, trees};

const PEER: &str = "boehm";

fn main() -> ExitCode {
    program("trees DEPTH | alloc SHAPE MODE | mark ptr3|int3|list|listr|tree COUNT CYCLES", |args| {
        let library = Library::open()?;
        match *args {
            ["trees", depth] => trees::run(PEER, &mut tree::Forest::new(&library), depth),
            ["alloc", shape, mode] => alloc::run(&library, shape, mode),
            ["mark", shape, count, cycles] => mark::run(&library, shape, count, cycles),
            _ => Err(Refusal::new(format!("cannot run {args:?}"))),
        }
    })
}
