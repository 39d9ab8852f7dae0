//! The record of an experiment: one value that every report format reads.
//!
//! A record is complete in itself: the claims as judged, every raw figure by name, tables and plots as *data*, and
//! the method and findings in words. What a plot looks like is the business of a format; here it is series of
//! numbers with units. Nothing in a record is derived from anything else in it, except `holds`.

use crate::claim::Claim;
use crate::unit::{Unit, digits};
use serde_json::{Map, Value, json};

/// What the names of figures begin with that are Go's, beside ours.
pub(crate) const OF_GO: &str = "go: ";
/// What the names of figures begin with that are of another memory manager.
pub(crate) const OF_PEER: &str = "peer ";
/// What the names of ratios begin with, of a figure of ours to that of somebody else.
pub(crate) const OVER: &str = "here over ";

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

    /// The claims that do not hold.
    pub(crate) fn missed(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter().filter(|claim| !claim.holds)
    }

    /// Whether every claim holds that is not about time.
    pub(crate) fn holds_but_for_time(&self) -> bool {
        !self.claims.is_empty() && self.missed().all(|claim| claim.stated.timed)
    }

    /// The machine-readable form: everything that the record says. Keys are added, and never change.
    pub(crate) fn json(&self) -> Value {
        let claims: Vec<Value> = self
            .claims
            .iter()
            .map(|claim| {
                json!({
                    "name": claim.stated.name,
                    "model": claim.stated.model,
                    "predicted": number(claim.stated.predicted),
                    "measured": number(claim.measured),
                    "unit": claim.stated.unit.name(),
                    "tolerance": claim.stated.tolerance.show(),
                    "extension": claim.stated.extension,
                    "timed": claim.stated.timed,
                    "holds": claim.holds,
                })
            })
            .collect();
        json!({
            "id": self.id,
            "title": self.title,
            "question": self.question,
            "holds": self.holds(),
            "claims": claims,
            "findings": self.findings,
            "method": self.method,
            "tables": self.tables.iter().map(Table::json).collect::<Vec<_>>(),
            "plots": self.plots.iter().map(Plot::json).collect::<Vec<_>>(),
            "figures": self.figures,
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

    /// Whether a column is of figures: most of what is in it begins like a number.
    pub(crate) fn is_of_figures(&self, column: usize) -> bool {
        let begins =
            |cell: &String| cell.starts_with(|first: char| first.is_ascii_digit() || "-±+".contains(first));
        let cells = || self.rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty());
        cells().filter(|cell| begins(cell)).count() * 2 > cells().count()
    }

    fn json(&self) -> Value {
        json!({ "caption": self.caption, "columns": self.columns, "rows": self.rows })
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

impl Plot {
    /// Its numbers as a table, for those who do not see it and those who want to know.
    pub(crate) fn numbers(&self) -> Table {
        match &self.shape {
            Shape::Bars { unit, bars } => {
                let mut table = Table::new(&*self.title, ["bar", unit.name(), "whose", "single runs"]);
                for bar in bars {
                    let samples: Vec<String> = bar.samples.iter().map(|sample| digits(*sample)).collect();
                    table.row([
                        bar.label.clone(),
                        digits(bar.value),
                        bar.source.word().to_owned(),
                        samples.join(" · "),
                    ]);
                }
                table
            }
            Shape::Lines { x, y, series } | Shape::Points { x, y, series } => {
                let mut table = Table::new(&*self.title, ["of", x.name(), y.name(), "whose"]);
                for one in series {
                    for (across, up) in &one.points {
                        let cells = [one.label.clone(), x.show(*across), y.show(*up)];
                        table.row(cells.into_iter().chain([one.source.word().to_owned()]));
                    }
                }
                table
            }
        }
    }

    fn json(&self) -> Value {
        let points = |points: &[(f64, f64)]| -> Vec<Value> {
            points.iter().map(|(across, up)| json!([number(*across), number(*up)])).collect()
        };
        let shape = match &self.shape {
            Shape::Bars { .. } => "bars",
            Shape::Lines { .. } => "lines",
            Shape::Points { .. } => "points",
        };
        let series: Vec<Value> = match &self.shape {
            Shape::Bars { bars, .. } => bars
                .iter()
                .map(|bar| {
                    let samples: Vec<Value> = bar.samples.iter().map(|sample| number(*sample)).collect();
                    json!({
                        "label": bar.label,
                        "value": number(bar.value),
                        "samples": samples,
                        "source": bar.source.word(),
                    })
                })
                .collect(),
            Shape::Lines { series, .. } | Shape::Points { series, .. } => series
                .iter()
                .map(|one| {
                    json!({ "label": one.label, "points": points(&one.points), "source": one.source.word() })
                })
                .collect(),
        };
        let (x, y) = match &self.shape {
            Shape::Bars { unit, .. } => (Value::Null, Value::from(unit.name())),
            Shape::Lines { x, y, .. } | Shape::Points { x, y, .. } => (x.json(), y.json()),
        };
        json!({ "title": self.title, "reading": self.reading, "shape": shape, "x": x, "y": y, "series": series })
    }
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
    /// Single events over a common axis, with nothing between them.
    Points {
        /// The horizontal axis.
        x: Axis,
        /// The vertical axis.
        y: Axis,
        /// The events, by whose they are.
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

impl Bar {
    /// One number that was measured in this run.
    pub(crate) fn measured(label: impl Into<String>, value: f64) -> Self {
        Self::of(label, value, &[])
    }

    /// What was made of these samples.
    pub(crate) fn of(label: impl Into<String>, value: f64, samples: &[f64]) -> Self {
        Self { label: label.into(), value, samples: samples.to_vec(), source: Source::Measured }
    }

    /// One number that was measured elsewhere.
    pub(crate) fn reference(label: impl Into<String>, value: f64) -> Self {
        Self { label: label.into(), value, samples: Vec::new(), source: Source::Reference }
    }
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

impl Source {
    /// In a word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Predicted => "predicted",
            Self::Reference => "reference",
        }
    }
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
    /// What it is called where there is no room for more.
    fn name(&self) -> &str {
        match &self.ticks {
            Ticks::Unit(unit) if self.label.is_empty() => unit.name(),
            Ticks::Unit(_) | Ticks::Named(_) => &self.label,
        }
    }

    fn json(&self) -> Value {
        let unit = match &self.ticks {
            Ticks::Unit(unit) => Value::from(unit.name()),
            Ticks::Named(names) => {
                names.iter().map(|(place, name)| json!([number(*place), name])).collect::<Vec<_>>().into()
            }
        };
        json!({ "label": self.label, "unit": unit })
    }

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
