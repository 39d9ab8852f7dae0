//! Heap snapshots as files, and what they say: what keeps an object, and how much it keeps.
//!
//! A snapshot is taken by [`heap_gc::Heap::snapshot`]; [`write()`] makes a file of it that Chrome's DevTools open (Memory → Load).
//! [`read()`] reads such a file, ours or V8's own, into a [`Graph`], and an [`Analysis`] of that knows dominators,
//! retained sizes, retainers and shortest paths.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use heap_snapshot::{Analysis, Limits, read, write};
//!
//! let heap = heap_gc::Heap::new()?;
//! let mut mutator = heap.attach()?;
//! let _root = mutator.enter(|mu| {
//!     let text = mu.alloc_str(&"x".repeat(1000));
//!     mu.root(mu.alloc_copy(&[text; 3]))
//! });
//! let mut file = Vec::new();
//! write(&heap.snapshot()?, &mut file)?;
//!
//! let graph = read(&*file, &Limits::default())?;
//! let analysis = Analysis::of(&graph)?;
//! // The slice comes first: with it, the text goes as well.
//! let first = analysis.top(1)[0];
//! assert_eq!(analysis.retained(first), 32 + 1024);
//! assert_eq!(analysis.path(first).map(|steps| steps.len()), Some(2));
//! # Ok(())
//! # }
//! ```
//!
//! | module | is about |
//! |---|---|
//! | `error.rs` | what can be wrong with a file |
//! | `json.rs` | reading JSON a byte at a time, with the position of a mistake |
//! | `graph.rs` | nodes, edges and strings of a file |
//! | `read.rs` | the format: what is where, and what does not fit |
//! | `write.rs` | the same, the other way |
//! | `dominators.rs` | who every path to a node goes through |
//! | `analysis.rs` | what is asked of a graph |
//!
//! A file is not trusted. What it claims of sizes and counts reserves nothing, every number is checked before it is used as
//! one of a node, and no part recurses with the file's depth.
#![forbid(unsafe_code)]

mod error;
mod json;
mod graph;
mod read;
mod write;
mod dominators;
mod analysis;

pub use analysis::{Analysis, NoMemory, Step, TypeSum};
pub use error::{Mistake, ReadError};
pub use graph::{Edge, EdgeKind, EdgeName, Graph, Node};
pub use read::{Limits, read};
pub use write::write;
