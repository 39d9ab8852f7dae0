//! JSON: one object for each experiment, one object a line.
//!
//! The keys are a contract (`id`, `title`, `claims`, `figures`, `holds`; in a claim `name`, `predicted`, `measured`,
//! `unit`, `holds`): programs read this. Lines, rather than one array, so that the objects of a long run can be
//! read as they come and a single experiment's output is one object.

use super::{Format, Report};

/// One object a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json;

impl Format for Json {
    fn render(&self, report: &Report) -> String {
        report.records.iter().map(|record| format!("{}\n", record.json())).collect()
    }
}
