//! OpenMetrics text: families with their type, unit and help, samples with labels, and the end.
//!
//! The rules that are kept here: a family's samples follow each other and its lines come first; a counter's samples end in `_total`;
//! a family with a unit ends in it; label values are escaped; the last line is `# EOF`.
//! <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>
#![forbid(unsafe_code)]

use std::fmt::Write as _;

/// What a family counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Type {
    /// Only grows.
    Counter,
    /// May go up and down.
    Gauge,
    /// Quantiles.
    Summary,
}

impl Type {
    /// The word of the format.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Summary => "summary",
        }
    }
}

/// A number of a sample.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Number {
    /// A whole one.
    Whole(u64),
    /// Any.
    Real(f64),
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<usize> for Number {
    fn from(number: usize) -> Self {
        Self::Whole(number as u64)
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

/// A text that is being written.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    text: String,
}

impl Exposition {
    /// Begins a family.
    pub(crate) fn family(&mut self, name: &str, kind: Type, unit: &str, help: &str) {
        // A string takes what is written to it, here and below.
        _ = writeln!(self.text, "# TYPE {name} {}", kind.word());
        if !unit.is_empty() {
            _ = writeln!(self.text, "# UNIT {name} {unit}");
        }
        self.text.push_str("# HELP ");
        self.text.push_str(name);
        self.text.push(' ');
        escape(&mut self.text, help);
        self.text.push('\n');
    }

    /// A sample of the family that was begun last.
    pub(crate) fn sample(&mut self, name: &str, kind: Type, labels: &[(&str, &str)], number: Number) {
        self.text.push_str(name);
        if kind == Type::Counter {
            self.text.push_str("_total");
        }
        for (index, (label, value)) in labels.iter().enumerate() {
            self.text.push(if index == 0 { '{' } else { ',' });
            self.text.push_str(label);
            self.text.push_str("=\"");
            escape(&mut self.text, value);
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        _ = match number {
            Number::Whole(number) => writeln!(self.text, " {number}"),
            Number::Real(number) if number == f64::INFINITY => writeln!(self.text, " +Inf"),
            Number::Real(number) if number == f64::NEG_INFINITY => writeln!(self.text, " -Inf"),
            Number::Real(number) => writeln!(self.text, " {number}"),
        };
    }

    /// The whole text.
    pub(crate) fn finish(mut self) -> String {
        self.text.push_str("# EOF\n");
        self.text
    }
}

/// Adds a text with what would end it escaped.
fn escape(to: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '\\' => to.push_str("\\\\"),
            '"' => to.push_str("\\\""),
            '\n' => to.push_str("\\n"),
            other => to.push(other),
        }
    }
}

#[cfg(test)]
mod tests;
