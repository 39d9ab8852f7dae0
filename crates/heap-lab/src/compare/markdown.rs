//! A comparison as Markdown: what is worse first, then a table for each crate.
//!
//! It is made for the comment of a pull request or the summary of a CI job: GitHub-flavoured, without colours, and what matters is in
//! bold. Pipes in cells are escaped.

use super::statistic::Verdict;
use super::{Comparison, Row};
use crate::saved::{Kind, Site};
use crate::unit::{Unit, digits};
use std::collections::BTreeSet;
use std::fmt::Write as _;

fn cell(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('\n', " ")
}

fn percent(ratio: f64) -> String {
    if ratio.is_finite() { format!("{:+.1} %", (ratio - 1.0) * 100.0) } else { String::from("from nothing") }
}

fn verdict(row: &Row) -> String {
    match row.judged.verdict {
        Verdict::Dearer => format!("**dearer** ({})", percent(row.judged.ratio)),
        Verdict::Cheaper => format!("cheaper ({})", percent(row.judged.ratio)),
        Verdict::Same => String::from("same"),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Time => "time",
        Kind::Bytes => "bytes",
        Kind::Allocs => "allocations",
    }
}

fn sites(out: &mut String, title: &str, sites: &[&(Site, f64)]) {
    if sites.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "{title}:\n\n| function | objects | bytes | share of the profile |\n| --- | ---: | ---: | ---: |"
    );
    for (site, share) in sites {
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} |",
            cell(&site.function),
            digits(site.objects),
            digits(site.bytes),
            Unit::Percent.show(share * 100.0)
        );
    }
    out.push('\n');
}

/// The comparison, with these names for its sides.
pub(super) fn show(comparison: &Comparison, base: &str, new: &str) -> String {
    let mut out = String::new();
    let dearer = comparison.dearer().count();
    let cheaper = comparison.rows.iter().filter(|row| row.judged.verdict == Verdict::Cheaper).count();
    let _ = writeln!(
        out,
        "# {}\n\nBASE: {base}  \nNEW: {new}\n\n{dearer} of {} figures dearer, {cheaper} cheaper, {} new allocation sites.",
        if comparison.has_regressions() { "Regressions" } else { "No regressions" },
        comparison.rows.len(),
        comparison.new_sites.len(),
    );
    let demand = comparison.demand;
    let _ = writeln!(
        out,
        "A figure that varies is called changed if chance would explain it, or any other here, with a probability of {} at most, if the \
         interval of the ratio excludes 1, and if the change is {} or more; one that is equal in all runs, if it is {} or more.\n",
        digits(demand.alpha),
        Unit::Percent.show(demand.effect * 100.0),
        Unit::Percent.show(demand.exact * 100.0),
    );
    for note in &comparison.notes {
        let _ = writeln!(out, "> {note}\n");
    }
    let of_sites = comparison.new_sites.iter().chain(&comparison.gone_sites);
    let crates: BTreeSet<&str> = comparison
        .rows
        .iter()
        .map(|row| row.key.0.as_str())
        .chain(of_sites.map(|(site, _)| site.krate.as_str()))
        .collect();
    for krate in crates {
        let _ = writeln!(out, "## `{}`\n", if krate.is_empty() { "(no crate)" } else { krate });
        let mut rows: Vec<&Row> = comparison.rows.iter().filter(|row| row.key.0 == krate).collect();
        rows.sort_by_key(|row| match row.judged.verdict {
            Verdict::Dearer => 0,
            Verdict::Cheaper => 1,
            Verdict::Same => 2,
        });
        if !rows.is_empty() {
            out.push_str("| program | figure | kind | BASE | NEW | ratio | interval | verdict |\n");
            out.push_str("| --- | --- | --- | ---: | ---: | ---: | ---: | --- |\n");
        }
        for row in rows {
            let judged = &row.judged;
            let interval = match (judged.interval, judged.p) {
                (Some((low, high)), _) => format!("{low:.3} .. {high:.3}"),
                (None, Some(_)) => String::from("n/a"),
                (None, None) => String::from("exact"),
            };
            let ratio =
                if judged.ratio.is_finite() { format!("{:.3}", judged.ratio) } else { String::from("∞") };
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {ratio} | {interval} | {} |",
                cell(&row.key.1),
                cell(&row.key.2),
                kind(row.kind),
                digits(judged.medians[0]),
                digits(judged.medians[1]),
                verdict(row),
            );
        }
        out.push('\n');
        let of = |all: &'_ [(Site, f64)]| -> Vec<usize> {
            all.iter().enumerate().filter(|(_, (site, _))| site.krate == krate).map(|(at, _)| at).collect()
        };
        for (title, all) in [
            ("**New allocation sites**", &comparison.new_sites),
            ("Allocation sites that are gone", &comparison.gone_sites),
        ] {
            let chosen: Vec<&(Site, f64)> = of(all).into_iter().map(|at| &all[at]).collect();
            sites(&mut out, title, &chosen);
        }
    }
    out
}
