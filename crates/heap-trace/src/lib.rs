//! What a heap does, as traces.
//!
//! A [`Recorder`] keeps what happens in the heaps that are built with it, from [`start`](Recorder::start) to
//! [`stop`](Recorder::stop): cycles with their rounds, answers of mutators, assists, waits, marking workers, sweeping, the
//! scavenger, drops, refusals. A [`Recording`] of it can be written for the viewers of Chrome (`about:tracing`) and Perfetto
//! ([`Recording::write_chrome`]), and as JSON, a line for each record ([`Recording::write_lines`]).
//!
//! ```
//! use heap_gc::Heap;
//! use heap_trace::Recorder;
//!
//! let recorder = Recorder::new(100_000);
//! let heap = recorder.record(Heap::builder(), "main").build()?;
//! recorder.start();
//! heap.attach()?.collect();
//! let recording = recorder.stop();
//!
//! let mut file = Vec::new();
//! recording.write_chrome(&mut file)?;
//! assert!(String::from_utf8(file)?.contains("cycle 1"));
//! assert_eq!(recording.dropped(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it costs. A recorder that is stopped: a relaxed load at points off the fast path of an allocation. While it records, a clock
//! is read twice and some hundred bytes are written for each thing that happens; nobody waits for it, and what it has no room for is
//! dropped and counted ([`Recording::dropped`]). `docs/design/instruments.md` has figures, `docs/events.md` the events and both forms.
//!
//! With the feature `tracing`, `tracing::traced` makes the steps of cycles spans and events of the `tracing` crate, as they happen.
//!
//! Modules are listed bottom first; a module names only modules above it.
#![forbid(unsafe_code)]

mod json;
mod fields;
mod recording;
mod lines;
mod chrome;
mod recorder;
#[cfg(feature = "tracing")]
pub mod tracing;

pub use recorder::Recorder;
pub use recording::Recording;
