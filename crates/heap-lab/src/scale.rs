//! Scale: what a collection and the page allocator would cost in heaps, and on machines, that are not at hand.
//!
//! A simulator, fed with [`costs::Costs`]: what single steps take on this machine, measured by the lab ([`crate::calibrate`]).
//!
//! ```text
//!   one cycle = rounds (a·mutators)  +  marking (simulated)  +  counting (one thread, b·pages)
//!               every mutator asked     workers, batches,        what survived, for the pacer
//!                                       memory's ceiling
//!   pages     = search (levels of the tree)  ×  waiting for the lock (mutators take turns)
//! ```
//! [`marking`] is a simulation of discrete events: workers with stacks ([`work`]), which give half of their oldest entries to
//! whoever is hungry, as the heap's own do. Between two events everybody works at a rate that memory's ceiling bounds, so a
//! heap of 10^12 objects takes as many steps as batches change hands. [`lock`] is an exact solution of the closed queue of
//! mutators that need pages now and then. [`cycle`] adds up.
//!
//! What is assumed, and how far off it is where it can be measured, is in `docs/design/scale.md`; the experiment `scale` measures
//! the errors anew.
//!
//! Pure: no clock, no thread, no heap.

pub(crate) mod costs;
pub(crate) mod work;
pub(crate) mod marking;
pub(crate) mod lock;
pub(crate) mod pages;
pub(crate) mod cycle;
