#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod number;
mod op;
mod scanner;
mod text;
mod table;
mod object;
mod yard;
mod watch;
mod world;
mod draft;
mod escape;
mod compile;
mod run;
mod session;
mod options;

pub use escape::Escape;
pub use options::{Options, USAGE};
pub use session::{Ended, Error, Session};
