//! The one error of the lab: what stopped an experiment or a command before it could say anything.
//!
//! A claim that does not hold is no error: it is a result, and the exit code 1. An error is the exit code 2: an id
//! that does not exist, a file that cannot be read or written, a heap that the machine refused, a counter that the
//! system does not offer. Every message names the thing and what would have worked.
//!
//! Everybody uses this module; it uses nobody but claims.

use crate::claim::Stated;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use tricolor::{AttachError, BuildError};

/// What kept the lab from answering.
#[derive(Debug)]
pub(crate) enum LabError {
    /// A name that is none of those that exist.
    Unknown {
        /// What kind of name it is: "experiment", "bench", "shape".
        what: &'static str,
        /// The name as typed.
        name: String,
        /// Those that exist, in their order.
        known: Vec<String>,
    },
    /// An argument that is there but makes no sense.
    Argument(String),
    /// A mistake in the source of a program, with its place.
    Source(String),
    /// A file or directory.
    Io {
        /// What was being done with it.
        doing: &'static str,
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The heap under test could not be built or refused an allocation.
    Heap(String),
    /// A measurement that the system does not offer, or that gave no samples.
    Measure(String),
    /// No failure: what an experiment claims, when that alone was asked for.
    Predicted(Vec<Stated>),
    /// An experiment stated claims that it never judged: a bug of the experiment.
    Unjudged {
        /// The experiment.
        id: &'static str,
        /// The claims without a measured value.
        claims: Vec<String>,
    },
}

impl LabError {
    /// A file error, for `map_err`.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    /// An unknown name among `known`.
    pub(crate) fn unknown<'a>(
        what: &'static str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self::Unknown { what, name: name.to_owned(), known: known.into_iter().map(str::to_owned).collect() }
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { what, name, known } => {
                write!(f, "no {what} is called `{name}`; there are: {}", known.join(" "))
            }
            Self::Argument(text) | Self::Source(text) | Self::Heap(text) | Self::Measure(text) => {
                f.write_str(text)
            }
            Self::Io { doing, path, source } => write!(f, "cannot {doing} {}: {source}", path.display()),
            Self::Predicted(claims) => {
                write!(f, "{} claims were made, and nothing was measured", claims.len())
            }
            Self::Unjudged { id, claims } => {
                write!(f, "experiment {id} stated but never measured: {}", claims.join("; "))
            }
        }
    }
}

impl From<BuildError> for LabError {
    fn from(error: BuildError) -> Self {
        Self::Heap(error.to_string())
    }
}

impl From<AttachError> for LabError {
    fn from(error: AttachError) -> Self {
        Self::Heap(error.to_string())
    }
}

impl std::error::Error for LabError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Io { source, .. } = self { Some(source) } else { None }
    }
}
