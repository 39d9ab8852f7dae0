//! Saved runs: what a run measured, in a file that a later version can read.
//!
//! A file has one run a line, each a whole JSON object, so that runs of two versions can be taken in turn and each appended to its
//! file. A line says what it is (`schema`), which machine and build it is from, the *measures* and, if there was a profile, the
//! *sites*. A measure has one value a run: of samples taken within a run, the median, since they share a process and its luck.
//!
//! ```text
//!   {"schema":"heap-lab/1","version":"0.1.0","machine":"…, 2 cores, optimised","command":"heap-lab run t04 …",
//!    "measures":[{"crate":"heap-gc","bench":"t04","name":"cpu_ns_per_op itoa","kind":"time","value":13.6}, …],
//!    "sites":[{"crate":"program","function":"program::parse","objects":1000,"bytes":16000}, …]}
//! ```
//! Whoever writes such lines about their own program can have them compared ([`crate::compare`]); the keys are a contract.
//! Less is better, for every kind: what has no such direction is not saved.

use crate::error::LabError;
use crate::measure::machine::Machine;
use crate::measure::spread::Spread;
use crate::record::{OF_GO, OF_PEER, OVER, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

/// What a line says it is. Another number is another meaning of the keys.
pub(crate) const SCHEMA: &str = "heap-lab/1";

/// What a measure counts; of each, less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Time: of a clock or a processor.
    Time,
    /// Bytes: of an operation, of a heap, resident.
    Bytes,
    /// Allocations, and what goes with them: objects, refills.
    Allocs,
}

impl Kind {
    /// The kind of a figure of this name, if it has one. The words are a contract with the experiments: `…_ns_per_…`,
    /// `bytes_per_…`, `allocs_per_…`, and the heap's own names.
    pub(crate) fn of(figure: &str) -> Option<Self> {
        const TIMES: [&str; 4] = ["ns", "us", "ms", "nanos"];
        let has = |part: &str| figure.contains(part);
        if has("bytes_per_") || has("heap_alloc") || has("heap_inuse") || figure.starts_with("resident") {
            Some(Self::Bytes)
        } else if has("allocs_per_") || has("mallocs") || has("refills") {
            Some(Self::Allocs)
        } else if figure.split(|char: char| !char.is_alphanumeric()).any(|word| TIMES.contains(&word)) {
            Some(Self::Time)
        } else {
            None
        }
    }
}

/// One figure of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measure {
    /// The crate that it is about.
    #[serde(rename = "crate")]
    pub(crate) krate: String,
    /// The program that was run.
    pub(crate) bench: String,
    /// Which figure of it.
    pub(crate) name: String,
    /// What it counts.
    pub(crate) kind: Kind,
    /// How much.
    pub(crate) value: f64,
}

/// A function that allocates, with what it allocated in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Site {
    /// The crate, package or module that it belongs to.
    #[serde(rename = "crate")]
    pub(crate) krate: String,
    /// Its name.
    pub(crate) function: String,
    /// Objects.
    pub(crate) objects: f64,
    /// Bytes of their slots.
    pub(crate) bytes: f64,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// [`SCHEMA`].
    pub(crate) schema: String,
    /// The version that was measured.
    pub(crate) version: String,
    /// What it was measured on, and how it was built: times of different ones cannot be compared.
    pub(crate) machine: String,
    /// How to do it again.
    pub(crate) command: String,
    /// What was measured.
    pub(crate) measures: Vec<Measure>,
    /// Who allocated; empty if nobody looked.
    #[serde(default)]
    pub(crate) sites: Vec<Site>,
}

impl Run {
    /// An empty run of this program on this machine.
    pub(crate) fn here(machine: &Machine, command: &str) -> Self {
        let build = if machine.optimised { "optimised" } else { "unoptimised" };
        Self {
            schema: String::from(SCHEMA),
            version: String::from(env!("CARGO_PKG_VERSION")),
            machine: format!("{}, {} cores, {build}", machine.cpu, machine.cores),
            command: command.to_owned(),
            measures: Vec::new(),
            sites: Vec::new(),
        }
    }

    /// Adds the figures of a record that have a kind. What was measured of others beside it says nothing of this version.
    pub(crate) fn record(&mut self, krate: &str, record: &Record) {
        let is_ours = |name: &str| ![OF_GO, OF_PEER, OVER].iter().any(|begins| name.starts_with(begins));
        for (name, value) in record.figures.iter().filter(|(name, _)| is_ours(name)) {
            let value = value.as_f64().or_else(|| median(value.get("samples")?));
            if let (Some(kind), Some(value)) = (Kind::of(name), value) {
                self.measures.push(Measure {
                    krate: krate.to_owned(),
                    bench: record.id.to_owned(),
                    name: name.clone(),
                    kind,
                    value,
                });
            }
        }
    }

    /// Adds the run to a file, which is made if there is none.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn append(&self, path: &Path) -> Result<(), LabError> {
        // Plain data always has a form in JSON.
        let line = serde_json::to_string(self).unwrap_or_default();
        let mut file =
            File::options().append(true).create(true).open(path).map_err(LabError::io("write", path))?;
        writeln!(file, "{line}").map_err(LabError::io("write", path))
    }
}

fn median(samples: &Value) -> Option<f64> {
    let samples = samples.as_array()?.iter().filter_map(Value::as_f64).collect();
    Some(Spread::of(samples)?.median())
}

/// The runs in a file.
///
/// # Errors
/// When the file cannot be read or a line is no run of this schema; the message says which line, and what is wrong with it.
pub(crate) fn read(path: &Path) -> Result<Vec<Run>, LabError> {
    let text = fs::read_to_string(path).map_err(LabError::io("read", path))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let runs = lines
        .map(|(index, line)| {
            let wrong =
                |what: String| LabError::Argument(format!("{}, line {}: {what}", path.display(), index + 1));
            let value: Value = serde_json::from_str(line).map_err(|error| {
                wrong(if error.is_eof() {
                    String::from("the JSON is cut off")
                } else {
                    format!("no JSON: {error}")
                })
            })?;
            match value.get("schema").and_then(Value::as_str) {
                Some(SCHEMA) => {}
                Some(other) => {
                    return Err(wrong(format!(
                        "its schema is `{other}`, and this lab reads `{SCHEMA}`: save the runs again, or compare with the lab that \
                         wrote them"
                    )));
                }
                None => {
                    return Err(wrong(format!(
                        "no saved run, since it has no schema (`{SCHEMA}`): `heap-lab run … --save FILE` saves one"
                    )));
                }
            }
            let run: Run = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
            match run.measures.iter().find(|measure| !measure.value.is_finite()) {
                Some(measure) => Err(wrong(format!("{} of {} is no number", measure.name, measure.bench))),
                None => Ok(run),
            }
        })
        .collect::<Result<Vec<Run>, LabError>>()?;
    if runs.is_empty() {
        return Err(LabError::Argument(format!("{}: there is no run in it", path.display())));
    }
    Ok(runs)
}

#[cfg(test)]
mod tests;
