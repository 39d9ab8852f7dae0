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
use crate::unit::binary;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Everything a run has to say.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// What it was measured on.
    pub(crate) machine: Machine,
    /// How to do it again.
    pub(crate) command: String,
    /// How much was done, and what was chosen: names and values.
    pub(crate) settings: Vec<(&'static str, String)>,
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

    /// The run in names and values: what a reader needs to do it again, and to compare.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let machine = &self.machine;
        let unknown = || String::from("unknown");
        let mut facts = vec![("command", self.command.clone())];
        facts.extend(self.settings.iter().cloned());
        facts.extend([
            ("date", machine.date.clone()),
            ("took", format!("{:.1} s", self.took.as_secs_f64())),
            ("tricolor", machine.tricolor.clone()),
            ("compiler", machine.rustc.clone()),
            (
                "build",
                String::from(if machine.optimised { "optimised" } else { "unoptimised: times mean nothing" }),
            ),
            ("processor", format!("{}, {} threads", machine.cpu, machine.cores)),
            ("caches", machine.caches.clone()),
            ("memory", machine.memory.map_or_else(unknown, |bytes| binary(bytes as f64))),
            ("kernel", machine.kernel.clone()),
            ("huge pages", machine.huge_pages.clone()),
            ("load before", machine.load.map_or_else(unknown, |load| format!("{load:.2}"))),
        ]);
        facts
    }

    /// What a reader has to know before believing a time; nothing where all is well.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let machine = &self.machine;
        let mut warnings = Vec::new();
        if !machine.optimised {
            warnings.push(String::from("This is an unoptimised build: its times mean nothing."));
        }
        if let Some(load) = machine.load.filter(|load| *load >= machine.cores as f64) {
            warnings.push(format!(
                "The machine was busy with something else: a load of {load:.1} on {} threads before the run. Times by the \
                 clock are longer than on a quiet one; counts, bytes and processor time are less affected.",
                machine.cores
            ));
        }
        warnings
    }

    /// The run for programs.
    pub(crate) fn run_json(&self) -> Value {
        let settings: Map<String, Value> = self
            .settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())))
            .collect();
        json!({
            "command": self.command,
            "settings": settings,
            "took_s": self.took.as_secs_f64(),
            "machine": self.machine,
        })
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
