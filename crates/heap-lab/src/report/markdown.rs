//! Markdown: the report for an issue, a wiki or a `runs/` folder.
//!
//! Tables and words, no plots: a plot is a table of its numbers, folded, as are the raw figures. Pipes and angle brackets are
//! escaped, so a cell can hold anything.

use super::markup::raw;
use super::{Format, Report};
use crate::record::{Record, Table};
use std::fmt::Write as _;

/// GitHub-flavoured Markdown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Markdown;

/// Text in which nothing opens a tag or begins a line.
fn words(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\n', " ")
}

fn cell(text: &str) -> String {
    words(text).replace('\\', "\\\\").replace('|', "\\|")
}

/// A table of a [`Record`], folded under its caption.
fn folded(out: &mut String, caption: &str, columns: &[&str], rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "<details><summary>{}</summary>\n", words(caption));
    table(out, columns, rows);
    out.push_str("</details>\n\n");
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
    let _ = writeln!(
        out,
        "## `{}` {} ({verdict})\n\n{}\n",
        record.id,
        words(record.title),
        words(record.question)
    );
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
        let _ = writeln!(out, "{}:\n", words(caption));
        table(out, &columns.iter().map(String::as_str).collect::<Vec<_>>(), rows);
    }
    for plot in &record.plots {
        let Table { caption, columns, rows } = plot.numbers();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        folded(out, &format!("Plot: {caption}. {}", plot.reading), &columns, &rows);
    }
    for text in &record.findings {
        let _ = writeln!(out, "- {}", words(text));
    }
    if !record.findings.is_empty() {
        out.push('\n');
    }
    if !record.method.is_empty() {
        let _ = writeln!(out, "Method: {}\n", words(&record.method.join(" ")));
    }
    let figures: Vec<Vec<String>> =
        record.figures.iter().map(|(name, value)| vec![name.clone(), raw(value)]).collect();
    folded(out, &format!("Raw figures ({})", figures.len()), &["figure", "value"], &figures);
}

impl Format for Markdown {
    fn render(&self, report: &Report) -> String {
        let (holding, all) = report.score();
        let mut out = String::new();
        let _ = writeln!(out, "# Heap lab: {holding} of {all} claims hold\n");
        for warning in report.warnings() {
            let _ = writeln!(out, "**{}**\n", words(&warning));
        }
        let facts: Vec<Vec<String>> =
            report.facts().into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
        table(&mut out, &["run", ""], &facts);
        for each in &report.records {
            record(&mut out, each);
        }
        out
    }
}
