//! Comparing two versions: saved runs of the one against saved runs of the other.
//!
//! ```text
//!   BASE ─┐ files or directories:        ┌─ statistic   each figure: dearer, cheaper, same
//!         ├─ runs (.json, .jsonl)   ──▶  ┤
//!   NEW  ─┘ profiles (.pb, .pb.gz)       └─ sites       functions that allocate in NEW and not in BASE
//!                                           │
//!                                           ▼   Markdown, a table for each crate; or JSON
//! ```
//! A regression is a figure that is dearer, or a new site. Figures are time, bytes and allocations; of all less is better. What is
//! counted and equal in all runs of a version is compared as it is; what has a spread needs the test of [`statistic`].
//!
//! Times of different machines, or of differently built programs, are left out, and the answer says so: no statistic makes
//! up for that.
//!
//! A function is a new site if more than half of NEW's profiles have at least [`SHARE`] of their objects or bytes from it, and none
//! of BASE's has any. A sampled profile may miss what is rare, on either side; hence the share.
//!
//! Bad input is an error and not a verdict: a file that is missing, cut off or of another schema, programs that were run for one side
//! only, fewer runs than the test needs to say anything.

mod markdown;
pub(crate) mod pprof;
pub(crate) mod statistic;

use crate::error::LabError;
use crate::saved::{self, Kind, Run, Site};
use serde_json::{Value, json};
use statistic::{Demand, Intervals, Judged, Pair, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The share of a profile's objects or bytes from which a function is worth a word.
pub(crate) const SHARE: f64 = 0.01;
/// Runs of each version that are needed to know whether a figure has a spread.
const LEAST_RUNS: usize = 2;

/// What is to be compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Compare {
    /// What was: a file, or a directory of them.
    pub(crate) base: PathBuf,
    /// What is.
    pub(crate) new: PathBuf,
    /// How sure, and how much.
    pub(crate) demand: Demand,
    /// Programs that were run for one side only are left out, and not an error.
    pub(crate) common: bool,
    /// JSON rather than Markdown.
    pub(crate) json: bool,
}

/// One version: its runs and profiles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Side {
    /// Runs with measures.
    pub(crate) runs: Vec<Run>,
    /// Profiles: those in runs, and those in files of their own.
    pub(crate) profiles: Vec<Vec<Site>>,
}

impl Side {
    /// A version's runs.
    pub(crate) fn of(runs: Vec<Run>) -> Self {
        let profiles = runs.iter().map(|run| run.sites.clone()).filter(|sites| !sites.is_empty()).collect();
        Self { runs, profiles }
    }

    /// Reads a file or the files of a directory.
    ///
    /// # Errors
    /// When there is none, or one is bad.
    pub(crate) fn read(path: &Path) -> Result<Self, LabError> {
        let is_profile = |path: &Path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            name.ends_with(".pb.gz") || name.ends_with(".pb") || name.ends_with(".pprof")
        };
        let is_run = |path: &Path| path.extension().is_some_and(|end| end == "json" || end == "jsonl");
        let mut files = Vec::new();
        if path.is_dir() {
            for entry in fs::read_dir(path).map_err(LabError::io("read the directory", path))? {
                files.push(entry.map_err(LabError::io("read the directory", path))?.path());
            }
            files.retain(|file| file.is_file() && (is_run(file) || is_profile(file)));
            // In an order that does not depend on the file system.
            files.sort();
            if files.is_empty() {
                return Err(LabError::Argument(format!(
                    "{}: no saved run (.json, .jsonl) and no profile (.pb, .pb.gz, .pprof) is in it",
                    path.display()
                )));
            }
        } else {
            files.push(path.to_owned());
        }
        let (mut runs, mut profiles) = (Vec::new(), Vec::new());
        for file in files {
            if is_profile(&file) {
                profiles.push(pprof::read(&file)?);
            } else {
                runs.extend(saved::read(&file)?);
            }
        }
        let mut side = Self::of(runs);
        side.profiles.extend(profiles);
        Ok(side)
    }

    /// What it was measured on; several, if runs were mixed.
    fn machines(&self) -> BTreeSet<&str> {
        self.runs.iter().map(|run| run.machine.as_str()).collect()
    }

    /// The programs that were run.
    fn benches(&self) -> BTreeSet<(&str, &str)> {
        let measures = self.runs.iter().flat_map(|run| &run.measures);
        measures.map(|measure| (measure.krate.as_str(), measure.bench.as_str())).collect()
    }
}

