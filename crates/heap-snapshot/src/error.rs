//! What can be wrong with a file.

use core::fmt;
use std::io;

/// What is wrong with a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum Mistake {
    /// It cannot be read.
    Io(io::Error),
    /// Something else should be here.
    Expected(&'static str),
    /// More than the [`Limits`](crate::Limits) allow.
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many may be.
        most: u64,
    },
    /// It is JSON, and no snapshot.
    Broken(String),
    /// The process has no memory for it.
    NoMemory,
}

/// Why a file cannot be read.
#[derive(Debug)]
pub struct ReadError {
    /// After how many bytes.
    pub at: u64,
    /// What is wrong there.
    pub what: Mistake,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: ", self.at)?;
        match &self.what {
            Mistake::Io(error) => write!(f, "{error}"),
            Mistake::Expected(what) => write!(f, "{what} should be here"),
            Mistake::TooLarge { what, most } => write!(f, "more than {most} {what}"),
            Mistake::Broken(what) => f.write_str(what),
            Mistake::NoMemory => f.write_str("the process has no memory for what follows"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Mistake::Io(error) = &self.what { Some(error) } else { None }
    }
}
