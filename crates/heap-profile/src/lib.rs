//! Where the bytes of a heap come from: sampled allocation profiles.
//!
//! A [`Profiler`] is a sampler of a heap ([`HeapBuilder::sampler`](heap_gc::HeapBuilder::sampler)): for one byte in 512 KiB, say, it
//! takes the stack of the thread that allocates, and counts. A [`Profile`] is what it has counted so far, beside what is
//! alive of it as of the last completed cycle; it can be written for `go tool pprof` and its like
//! ([`Profile::write_pprof`]), as folded stacks for flame graphs ([`Profile::write_folded`]), and as a table of the functions, modules,
//! crates or callers that have the most ([`Profile::top`]).
//!
//! ```
//! use heap_gc::Heap;
//! use heap_profile::Profiler;
//!
//! let profiler = Profiler::new();
//! // 1: every object. 512 << 10 is usual; 0 is off, and may be changed later.
//! let heap = Heap::builder().sampler(profiler.clone(), 1).build()?;
//! let mut mutator = heap.attach()?;
//! let kept = mutator.enter(|mu| {
//!     mu.alloc([0_u64; 8]);
//!     mu.root(mu.alloc([1_u64; 8]))
//! });
//! mutator.collect();
//!
//! let profile = profiler.profile("main", &heap);
//! assert_eq!((profile.total().allocated.objects, profile.total().in_use.objects), (2.0, 1.0));
//! let mut file = Vec::new();
//! profile.write_pprof(&mut file)?;
//! assert_eq!(file[..2], [0x1f, 0x8b], "it is compressed with gzip");
//! # drop(kept);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it counts. *Allocated* is everything since the profiler was made; *in use* is what the last completed cycle left alive, and
//! does not know of what was allocated since. Both are estimates: a sample stands for as many objects as its size and the mean say
//! ([`Sample::weight`](heap_gc::Sample::weight)), as `pprof` expects of a heap profile. With a mean of 1 they are exact. Bytes are
//! those of slots; a block of tiny objects is one object, of the type that began it.
//!
//! What it costs. The fast path of an allocation is the same with a profiler and without. A sample costs a stack trace, some
//! microseconds, which `docs/design/instruments.md` has figures of; names are looked up when a profile is written. Memory: a stack
//! that was not seen before is kept for good, up to [`Profiler::with_most_stacks`]; samples of further ones are counted as one
//! ([`Profile::dropped`]).
//!
//! Frame pointers. With the feature `frame-pointers`, on Linux and x86-64, a stack that was seen before is found by following frame
//! pointers, at a twentieth of the price. The program must be built with them: `RUSTFLAGS="-C force-frame-pointers=yes"`.
//! If it was not, profiles are the same, and [`Profile::broken_chains`] says that it cost more.
//!
//! Modules are listed bottom first; a module names only modules above it.
#![cfg_attr(not(feature = "frame-pointers"), forbid(unsafe_code))]
#![deny(unsafe_code)]

mod hash;
mod stack;
mod stacks;
mod walk;
mod walks;
mod origin;
mod symbol;
mod profile;
mod profiler;
mod group;
mod top;
mod proto;
mod pprof;
mod folded;

pub use group::{Group, Value};
pub use pprof::Shown;
pub use profile::{Count, Profile, Site, Use};
pub use profiler::Profiler;
pub use symbol::Frame;
pub use top::Top;
