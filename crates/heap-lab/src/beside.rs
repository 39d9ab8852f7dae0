//! Go beside an experiment: the same figures of the Go peer, taken in turn with ours.
//!
//! The peer has one processor (`GOMAXPROCS`), so that the time its collector idles on another is not counted as its work, unless what is
//! compared needs several ([`Beside::with_all_processors`]).
//!
//! An experiment names the runs of the peer that it wants, calls [`Beside::sample`] between its own measurements, and at the end
//! [`Beside::show`] with what it measured itself. What disturbs the machine then disturbs both. Without a peer there is no column and
//! a sentence that says why; with one that is required, trouble is an error.

use crate::error::LabError;
use crate::experiment::{Lab, Trial};
use crate::measure::spread::Spread;
use crate::peer::GoPeer;
use crate::record::{OF_GO, OVER, Table};
use crate::unit::Unit;
use serde_json::Value;
use std::collections::BTreeMap;

/// A run of the peer, and what its figures' names begin with here.
#[derive(Clone, Debug)]
struct Command {
    prefix: &'static str,
    args: Vec<String>,
}

/// Figures of the Go peer, a sample each time it is asked.
#[derive(Debug)]
pub(crate) struct Beside<'lab> {
    peer: Option<&'lab GoPeer>,
    required: bool,
    commands: Vec<Command>,
    processors: Option<u32>,
    samples: BTreeMap<String, Vec<f64>>,
    version: String,
    trouble: Option<LabError>,
}

/// A figure of ours with that of Go.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What it is.
    pub(crate) label: String,
    /// What Go calls it.
    pub(crate) key: String,
    /// Ours.
    pub(crate) ours: f64,
    /// The unit of both.
    pub(crate) unit: Unit,
}

impl Row {
    /// A figure of ours, and the name of Go's.
    pub(crate) fn new(label: impl Into<String>, key: impl Into<String>, ours: f64, unit: Unit) -> Self {
        Self { label: label.into(), key: key.into(), ours, unit }
    }
}

impl<'lab> Beside<'lab> {
    /// The peer's program for one experiment.
    pub(crate) fn task(lab: &'lab Lab, id: &'static str) -> Self {
        Self::runs(lab, &[("", &["task", id])])
    }

    /// Runs of the peer, each with what the names of its figures begin with here.
    pub(crate) fn runs(lab: &'lab Lab, runs: &[(&'static str, &[&str])]) -> Self {
        let command = |(prefix, args): &(&'static str, &[&str])| Command {
            prefix,
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
        };
        let peer = lab.options.go.as_ref();
        Self {
            peer,
            required: lab.options.go_required,
            commands: runs.iter().map(command).collect(),
            processors: Some(1),
            samples: BTreeMap::new(),
            version: String::from("Go"),
            // Built now, and not between two measurements.
            trouble: peer.and_then(|peer| peer.program().err()),
        }
    }

    /// With as many processors as the machine has.
    pub(crate) fn with_all_processors(self) -> Self {
        Self { processors: None, ..self }
    }

    /// Runs the peer once, if there is one and it has not failed before.
    pub(crate) fn sample(&mut self) {
        let Some(peer) = self.peer.filter(|_| self.trouble.is_none()) else { return };
        for command in &self.commands {
            match peer.run_with(&command.args, self.processors) {
                Ok(value) => {
                    if let Some(version) = value["peer"].as_str() {
                        self.version = version.to_owned();
                    }
                    // A task has its figures by name; a bench is an object of them.
                    let figures = value.get("figures").unwrap_or(&value).as_object();
                    for (name, value) in figures.into_iter().flatten() {
                        if let Some(value) = value.as_f64() {
                            self.samples.entry(format!("{}{name}", command.prefix)).or_default().push(value);
                        }
                    }
                }
                Err(error) => {
                    self.trouble = Some(error);
                    return;
                }
            }
        }
    }

    /// The median of a figure of Go's.
    pub(crate) fn median(&self, key: &str) -> Option<f64> {
        Spread::of(self.samples.get(key)?.clone()).map(|spread| spread.median())
    }

    /// Puts the figures side by side into the record, with all of Go's samples.
    ///
    /// # Errors
    /// When a peer is required and gave not all of these figures.
    pub(crate) fn show(self, trial: &mut Trial<'_>, rows: &[Row]) -> Result<(), LabError> {
        if self.peer.is_none() {
            trial.fact("go", "none");
            trial.finding("Go beside it: none (not found, or not asked for).");
            return Ok(());
        }
        let missing = rows.iter().find(|row| self.median(&row.key).is_none());
        let trouble = match (&self.trouble, missing) {
            (Some(error), _) => Some(error.to_string()),
            (None, Some(row)) => Some(format!("the Go peer has no `{}`", row.key)),
            (None, None) => None,
        };
        if let Some(why) = trouble {
            if self.required {
                return Err(LabError::Measure(why));
            }
            trial.fact("go", "left out");
            trial.finding(format!("Go beside it: left out, since {why}."));
            return Ok(());
        }
        trial.fact("go", Value::from(self.version.as_str()));
        let with = if self.processors == Some(1) { ", with GOMAXPROCS=1" } else { "" };
        let pairs = rows
            .iter()
            .map(|row| (row.label.as_str(), row.ours, self.median(&row.key).unwrap_or(f64::NAN), row.unit));
        side_by_side(trial, &format!("{}{with}, taken in turn", self.version), pairs);
        for (name, samples) in &self.samples {
            trial.samples(&format!("{OF_GO}{name}"), samples.clone())?;
        }
        Ok(())
    }
}

