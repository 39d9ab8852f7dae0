//! Snapshot: what keeps what in a heap, from a file; and a file to try it with.
//!
//! The analysis is the crate `heap-snapshot`; this module reads files and writes lines. A file is one that a program has
//! written with that crate, one that V8 has, or one that [`take`] has made of a workload.

mod show;
pub(crate) mod take;

use self::show::Shown;
use self::take::Workload;
use crate::error::LabError;
use heap_snapshot::{Analysis, Limits, read};
use std::fs::File;
use std::path::PathBuf;

/// What to ask of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// Rows of a table, or items of a list, at most.
    pub(crate) top: usize,
    /// Of one node, by its id.
    pub(crate) node: Option<u64>,
    /// Of the objects whose type has this in its name.
    pub(crate) kind: Option<String>,
    /// As JSON rather than as text.
    pub(crate) json: bool,
}

/// What is done with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Snapshot {
    /// It is written.
    Take {
        /// Where to.
        file: PathBuf,
        /// Of which heap.
        workload: Workload,
        /// How many objects it has, about.
        objects: usize,
    },
    /// It is read.
    Ask {
        /// Where from.
        file: PathBuf,
        /// What is asked.
        question: Question,
    },
}

impl Snapshot {
    /// The text that was asked for, ending in a newline.
    ///
    /// # Errors
    /// When a file cannot be read or written, or is no snapshot, or has no such node or type.
    pub(crate) fn carry_out(&self) -> Result<String, LabError> {
        match self {
            Self::Take { file, workload, objects } => take::take(file, *workload, *objects),
            Self::Ask { file, question } => {
                let opened = File::open(file).map_err(LabError::io("read", file))?;
                let graph = read(opened, &Limits::default())
                    .map_err(|mistake| LabError::Source(format!("{}: {mistake}", file.display())))?;
                let analysis = Analysis::of(&graph).map_err(|error| LabError::Heap(error.to_string()))?;
                let shown = Shown::of(&analysis, question)?;
                Ok(if question.json { shown.json() } else { shown.text() })
            }
        }
    }
}

#[cfg(test)]
mod tests;
