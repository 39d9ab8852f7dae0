//! Binary trees and allocating on the system's allocator, freed by hand.
#![forbid(unsafe_code)]

use std::alloc::System;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: System = System;

fn main() -> ExitCode {
    peers::boxes::main("system malloc")
}
