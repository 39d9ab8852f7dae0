//! Predictions alone: what experiments claim, and why, before anything is measured.
//!
//! An experiment is run until it would begin to measure. What it has to know for that, such as what giving back costs on this machine
//! (t13), it finds out. The names of claims are those of a run with the same options.

use crate::claim::Stated;
use crate::error::LabError;
use crate::experiment::{Experiment, Lab};
use crate::record::number;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The claims of experiments, as text or as JSON, one object a line.
///
/// # Errors
/// When something kept one from predicting.
pub(crate) fn show(
    experiments: &[&'static dyn Experiment],
    lab: &Lab,
    json: bool,
) -> Result<String, LabError> {
    let mut text = String::new();
    for experiment in experiments {
        lab.progress.experiment(experiment.id(), experiment.title());
        let claims = claims(*experiment, lab)?;
        lab.progress.done();
        if json {
            let _ = writeln!(text, "{}", object(*experiment, &claims));
        } else {
            write(&mut text, *experiment, &claims);
        }
    }
    Ok(text)
}

/// What an experiment claims in this lab.
///
/// # Errors
/// When it cannot predict.
fn claims(experiment: &dyn Experiment, lab: &Lab) -> Result<Vec<Stated>, LabError> {
    match experiment.run(lab) {
        Err(LabError::Predicted(claims)) => Ok(claims),
        Err(error) => Err(error),
        Ok(record) => Ok(record.claims.into_iter().map(|claim| claim.stated).collect()),
    }
}

/// The same keys as in a record.
fn object(experiment: &dyn Experiment, claims: &[Stated]) -> Value {
    let claim = |one: &Stated| {
        json!({
            "name": one.name,
            "model": one.model,
            "predicted": number(one.predicted),
            "unit": one.unit.name(),
            "tolerance": one.tolerance.show(),
            "extension": one.extension,
            "timed": one.timed,
        })
    };
    json!({
        "id": experiment.id(),
        "title": experiment.title(),
        "question": experiment.question(),
        "extension": experiment.extension(),
        "claims": claims.iter().map(claim).collect::<Vec<_>>(),
    })
}

fn write(text: &mut String, experiment: &dyn Experiment, claims: &[Stated]) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}  {}\n     {}\n", experiment.id(), experiment.title(), experiment.question());
    for one in claims {
        let also = if one.extension { ", of the extension" } else { "" };
        let (value, tolerance) = (one.unit.show(one.predicted), one.tolerance.show());
        let _ = writeln!(
            text,
            "     {}\n       {value} ({tolerance}{also})\n       since {}",
            one.name, one.model
        );
    }
    text.push('\n');
}

#[cfg(test)]
mod tests;
