//! The chapters of docs/guide, so that their programs are compiled and run as documentation is.
//!
//! `tests/guide.rs` sees to it that no chapter is missing here.

#[doc = include_str!("../docs/guide/src/introduction.md")]
mod introduction {}

#[doc = include_str!("../docs/guide/src/first.md")]
mod first {}

#[doc = include_str!("../docs/guide/src/types.md")]
mod types {}

#[doc = include_str!("../docs/guide/src/changing.md")]
mod changing {}

#[doc = include_str!("../docs/guide/src/threads.md")]
mod threads {}

#[doc = include_str!("../docs/guide/src/sequences.md")]
mod sequences {}

#[doc = include_str!("../docs/guide/src/maps.md")]
mod maps {}

#[doc = include_str!("../docs/guide/src/weak.md")]
mod weak {}

#[doc = include_str!("../docs/guide/src/drop.md")]
mod drop {}

#[doc = include_str!("../docs/guide/src/frames.md")]
mod frames {}
#[doc = include_str!("../docs/guide/src/cleanups.md")]
mod cleanups {}

#[doc = include_str!("../docs/guide/src/pools.md")]
mod pools {}

#[doc = include_str!("../docs/guide/src/limits.md")]
mod limits {}

#[doc = include_str!("../docs/guide/src/time.md")]
mod time {}

#[doc = include_str!("../docs/guide/src/external.md")]
mod external {}

#[doc = include_str!("../docs/guide/src/returning.md")]
mod returning {}

#[doc = include_str!("../docs/guide/src/seeing.md")]
mod seeing {}

#[doc = include_str!("../docs/guide/src/observing.md")]
mod observing {}

#[doc = include_str!("../docs/guide/src/interpreter.md")]
mod interpreter {}

#[doc = include_str!("../docs/guide/src/raw.md")]
mod raw {}

#[doc = include_str!("../docs/guide/src/testing.md")]
mod testing {}

#[doc = include_str!("../docs/guide/src/pointers.md")]
mod pointers {}

#[doc = include_str!("../docs/guide/src/lab.md")]
mod lab {}

#[doc = include_str!("../docs/guide/src/experiments.md")]
mod experiments {}

#[doc = include_str!("../docs/guide/src/criteria.md")]
mod criteria {}