/// Puts figures of ours and of Go's into the record, as a table with ratios, and each ratio as a figure.
pub(crate) fn side_by_side<'rows>(
    trial: &mut Trial<'_>,
    whose: &str,
    rows: impl Iterator<Item = (&'rows str, f64, f64, Unit)>,
) {
    let mut table =
        Table::new(format!("Beside {whose}, on this machine"), ["figure", "here", "Go", "here over Go"]);
    for (label, ours, go, unit) in rows {
        // Nothing and nothing are equal.
        let ratio = if ours == go { 1.0 } else { ours / go };
        trial.figure(format!("{OVER}Go: {label}"), ratio);
        table.row([label.to_owned(), unit.show(ours), unit.show(go), Unit::Times.show(ratio)]);
    }
    trial.table(table);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::Claims;
    use crate::experiment::{Effort, Experiment, Options};
    use crate::progress::Progress;
    use crate::record::Record;
    use std::path::PathBuf;

    struct Nothing;

    impl Experiment for Nothing {
        fn id(&self) -> &'static str {
            "t00"
        }
        fn title(&self) -> &'static str {
            "Nothing"
        }
        fn question(&self) -> &'static str {
            "?"
        }
        fn run(&self, _: &Lab) -> Result<Record, LabError> {
            Err(LabError::Measure(String::from("nothing is measured")))
        }
    }

    /// What is shown beside 12 when the peer is `/bin/echo`, which prints its arguments.
    fn shown(peer: Option<&str>, printed: &str, required: bool) -> Result<Record, LabError> {
        let go = peer.map(|peer| GoPeer::Built(PathBuf::from(peer)));
        let options = Options { go, go_required: required, ..Options::default() };
        let lab = Lab { effort: Effort::Quick, options, progress: Progress::hidden() };
        let mut trial = lab.begin(&Nothing, Claims::new())?;
        let mut beside = Beside::runs(&lab, &[("x ", &[printed])]);
        beside.sample();
        beside.sample();
        beside.show(&mut trial, &[Row::new("time", "x ns", 12.0, Unit::Nanos)])?;
        trial.finish()
    }

    #[test]
    fn both_columns_and_the_ratio_are_in_the_record_with_every_sample() {
        let printed = r#"{"peer":"go1.27.3","figures":{"ns":8}}"#;
        let record = shown(Some("/bin/echo"), printed, true).expect("shown");
        assert_eq!(record.tables[0].rows, [["time", "12 ns", "8 ns", "1.5×"].map(String::from)]);
        assert_eq!(record.figures["go"], "go1.27.3");
        assert_eq!(record.figures["here over Go: time"], 1.5);
        assert_eq!(record.figures["go: x ns"]["samples"], serde_json::json!([8, 8]));
        let bench = shown(Some("/bin/echo"), r#"{"bench":"mark","ns":6}"#, true).expect("shown");
        assert_eq!(bench.tables[0].rows[0][3], "2×");
    }

    #[test]
    fn a_peer_that_is_missing_or_too_old_costs_its_column_and_is_an_error_only_if_it_is_required() {
        assert_eq!(shown(None, "", false).expect("none").figures["go"], "none");
        for printed in ["usage: peers", r#"{"figures":{"other":1}}"#] {
            let record = shown(Some("/bin/echo"), printed, false).expect("left out");
            assert!(record.tables.is_empty() && record.figures["go"] == "left out", "{printed}");
            assert!(shown(Some("/bin/echo"), printed, true).is_err(), "{printed}");
        }
    }
}
