//! Claims: a prediction that was made before the run, and what the run said about it.
//!
//! ```text
//!   Claims::predict(..)  ->  Prediction       only before the run
//!   Lab::begin(Claims)   ->  Trial            predicting ends, measuring begins
//!   Trial::judge(Prediction, measured)        each prediction once: it is consumed
//!   Trial::finish()      ->  Record           an error if one was never judged
//! ```
//! The order is a matter of types: [`Claims`] is consumed by `begin`, so nothing can be predicted once the measuring
//! has begun, and the things to measure with come from the trial. A prediction is computed from a model, and
//! the model is written beside it in words; a tolerance says how far reality may be off before the model is wrong.
//!
//! A prediction may be about the *extension* of an experiment: [`Claims::extension`]. Whether it is wanted is the lab's business.
//!
//! A prediction may be about *time*: [`Claims::predict_time`]. What else the machine does can make such a claim fail and no other, so
//! the lab measures again before it believes that one does not hold.
//!
//! Invariants
//!   C1  a claim holds only if both numbers are finite
//!   C2  a prediction is judged at most once (it is moved), and at least once (`finish` counts)

use crate::unit::{Unit, digits};

/// How far the measured value may be from the predicted one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tolerance {
    /// Not at all.
    Exact,
    /// By this share of the predicted value: `0.01` is one per cent.
    Relative(f64),
    /// By this much, in the claim's unit.
    Absolute(f64),
    /// The prediction is a lower bound.
    AtLeast,
    /// The prediction is an upper bound.
    AtMost,
}

impl Tolerance {
    /// Whether `measured` agrees with `predicted`.
    pub(crate) fn accepts(self, predicted: f64, measured: f64) -> bool {
        if !predicted.is_finite() || !measured.is_finite() {
            return false;
        }
        let off = (measured - predicted).abs();
        match self {
            Self::Exact => off == 0.0,
            Self::Relative(share) => off <= share * predicted.abs(),
            Self::Absolute(by) => off <= by,
            Self::AtLeast => measured >= predicted,
            Self::AtMost => measured <= predicted,
        }
    }

    /// The tolerance in a few words, for the column beside the numbers.
    pub(crate) fn show(self) -> String {
        match self {
            Self::Exact => String::from("exact"),
            Self::Relative(share) => format!("± {} %", digits(share * 100.0)),
            Self::Absolute(by) => format!("± {}", digits(by)),
            Self::AtLeast => String::from("at least"),
            Self::AtMost => String::from("at most"),
        }
    }
}

/// A statement about what will be measured.
#[derive(Clone, Debug)]
pub(crate) struct Stated {
    /// What is measured.
    pub(crate) name: String,
    /// Where the predicted value comes from, in words or as a formula.
    pub(crate) model: String,
    /// What the model says.
    pub(crate) predicted: f64,
    /// The unit of both values.
    pub(crate) unit: Unit,
    /// How far they may differ.
    pub(crate) tolerance: Tolerance,
    /// Whether it is about the extension of the experiment.
    pub(crate) extension: bool,
    /// Whether it depends on time, by the clock or of the processor.
    pub(crate) timed: bool,
}

/// The right to judge one stated claim, once.
#[must_use = "a prediction that is never judged makes the experiment fail"]
#[derive(Debug)]
pub(crate) struct Prediction {
    index: usize,
}

/// The claims of an experiment while they are being made.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    stated: Vec<Stated>,
    /// Whether what is predicted now is about the extension.
    extending: bool,
}

impl Claims {
    /// Nothing claimed yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// States what `name` will measure, and by which model.
    pub(crate) fn predict(
        &mut self,
        name: impl Into<String>,
        model: impl Into<String>,
        predicted: f64,
        unit: Unit,
        tolerance: Tolerance,
    ) -> Prediction {
        let stated = Stated {
            name: name.into(),
            model: model.into(),
            predicted,
            unit,
            tolerance,
            extension: self.extending,
            timed: false,
        };
        self.stated.push(stated);
        Prediction { index: self.stated.len() - 1 }
    }

    /// States what `name` will measure, which depends on time: on how long something takes, or on who is first.
    pub(crate) fn predict_time(
        &mut self,
        name: impl Into<String>,
        model: impl Into<String>,
        predicted: f64,
        unit: Unit,
        tolerance: Tolerance,
    ) -> Prediction {
        let prediction = self.predict(name, model, predicted, unit, tolerance);
        self.stated[prediction.index].timed = true;
        prediction
    }

    /// What `predict` predicts is about the extension.
    pub(crate) fn extension<T>(&mut self, predict: impl FnOnce(&mut Self) -> T) -> T {
        self.extending = true;
        let predictions = predict(self);
        self.extending = false;
        predictions
    }

    /// Those stated, which nobody will judge.
    pub(crate) fn stated(self) -> Vec<Stated> {
        self.stated
    }

    /// No more predictions: the claims as they will be judged.
    pub(crate) fn seal(self) -> Sealed {
        let measured = vec![None; self.stated.len()];
        Sealed { stated: self.stated, measured }
    }
}

/// The claims of an experiment while it runs.
#[derive(Debug)]
pub(crate) struct Sealed {
    stated: Vec<Stated>,
    measured: Vec<Option<f64>>,
}

impl Sealed {
    /// Gives a prediction its measured value.
    pub(crate) fn judge(&mut self, prediction: Prediction, measured: f64) {
        let Prediction { index } = prediction;
        self.measured[index] = Some(measured);
    }

    /// The judged claims, in the order they were stated; or the names of those that were not judged.
    pub(crate) fn judged(self) -> Result<Vec<Claim>, Vec<String>> {
        let mut missing = Vec::new();
        let mut claims = Vec::with_capacity(self.stated.len());
        for (stated, measured) in self.stated.into_iter().zip(self.measured) {
            match measured {
                Some(measured) => {
                    let holds = stated.tolerance.accepts(stated.predicted, measured);
                    claims.push(Claim { stated, measured, holds });
                }
                None => missing.push(stated.name),
            }
        }
        if missing.is_empty() { Ok(claims) } else { Err(missing) }
    }
}

/// A prediction, what was measured, and whether the two agree.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// What was said before the run.
    pub(crate) stated: Stated,
    /// What the run gave.
    pub(crate) measured: f64,
    /// Whether the tolerance accepts it.
    pub(crate) holds: bool,
}

impl Claim {
    /// Its name, with what was measured.
    pub(crate) fn named_with_value(&self) -> String {
        format!("{} ({})", self.stated.name, self.stated.unit.show(self.measured))
    }
}

#[cfg(test)]
mod tests;