/// Which figure: its crate, program and name.
pub(crate) type Key = (String, String, String);

/// A figure of both versions.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Which.
    pub(crate) key: Key,
    /// What it counts.
    pub(crate) kind: Kind,
    /// Runs of either version.
    pub(crate) runs: [usize; 2],
    /// What is said of it.
    pub(crate) judged: Judged,
}

/// What came of comparing.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    /// Every figure, by crate, program and name.
    pub(crate) rows: Vec<Row>,
    /// Functions that allocate in NEW and not in BASE, the largest share first, with that share.
    pub(crate) new_sites: Vec<(Site, f64)>,
    /// And the other way round.
    pub(crate) gone_sites: Vec<(Site, f64)>,
    /// Profiles of either version.
    pub(crate) profiles: [usize; 2],
    /// What was left out, and why.
    pub(crate) notes: Vec<String>,
    /// How sure, and how much.
    pub(crate) demand: Demand,
}

impl Comparison {
    /// The figures that are dearer.
    pub(crate) fn dearer(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.judged.verdict == Verdict::Dearer)
    }

    /// Whether anything is worse than before.
    pub(crate) fn has_regressions(&self) -> bool {
        self.dearer().next().is_some() || !self.new_sites.is_empty()
    }

    /// For programs: every row, the sites, the notes, and the verdict.
    pub(crate) fn json(&self) -> Value {
        let number = crate::record::number;
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|Row { key: (krate, bench, name), kind, runs, judged }| {
                json!({
                    "crate": krate, "bench": bench, "name": name, "kind": kind, "runs": runs,
                    "base": number(judged.medians[0]), "new": number(judged.medians[1]),
                    "ratio": number(judged.ratio),
                    "interval": judged.interval.map(|(low, high)| [number(low), number(high)]),
                    "p": judged.p.map(number),
                    "verdict": word(judged.verdict),
                })
            })
            .collect();
        let sites = |sites: &[(Site, f64)]| {
            let all = sites.iter().map(|(site, share)| {
                json!({"crate": site.krate, "function": site.function, "objects": number(site.objects),
                    "bytes": number(site.bytes), "share": number(*share)})
            });
            Value::from_iter(all)
        };
        json!({
            "schema": "heap-lab-compare/1",
            "regressions": self.has_regressions(),
            "alpha": self.demand.alpha, "effect": self.demand.effect, "exact": self.demand.exact,
            "figures": rows,
            "new_sites": sites(&self.new_sites), "gone_sites": sites(&self.gone_sites),
            "profiles": self.profiles,
            "notes": self.notes,
        })
    }
}

/// The word for a verdict.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Dearer => "dearer",
        Verdict::Cheaper => "cheaper",
        Verdict::Same => "same",
    }
}

impl Compare {
    /// Reads both sides, compares them, and gives the text to print with whether there are regressions.
    ///
    /// # Errors
    /// When the input is bad; see the head of the module.
    pub(crate) fn carry_out(&self) -> Result<(String, bool), LabError> {
        let (base, new) = (Side::read(&self.base)?, Side::read(&self.new)?);
        let comparison = compare(&base, &new, self.demand, self.common)?;
        let text = if self.json {
            format!("{}\n", comparison.json())
        } else {
            markdown::show(&comparison, &name(&self.base, &base), &name(&self.new, &new))
        };
        Ok((text, comparison.has_regressions()))
    }
}

