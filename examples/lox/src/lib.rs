#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod number;
mod op;
mod scanner;
mod text;
mod table;
mod object;
mod world;
mod draft;
mod compile;
mod run;
mod session;
mod options;

pub use options::{Options, USAGE};
pub use session::{Error, Session};
