//! The safe API beside `Heap`, `Mutator`, `Mu` and `Gc`: a file for each kind of thing that lives in the heap, or leads into it.

pub(crate) mod cell;
pub(crate) mod atomic;
pub(crate) mod cleanup;
pub(crate) mod finalizer;
pub(crate) mod leaf;
pub(crate) mod root;
pub(crate) mod pool;
pub(crate) mod slice;
pub(crate) mod bytes;
pub(crate) mod str;
pub(crate) mod map;
pub(crate) mod arena;
pub(crate) mod vec;
pub(crate) mod weak;
pub(crate) mod frame;
pub(crate) mod turn;
pub(crate) mod weak_map;
pub(crate) mod weak_set;
