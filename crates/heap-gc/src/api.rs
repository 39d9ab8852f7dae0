//! The safe API beside `Heap`, `Mutator`, `Mu` and `Gc`: cells, roots, slices, and values the collector leaves alone.

pub mod cell;
pub mod leaf;
pub mod root;
pub mod slice;
