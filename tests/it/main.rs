//! The promises of the library, tested through its public interface: one module a promise.

mod support;
#[path = "../support/scenes.rs"]
mod scenes;
#[path = "../support/stage.rs"]
mod stage;

mod alloc;
mod attacks;
mod drop;
mod figures;
mod limit;
mod many;
mod memory_limit;
mod os;
mod phases;
mod programs;
mod reach;
mod scav;
mod threads;
mod tiny;
