//! Generated heap programs and the reference model that judges them.
//!
//! A *program* ([`program`]) is a list of operations on a heap: allocate this shape, store that reference here, load,
//! drop a root, collect. It comes from a seed, so a seed and a length are a whole test case. The *runner* ([`run`])
//! executes it over the public safe API. Beside the heap it keeps the *model* ([`model`]): a plain graph that knows what
//! is reachable. After a full collection the two must agree: every object the model reaches is where it was, with the
//! contents it was given; nothing else is left; and drops ran once for exactly the dead.
//!
//! What is not a reference from object to object has rules of its own, which the model has, too: a weak map keeps a value as long as
//! something else keeps its key; what is in a pool survives one collection and not two; objects of one chunk of an arena live and
//! die together; what was put into a frame is whole until the frame ends, and its drops have run then; a cleanup runs once, when its
//! object is dead; and a finalizer once, before that, and before those of what its object leads to.
//!
//! A program that fails is *shrunk* ([`shrink`]): operations are left out as long as it still fails. Operands are
//! taken modulo what there is at the time, so any part of a program is a program.
//!
//! ```
//! use heap_testkit::program::Program;
//! use heap_testkit::run::{Cell, run};
//! let stats = run(&Program::generate(7, 100), Cell::EveryAlloc).unwrap();
//! assert_eq!(stats.ops, 100);
//! ```
//!
//! [`stacks`] is work for threads of a runtime, on the raw layer, with a model for each.
//!
//! Modules are listed bottom first.

pub mod random;
pub mod drops;
pub mod change;
pub mod turn;
pub mod shape;
pub mod model;
pub mod program;
mod runner;
pub mod run;
pub mod shrink;
pub mod stacks;
