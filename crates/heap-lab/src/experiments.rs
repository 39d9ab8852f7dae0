//! The experiments, in the order they are best read.
//!
//! One file each, named by id. Adding one is a file and a line in [`ALL`]; `list`, `run all` and the reports follow.

mod verdicts;
mod pause;
mod peers;
mod s1;
mod s2;
mod s3;
mod scale;
mod t01;
mod t02;
mod t03;
mod t04;
mod t05;
mod t06;
mod t07;
mod t08;
mod t09;
mod t10;
mod t11;
mod t12;
mod t13;
mod t14;
mod t15;
mod t16;
mod t17;
mod t18;
mod t19;
mod t20;
mod words;

use crate::error::LabError;
use crate::experiment::Experiment;

/// Every experiment, in reading order.
pub(crate) static ALL: &[&dyn Experiment] = &[
    &t01::MillionSmall,
    &t02::FourFunctions,
    &t03::NewAndLiteral,
    &t04::Strings,
    &t05::Classes,
    &t06::Refills,
    &t07::SmallObjects,
    &t08::Pooled,
    &t09::PointersAndValues,
    &t10::Captures,
    &t11::TopSites,
    &t12::ObjectsAndBytes,
    &t13::Scavenging,
    &t14::GivingBack,
    &t15::Tiny,
    &t16::Large,
    &t17::OneAllocation,
    &t18::PageTree,
    &t19::ByCrate,
    &t20::Growing,
    &s1::Regressions,
    &s2::Observed,
    &s3::Arenas,
    &pause::Pause,
    &peers::SideBySide,
    &scale::Scale,
    &words::Words,
];

/// Those that `headline` means.
pub(crate) const HEADLINE: [&str; 2] = ["t09", "pause"];

/// The experiments that these words mean: ids, `headline`, `all`; each once, in the order first named.
///
/// # Errors
/// When a word is none of them.
pub(crate) fn select(words: &[String]) -> Result<Vec<&'static dyn Experiment>, LabError> {
    let mut chosen: Vec<&'static dyn Experiment> = Vec::new();
    let mut choose = |id: &str| -> bool {
        let Some(found) = ALL.iter().copied().find(|one| one.id() == id) else { return false };
        if !chosen.iter().any(|one| one.id() == id) {
            chosen.push(found);
        }
        true
    };
    for word in words {
        let known = match word.as_str() {
            "all" => ALL.iter().all(|one| choose(one.id())),
            "headline" => HEADLINE.iter().all(|id| choose(id)),
            id => choose(id),
        };
        if !known {
            let ids = ALL.iter().map(|one| one.id());
            return Err(LabError::unknown("experiment", word, ids.chain(["headline", "all"])));
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests;
