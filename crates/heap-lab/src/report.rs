//! Reports: one value, several formats.
//!
//! A [`Report`] is the machine, the command, and the records of a run. A [`Format`] turns it into text. Formats
//! know nothing of each other and compute nothing: what is in one is in all, as far as the format can carry it.
//!
//! ```text
//!   text      a terminal: tables, bars of block characters, sparklines
//!   json      one object per experiment, one per line, keys that never change
//!   markdown  for an issue or a wiki
//!   html      one self-contained page: plots, every raw figure, light and dark
//! ```

pub(crate) mod markup;
pub(crate) mod svg;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod text;

use crate::measure::machine::Machine;
use crate::record::Record;
use std::time::Duration;

/// Everything a run has to say.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// What it was measured on.
    pub(crate) machine: Machine,
    /// How to do it again.
    pub(crate) command: String,
    /// How long the run took.
    pub(crate) took: Duration,
    /// One record for each experiment, in the order run.
    pub(crate) records: Vec<Record>,
}

impl Report {
    /// How many claims hold, of how many.
    pub(crate) fn score(&self) -> (usize, usize) {
        let claims = || self.records.iter().flat_map(|record| &record.claims);
        (claims().filter(|claim| claim.holds).count(), claims().count())
    }

    /// Whether every experiment holds.
    pub(crate) fn holds(&self) -> bool {
        self.records.iter().all(Record::holds)
    }
}

/// A way to write a report.
pub(crate) trait Format {
    /// The report in this format, complete, ending in a newline.
    fn render(&self, report: &Report) -> String;
}

#[cfg(test)]
mod tests;
