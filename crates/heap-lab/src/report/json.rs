//! JSON: one object for each experiment, one object a line.
//!
//! The keys are a contract (`id`, `title`, `claims`, `figures`, `holds`; in a claim `name`, `predicted`, `measured`,
//! `unit`, `holds`): programs read this. Beside them stands everything else that a record says, and `run`: the command, what
//! was chosen, and the machine, the same in every line, so that a line can be kept alone. Lines, rather than one array, so that the objects of a long run can be
//! read as they come and a single experiment's output is one object.

use super::{Format, Report};
use crate::record::Record;

/// One object a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json;

impl Format for Json {
    fn render(&self, report: &Report) -> String {
        let run = report.run_json();
        let line = |record: &Record| {
            let mut value = record.json();
            value["run"] = run.clone();
            format!("{value}\n")
        };
        report.records.iter().map(line).collect()
    }
}
