//! A Go front end for `heap-escape`: what the Go compiler's escape analysis says of a package, without the Go compiler.
//!
//! [`analyse()`] takes the files of a package and gives the lines that `go build -gcflags='-m -l'` prints: which variables are moved
//! to the heap, which allocations escape, and where the arguments of functions leak. With [`Options::explain`], each line has the
//! flows that made it so, as `-m=2` prints them.
//!
//! ```
//! use heap_escape_go::{Options, Source, analyse};
//!
//! let text = "
//! package p
//!
//! type node struct{ next *node }
//!
//! func next(n *node) *node { return n.next }
//!
//! func fresh() *node {
//!     n := &node{}
//!     return next(n)
//! }
//! ";
//! let file = Source { path: "p.go".to_owned(), text: text.to_owned() };
//! let lines = analyse(&[file], &Options::default())?;
//! let shown: Vec<String> = lines.iter().map(ToString::to_string).collect();
//! assert_eq!(shown, [
//!     "p.go:6:11: leaking param: n to result ~r0 level=1",
//!     "p.go:9:10: &node{} does not escape",
//! ]);
//! # Ok::<(), heap_escape_go::Diagnostic>(())
//! ```
//!
//! # How far it goes
//!
//! It is made for programs that the compiler accepts. A mistake is reported with its place where one is found, but a program with
//! mistakes may also get lines. Whatever the source is, there is no panic and no overflow of the stack: nesting is bounded.
//!
//! Imports are known by their source, if somebody gives it ([`Packages`]; [`Tree`] reads it from a Go installation and from modules),
//! or by tables (`tables/`), which have what the packages declare and where the arguments of their functions go. Of a package without
//! source and table nothing is known, so what is given to it goes to the heap; [`Options::tables`] can give more tables.
//!
//! `docs/design/escape-go.md` says what is not handled, and how often the lines are those of the compiler.
//!
//! # The house
//!
//! ```text
//!   source, token, lex        text and places; tokens
//!   ast, parse                the syntax tree
//!   value, types              constants; types and their sizes
//!   ir                        the program with everything resolved
//!   print                     expressions as messages quote them
//!   check                     from the syntax tree to the resolved program
//!   lower                     from there to the core
//!   report                    what came of it, as lines
//!   tables, imports           what is imported
//!   constraint, tree          folders with source, and which files in them count
//!   analyse                   the whole
//! ```
//!
//! Modules are listed bottom first; a module names only modules above it.
#![forbid(unsafe_code)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "tokens and nodes have dozens of variants, and most code is about a few"
)]

mod source;
mod token;
mod lex;
mod ast;
mod parse;
mod value;
mod types;
mod ir;
mod print;
mod check;
mod lower;
mod report;
mod tables;
mod imports;
mod constraint;
mod tree;
mod analyse;

pub use analyse::{Options, analyse};
pub use imports::{Budget, NoPackages, Packages};
pub use report::Line;
pub use source::{Diagnostic, Source};
pub use tree::Tree;
