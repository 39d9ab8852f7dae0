//! A Go front end for `heap-escape`.
#![forbid(unsafe_code)]
#![expect(clippy::wildcard_enum_match_arm, reason = "tokens and nodes have dozens of variants, and most code is about a few")]

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
mod analyse;

pub use analyse::{Options, analyse};
pub use report::Line;
pub use source::{Diagnostic, Source};