/// What a side is called: its file, and the versions in it.
fn name(path: &Path, side: &Side) -> String {
    let versions: BTreeSet<&str> = side.runs.iter().map(|run| run.version.as_str()).collect();
    let versions: Vec<&str> = versions.into_iter().collect();
    let runs = if side.runs.len() == 1 { "run" } else { "runs" };
    if versions.is_empty() {
        format!("{} ({} profiles)", path.display(), side.profiles.len())
    } else {
        format!("{} ({} {runs} of {})", path.display(), side.runs.len(), versions.join(", "))
    }
}

/// Compares two versions.
///
/// # Errors
/// When one has runs and the other has none, when programs were run for one side only and `common` is not set, or when there are too
/// few runs to say anything.
pub(crate) fn compare(base: &Side, new: &Side, demand: Demand, common: bool) -> Result<Comparison, LabError> {
    let mut notes = Vec::new();
    if base.runs.is_empty() != new.runs.is_empty()
        || base.runs.is_empty() && base.profiles.is_empty() != new.profiles.is_empty()
    {
        return Err(LabError::Argument(String::from(
            "one side has saved runs and the other has profiles only: there is nothing that both have",
        )));
    }
    let left_out = differing(base, new, common, &mut notes)?;
    let same_machine = base.machines() == new.machines() && base.machines().len() <= 1;
    let (rows, pairs) = figures(base, new, &left_out, same_machine, &mut notes);
    if !rows.is_empty() {
        enough(&rows, &pairs, demand.alpha)?;
    }
    let judged = statistic::judge(&pairs, demand, Intervals::All);
    let rows = rows.into_iter().zip(judged);
    let rows = rows.map(|((key, kind, runs), judged)| Row { key, kind, runs, judged }).collect();
    let profiles = [base.profiles.len(), new.profiles.len()];
    if profiles[0].min(profiles[1]) == 0 && profiles[0].max(profiles[1]) > 0 {
        notes.push(String::from("Only one side has profiles, so allocation sites are not compared."));
    }
    Ok(Comparison {
        rows,
        new_sites: appeared(&base.profiles, &new.profiles),
        gone_sites: appeared(&new.profiles, &base.profiles),
        profiles,
        notes,
        demand,
    })
}

type Programs = BTreeSet<(String, String)>;

