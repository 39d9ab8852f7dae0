//! The promises of the library, tested through its public interface: one module a promise.

mod support;

mod alloc;
mod attacks;
mod drop;
mod figures;
mod limit;
mod many;
mod memory_limit;
mod os;
mod programs;
mod reach;
mod scav;
mod threads;
mod tiny;
