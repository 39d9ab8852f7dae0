//! Markdown: the report for an issue, a wiki or a `runs/` folder.
//!
//! Tables and words, no plots: a plot's data stands in the raw figures. Pipes in cells are escaped, so a cell can
//! hold anything.

use super::{Format, Report};
use crate::record::{Record, Table};
use std::fmt::Write as _;

/// GitHub-flavoured Markdown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Markdown;

fn cell(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('\n', " ")
}

fn table(out: &mut String, columns: &[&str], rows: &[Vec<String>]) {
    let _ = writeln!(out, "| {} |", columns.iter().map(|name| cell(name)).collect::<Vec<_>>().join(" | "));
    let rule: Vec<&str> =
        columns.iter().enumerate().map(|(index, _)| if index == 0 { "---" } else { "---:" }).collect();
    let _ = writeln!(out, "| {} |", rule.join(" | "));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.iter().map(|text| cell(text)).collect::<Vec<_>>().join(" | "));
    }
    out.push('\n');
}

fn record(out: &mut String, record: &Record) {
    let verdict = if record.holds() { "holds" } else { "**does not hold**" };
    let _ = writeln!(out, "## `{}` {} ({verdict})\n\n{}\n", record.id, record.title, record.question);
    let claims: Vec<Vec<String>> = record
        .claims
        .iter()
        .map(|claim| {
            let unit = claim.stated.unit;
            vec![
                format!("{} ({})", claim.stated.name, claim.stated.model),
                unit.show(claim.stated.predicted),
                unit.show(claim.measured),
                claim.stated.tolerance.show(),
                String::from(if claim.holds { "yes" } else { "**no**" }),
            ]
        })
        .collect();
    table(out, &["claim (model)", "predicted", "measured", "tolerance", "holds"], &claims);
    for Table { caption, columns, rows } in &record.tables {
        let _ = writeln!(out, "{caption}:\n");
        table(out, &columns.iter().map(String::as_str).collect::<Vec<_>>(), rows);
    }
    for text in &record.findings {
        let _ = writeln!(out, "- {text}");
    }
    if !record.findings.is_empty() {
        out.push('\n');
    }
    if !record.method.is_empty() {
        let _ = writeln!(out, "Method: {}\n", record.method.join(" "));
    }
}

impl Format for Markdown {
    fn render(&self, report: &Report) -> String {
        let machine = &report.machine;
        let (holding, all) = report.score();
        let mut out = String::new();
        let _ = writeln!(out, "# Heap lab: {holding} of {all} claims hold\n");
        let _ = writeln!(
            out,
            "`{}` on {}, {} cores, {}, {}, {}{}, took {:.1} s.\n",
            report.command,
            machine.cpu,
            machine.cores,
            machine.kernel,
            machine.rustc,
            machine.date,
            if machine.optimised { "" } else { ", **unoptimised build**" },
            report.took.as_secs_f64(),
        );
        for each in &report.records {
            record(&mut out, each);
        }
        out
    }
}
