//! A window on a heap: metrics, profiles, and a live page, over HTTP.
//!
//! An [`Observer`] listens, on this machine only unless it is told otherwise, and shows what a heap says of itself. It changes
//! nothing, keeps no heap alive, and stops nobody.
//!
//! ```
//! use heap_gc::Heap;
//! use heap_observe::Observer;
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! let heap = Heap::new()?;
//! let observer = Observer::builder(&heap).bind("127.0.0.1:0")?;
//! println!("look at {}", observer.url());
//!
//! let mut client = TcpStream::connect(observer.address())?;
//! client.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
//! let mut text = String::new();
//! client.read_to_string(&mut text)?;
//! assert!(text.starts_with("HTTP/1.1 200 OK"));
//! assert!(text.contains("tricolor_heap_up{heap=\"main\"} 1"));
//! assert!(text.ends_with("# EOF\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | path | what | made |
//! | --- | --- | --- |
//! | `/` | a page with the heap's map, curves, cycles, size classes and types | |
//! | `/metrics` | the figures in OpenMetrics text, for Prometheus (`docs/metrics.md`) | in the loop, from counters |
//! | `/heap.json?cells=2048` | what the page draws: a map of the pages, classes, curves, cycles | beside it, a walk over the spans |
//! | `/census.json` | what is alive, by type ([`Heap::census`](heap_gc::Heap::census)) | beside it |
//! | `/debug/pprof/heap`, `/debug/pprof/allocs` | where bytes were allocated, for `go tool pprof`; with `?debug=1` as folded stacks | beside it |
//!
//! All but the first two take `?heap=NAME`; without it they are of the first heap.
//!
//! Clients are borne within [`Limits`]: who is slow, sends too much or connects too often is answered with an error or closed, and
//! holds up nobody else. Only `GET` and `HEAD` are answered, and no request has a body.
//!
//! Modules are listed bottom first; a module names only modules above it.
#![forbid(unsafe_code)]

mod limits;
mod reply;
mod request;
mod resident;
mod exposition;
mod recorder;
mod watched;
mod tally;
mod metrics;
mod picture;
mod documents;
mod page;
mod routes;
mod wake;
mod desk;
mod connection;
#[cfg(any(test, fuzzing))]
pub mod wire;
mod server;
mod observer;

pub use limits::Limits;
pub use observer::{BindError, Observer, ObserverBuilder};
pub use recorder::Recorder;
pub use watched::Watched;
