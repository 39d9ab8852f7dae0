//! The safe API beside `Heap`, `Mutator`, `Mu` and `Gc`: cells, roots, slices, strings, bytes, maps, vectors, weak references,
//! values the collector leaves alone, and frames.

pub(crate) mod cell;
pub(crate) mod atomic;
pub(crate) mod leaf;
pub(crate) mod root;
pub(crate) mod slice;
pub(crate) mod bytes;
pub(crate) mod str;
pub(crate) mod map;
pub(crate) mod vec;
pub(crate) mod weak;
pub(crate) mod frame;
