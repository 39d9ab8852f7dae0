//! The record of an experiment: one value that every report format reads.
//!
//! A record is complete in itself: the claims as judged, every raw figure by name, tables and plots as *data*, and
//! the method and findings in words. What a plot looks like is the business of a format; here it is series of
//! numbers with units. Nothing in a record is derived from anything else in it, except `holds`.

use crate::claim::Claim;
use crate::unit::{Unit, digits};
use serde_json::{Map, Value, json};

/// What one experiment asked, claimed, measured and found.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// The name on the command line.
    pub(crate) id: &'static str,
    /// What it is about, in a few words.
    pub(crate) title: &'static str,
    /// The question it answers.
    pub(crate) question: &'static str,
    /// How it was measured, in sentences.
    pub(crate) method: Vec<String>,
    /// What is true, in sentences: corrections of what is often believed, and figures of Go beside ours.
    pub(crate) findings: Vec<String>,
    /// The judged claims.
    pub(crate) claims: Vec<Claim>,
    /// Every raw figure, by name, in the order they were taken.
    pub(crate) figures: Map<String, Value>,
    /// Tables worth a reader's eye.
    pub(crate) tables: Vec<Table>,
    /// Plots worth a reader's eye.
    pub(crate) plots: Vec<Plot>,
}

impl Record {
    /// Whether every claim holds. A record without claims would hold by saying nothing, so it does not.
    pub(crate) fn holds(&self) -> bool {
        !self.claims.is_empty() && self.claims.iter().all(|claim| claim.holds)
    }

    /// The machine-readable form, whose keys never change.
    pub(crate) fn json(&self) -> Value {
        let claims: Vec<Value> = self
            .claims
            .iter()
            .map(|claim| {
                json!({
                    "name": claim.stated.name,
                    "predicted": number(claim.stated.predicted),
                    "measured": number(claim.measured),
                    "unit": claim.stated.unit.name(),
                    "holds": claim.holds,
                })
            })
            .collect();
        json!({
            "id": self.id,
            "title": self.title,
            "claims": claims,
            "figures": self.figures,
            "holds": self.holds(),
        })
    }
}

/// A number for JSON: whole where it is whole, `null` where it is not a number.
pub(crate) fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within ±2^53")]
        let whole = value as i64;
        Value::from(whole)
    } else {
        serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
    }
}

/// A table: the first column names the row, the others are figures.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// What it shows.
    pub(crate) caption: String,
    /// Names of the columns.
    pub(crate) columns: Vec<String>,
    /// Rows of as many cells.
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these columns.
    pub(crate) fn new<'a>(caption: impl Into<String>, columns: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            caption: caption.into(),
            columns: columns.into_iter().map(str::to_owned).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells stay empty, so that a row is never shifted.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells.into_iter().collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
    }
}

/// A plot, as data.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    /// What it shows.
    pub(crate) title: String,
    /// The same for those who do not see it: what a reader should take from it, in a sentence.
    pub(crate) reading: String,
    /// The data.
    pub(crate) shape: Shape,
}

/// The data of a plot.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// One bar for each of a few things, from zero.
    Bars {
        /// The unit of every bar.
        unit: Unit,
        /// The bars, top to bottom.
        bars: Vec<Bar>,
    },
    /// Curves over a common axis.
    Lines {
        /// The horizontal axis.
        x: Axis,
        /// The vertical axis.
        y: Axis,
        /// The curves.
        series: Vec<Series>,
    },
}

/// One bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// What it stands for.
    pub(crate) label: String,
    /// Its length.
    pub(crate) value: f64,
    /// The samples behind it, drawn as ticks; may be empty.
    pub(crate) samples: Vec<f64>,
    /// Whose figure it is.
    pub(crate) source: Source,
}

/// Whose figure a mark on a plot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Measured in this run.
    Measured,
    /// What the model said before the run.
    Predicted,
    /// Measured elsewhere, for comparison: drawn hollow, never part of a claim.
    Reference,
}

/// An axis.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    /// What it measures.
    pub(crate) label: String,
    /// How numbers become places.
    pub(crate) scale: Scale,
    /// How its ticks are written.
    pub(crate) ticks: Ticks,
}

impl Axis {
    /// A value of this axis, for a person.
    pub(crate) fn show(&self, value: f64) -> String {
        match &self.ticks {
            Ticks::Unit(unit) => unit.tick(value),
            Ticks::Named(names) => names
                .iter()
                .find(|(place, _)| *place == value)
                .map_or_else(|| digits(value), |(_, name)| name.clone()),
        }
    }
}

/// How numbers become places on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// In proportion, from zero.
    Linear,
    /// By orders of magnitude; only positive numbers have a place.
    Log,
}

/// How the ticks of an axis are chosen and written.
#[derive(Clone, Debug)]
pub(crate) enum Ticks {
    /// Round numbers in this unit.
    Unit(Unit),
    /// These places with these names.
    Named(Vec<(f64, String)>),
}

/// One curve.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// What it stands for.
    pub(crate) label: String,
    /// Its points, left to right.
    pub(crate) points: Vec<(f64, f64)>,
    /// Whose figures they are.
    pub(crate) source: Source,
}

#[cfg(test)]
pub(crate) mod tests;
