//! Binary trees and allocating on mimalloc, freed by hand.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    peers::boxes::main("mimalloc")
}
