//! Experiments: a question, claims made before the run, and a record after it.
//!
//! An experiment is one file with one type. Its [`run`](Experiment::run) reads in four parts: *claim* (state
//! predictions, each computed from a model), *run* ([`Lab::begin`] ends predicting and hands out what is measured
//! with), *measure*, *judge* (every prediction gets its value). [`Trial::finish`] makes the [`Record`].
//!
//! ```text
//!   let mut claims = Claims::new();
//!   let delta = claims.predict("live bytes", "n × 24 B", 2_400_000.0, Unit::Bytes, Tolerance::Exact);
//!   let mut trial = lab.begin(self, claims)?;            // from here on nothing can be predicted
//!   …measure…
//!   trial.judge(delta, measured);
//!   trial.finish()
//! ```
//!
//! Nothing is global: a [`Lab`] carries the options, and every experiment builds its own heaps.

use crate::choice::choices;
use crate::claim::{Claim, Claims, Prediction, Sealed};
use crate::error::LabError;
use crate::measure::spread::Spread;
use crate::measure::trace_line::traced;
use crate::peer::{GoPeer, Peers};
use crate::progress::Progress;
use crate::record::{Plot, Record, Table, number};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use tricolor::{Heap, HeapBuilder};

/// One question and the way to answer it.
pub(crate) trait Experiment: Sync {
    /// The name on the command line, such as `t09`.
    fn id(&self) -> &'static str;
    /// What it is about, in a few words.
    fn title(&self) -> &'static str;
    /// The question it answers, in one sentence.
    fn question(&self) -> &'static str;
    /// What it measures beyond its question, unless that is not wanted (`--extension off`): the practice text calls it the extension.
    fn extension(&self) -> Option<&'static str> {
        None
    }
    /// The crate that it is most about, for reports by crate.
    fn krate(&self) -> &'static str {
        "heap-gc"
    }
    /// Claims, measures and judges.
    ///
    /// # Errors
    /// When something kept it from measuring. A claim that does not hold is no error.
    fn run(&self, lab: &Lab) -> Result<Record, LabError>;
}

/// How often an experiment is measured at most, when nothing but claims about time do not hold.
const TRIES: usize = 3;

/// Runs an experiment, and again if nothing but claims about time do not hold: something else may have had the machine. The record is
/// that of the last run, and names the claims that did not hold before.
///
/// # Errors
/// When something kept it from measuring.
pub(crate) fn measure(experiment: &dyn Experiment, lab: &Lab) -> Result<Record, LabError> {
    let mut earlier = Vec::new();
    loop {
        let mut record = experiment.run(lab)?;
        if record.holds() || !record.holds_but_for_time() || earlier.len() + 1 == TRIES {
            record.findings.extend(earlier);
            return Ok(record);
        }
        let missed: Vec<String> = record.missed().map(Claim::named_with_value).collect();
        earlier
            .push(format!("Measured again, because a claim about time did not hold: {}.", missed.join("; ")));
    }
}

/// How much work an experiment may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Seconds: sizes at which the effect is clear but small.
    Quick,
    /// The sizes a reader would choose.
    Full,
}

/// What a user may choose about experiments; each experiment reads those that concern it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Directories of text for `words`; empty means those that are found.
    pub(crate) input: Vec<PathBuf>,
    /// Live bytes of a churned heap.
    pub(crate) live: Option<u64>,
    /// Marking workers of a heap; `None` leaves it to the heap.
    pub(crate) workers: Option<usize>,
    /// What random choices follow from: equal seeds, equal shapes.
    pub(crate) seed: u64,
    /// Go, to be measured beside us.
    pub(crate) go: Option<GoPeer>,
    /// Whether trouble with it is an error.
    pub(crate) go_required: bool,
    /// Other memory managers, to be measured beside us.
    pub(crate) peers: Peers,
    /// Whether extensions are measured.
    pub(crate) extension: Extension,
    /// How far experiments go.
    pub(crate) until: Until,
}

choices! {
    /// Whether what is beyond an experiment's question is measured.
    #[derive(Default)]
    Extension, "choice of --extension" {
        /// It is measured, and has claims.
        #[default]
        On = "on",
        /// It is left out.
        Off = "off",
    }
}

/// How far an experiment goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Until {
    /// Its claims are judged.
    #[default]
    Judged,
    /// Its claims are made.
    Predicted,
}

/// Where experiments run: effort, options and progress.
#[derive(Debug)]
pub(crate) struct Lab {
    /// How much work to do.
    pub(crate) effort: Effort,
    /// What the user chose.
    pub(crate) options: Options,
    /// Where to say what is going on.
    pub(crate) progress: Progress,
}

impl Lab {
    /// `quick` or `full`, by the effort of this run.
    pub(crate) fn size<T>(&self, quick: T, full: T) -> T {
        match self.effort {
            Effort::Quick => quick,
            Effort::Full => full,
        }
    }