/// The programs that one side lacks: an error, or left out with a note.
fn differing(base: &Side, new: &Side, common: bool, notes: &mut Vec<String>) -> Result<Programs, LabError> {
    let (before, after) = (base.benches(), new.benches());
    let list = |one: &BTreeSet<(&str, &str)>, other: &BTreeSet<(&str, &str)>| {
        one.difference(other)
            .map(|(krate, bench)| format!("{bench} of {krate}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let (gone, come) = (list(&before, &after), list(&after, &before));
    if gone.is_empty() && come.is_empty() {
        return Ok(Programs::new());
    }
    let mut text = Vec::new();
    for (side, programs) in [("BASE", gone), ("NEW", come)] {
        if !programs.is_empty() {
            text.push(format!("only {side} has {programs}"));
        }
    }
    let text = text.join("; ");
    if !common {
        return Err(LabError::Argument(format!(
            "the two did not run the same programs: {text}. Run the same for both, or give --common to compare those that both have"
        )));
    }
    if before.is_disjoint(&after) {
        return Err(LabError::Argument(format!("the two have no program in common: {text}")));
    }
    notes.push(format!("Left out, since only one side ran it: {text}."));
    let owned = |(krate, bench): &(&str, &str)| (String::from(*krate), String::from(*bench));
    Ok(before.symmetric_difference(&after).map(owned).collect())
}

type Figure = (Key, Kind, [usize; 2]);

/// The figures that both sides have, with the values of each run.
fn figures(
    base: &Side,
    new: &Side,
    left_out: &Programs,
    same_machine: bool,
    notes: &mut Vec<String>,
) -> (Vec<Figure>, Vec<Pair>) {
    let mut all: BTreeMap<Key, (Kind, [Vec<f64>; 2])> = BTreeMap::new();
    for (at, side) in [base, new].into_iter().enumerate() {
        for measure in side.runs.iter().flat_map(|run| &run.measures) {
            let key = (measure.krate.clone(), measure.bench.clone(), measure.name.clone());
            all.entry(key).or_insert((measure.kind, Default::default())).1[at].push(measure.value);
        }
    }
    let (mut rows, mut pairs, mut single, mut times) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for (key, (kind, [base, new])) in all {
        if left_out.contains(&(key.0.clone(), key.1.clone())) {
            continue;
        }
        if base.is_empty() || new.is_empty() {
            single.push(format!("{} of {}", key.2, key.1));
        } else if kind == Kind::Time && !same_machine {
            times += 1;
        } else {
            rows.push((key, kind, [base.len(), new.len()]));
            pairs.push(Pair { base, new });
        }
    }
    if !single.is_empty() {
        notes.push(format!("Left out, since only one side has the figure: {}.", single.join(", ")));
    }
    if times > 0 {
        let machines: BTreeSet<&str> = base.machines().union(&new.machines()).copied().collect();
        let machines: Vec<&str> = machines.into_iter().collect();
        notes.push(format!(
            "{times} figures of time are left out, since not all runs are of one machine and build: {}.",
            machines.join("; ")
        ));
    }
    (rows, pairs)
}

/// Whether there are runs enough to say anything.
fn enough(rows: &[Figure], pairs: &[Pair], alpha: f64) -> Result<(), LabError> {
    let least = rows.iter().flat_map(|(_, _, runs)| runs).min().copied().unwrap_or(0);
    if least < LEAST_RUNS {
        return Err(LabError::Argument(format!(
            "one run does not say how much runs differ: save at least {LEAST_RUNS} of each version, and more if figures vary \
             (run … --repeat N --save FILE, or the same command again)"
        )));
    }
    let sampled = statistic::sampled(pairs);
    let reach =
        pairs.iter().map(|pair| statistic::smallest_p(pair.base.len(), pair.new.len())).fold(0.0, f64::max);
    if sampled > 0 && reach > alpha / sampled as f64 {
        let needed = statistic::runs_needed(sampled, alpha);
        return Err(LabError::Argument(format!(
            "{least} runs cannot say anything of {sampled} figures that vary, with a probability of {alpha} for any false alarm: \
             save at least {needed} of each version"
        )));
    }
    Ok(())
}

/// Functions that allocate a [`SHARE`] in more than half of `after`, and nothing in `before`.
fn appeared(before: &[Vec<Site>], after: &[Vec<Site>]) -> Vec<(Site, f64)> {
    if before.is_empty() || after.is_empty() {
        return Vec::new();
    }
    let known: BTreeSet<&str> = before
        .iter()
        .flatten()
        .filter(|site| site.objects > 0.0)
        .map(|site| site.function.as_str())
        .collect();
    // By function: in how many profiles it is large, and the site where its share was the largest.
    let mut found: BTreeMap<&str, (usize, (Site, f64))> = BTreeMap::new();
    for profile in after {
        let sum = |of: fn(&Site) -> f64| profile.iter().map(of).sum::<f64>().max(f64::MIN_POSITIVE);
        let (objects, bytes) = (sum(|site| site.objects), sum(|site| site.bytes));
        for site in profile.iter().filter(|site| !known.contains(site.function.as_str())) {
            let share = (site.objects / objects).max(site.bytes / bytes);
            if share >= SHARE {
                let (times, largest) =
                    found.entry(&site.function).or_insert_with(|| (0, (site.clone(), share)));
                *times += 1;
                if share > largest.1 {
                    *largest = (site.clone(), share);
                }
            }
        }
    }
    let mut sites: Vec<(Site, f64)> =
        found.into_values().filter(|(times, _)| 2 * times > after.len()).map(|(_, site)| site).collect();
    sites.sort_by(|one, other| other.1.total_cmp(&one.1));
    sites
}

#[cfg(test)]
mod tests;