    /// What `predict` predicts about the extension, if that is wanted.
    pub(crate) fn extension<T>(
        &self,
        claims: &mut Claims,
        predict: impl FnOnce(&mut Claims) -> T,
    ) -> Option<T> {
        (self.options.extension == Extension::On).then(|| claims.extension(predict))
    }

    /// Ends predicting and begins measuring.
    ///
    /// # Errors
    /// [`LabError::Predicted`], when nothing is to be measured.
    pub(crate) fn begin<'lab>(
        &'lab self,
        experiment: &dyn Experiment,
        claims: Claims,
    ) -> Result<Trial<'lab>, LabError> {
        if self.options.until == Until::Predicted {
            return Err(LabError::Predicted(claims.stated()));
        }
        Ok(Trial {
            lab: self,
            sealed: claims.seal(),
            record: Record {
                id: experiment.id(),
                title: experiment.title(),
                question: experiment.question(),
                method: Vec::new(),
                findings: Vec::new(),
                claims: Vec::new(),
                figures: Map::new(),
                tables: Vec::new(),
                plots: Vec::new(),
            },
        })
    }
}

/// An experiment that is being measured.
#[derive(Debug)]
pub(crate) struct Trial<'lab> {
    lab: &'lab Lab,
    sealed: Sealed,
    record: Record,
}

impl Trial<'_> {
    /// `quick` or `full`, by the effort of this run.
    pub(crate) fn size<T>(&self, quick: T, full: T) -> T {
        self.lab.size(quick, full)
    }

    /// A heap to be configured further: with the user's choice of workers, never collecting unless it is asked to.
    pub(crate) fn heap(&self) -> HeapBuilder {
        let quiet = traced(Heap::builder()).gc_off();
        match self.lab.options.workers {
            Some(workers) => quiet.workers(workers),
            None => quiet,
        }
    }

    /// The same with one marking worker, unless the user chose: for figures of CPU that sharing a core would blur.
    pub(crate) fn heap_of_one_worker(&self) -> HeapBuilder {
        self.heap().workers(self.lab.options.workers.unwrap_or(1))
    }

    /// Says what is being measured now, to whoever watches.
    pub(crate) fn stage(&self, text: impl Into<String>) {
        self.lab.progress.stage(text);
    }

    /// Gives a prediction its measured value.
    pub(crate) fn judge(&mut self, prediction: Prediction, measured: f64) {
        self.sealed.judge(prediction, measured);
    }

    /// Keeps a raw figure.
    pub(crate) fn figure(&mut self, name: impl Into<String>, value: f64) {
        self.record.figures.insert(name.into(), number(value));
    }

    /// Keeps a raw figure that is not a number.
    pub(crate) fn fact(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.record.figures.insert(name.into(), value.into());
    }

    /// Keeps repeated samples: all of them, with median, deviation and outliers. Gives the spread back.
    ///
    /// # Errors
    /// When there are no samples, or one is not a number.
    pub(crate) fn samples(&mut self, name: &str, samples: Vec<f64>) -> Result<Spread, LabError> {
        let spread = Spread::of(samples)
            .ok_or_else(|| LabError::Measure(format!("{}: no usable samples of {name}", self.record.id)))?;
        let list = |values: &[f64]| Value::Array(values.iter().map(|value| number(*value)).collect());
        self.record.figures.insert(
            name.to_owned(),
            json!({
                "median": number(spread.median()),
                "mad": number(spread.mad()),
                "min": number(spread.min()),
                "max": number(spread.max()),
                "samples": list(spread.samples()),
                "outliers": list(&spread.outliers()),
            }),
        );
        Ok(spread)
    }

    /// Adds a sentence about how it was measured.
    pub(crate) fn method(&mut self, text: impl Into<String>) {
        self.record.method.push(text.into());
    }

    /// Adds a sentence about what is true.
    pub(crate) fn finding(&mut self, text: impl Into<String>) {
        self.record.findings.push(text.into());
    }

    /// Adds a table.
    pub(crate) fn table(&mut self, table: Table) {
        self.record.tables.push(table);
    }

    /// Adds a plot.
    pub(crate) fn plot(&mut self, plot: Plot) {
        self.record.plots.push(plot);
    }

    /// The record, with every claim judged.
    ///
    /// # Errors
    /// When a stated claim was never judged.
    pub(crate) fn finish(self) -> Result<Record, LabError> {
        let mut record = self.record;
        record.claims =
            self.sealed.judged().map_err(|claims| LabError::Unjudged { id: record.id, claims })?;
        let tolerances: Map<String, Value> = record
            .claims
            .iter()
            .map(|claim| (claim.stated.name.clone(), Value::from(claim.stated.tolerance.show())))
            .collect();
        record.figures.insert(String::from("tolerances"), Value::Object(tolerances));
        Ok(record)
    }
}

#[cfg(test)]
mod tests;
