//! HTML: the report as one page that needs nothing else.
//!
//! Style, script, drawings and raw data are all inside, so the file can be mailed, archived and opened from disk.
//! It follows the reader's light or dark preference (a button overrides it), reads well on a phone, and works
//! without its script, which only adds that button, "open all figures" and the copy of the raw data.
//! Tables are tables with captions and scoped headings; a verdict is a word with a mark, never a colour alone.
//!
//! ```text
//!   header       score, command, contents
//!   article      per experiment: question, verdict, claims, plots with their numbers, what is true, method, raw figures
//!   footer       the run and its machine, the report as JSON lines
//! ```
//! The style sheet is `page.css`, the script `page.js`, beside this file.

use super::json::Json;
use super::markup::{escape, prose, raw};
use super::svg::svg;
use super::{Format, Report};
use crate::record::{Plot, Record, Shape, Source, Table};
use std::fmt::Write as _;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A self-contained page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Html;

fn chip(holds: bool) -> &'static str {
    if holds {
        "<span class=\"chip holds\"><span aria-hidden=\"true\">✓</span> holds</span>"
    } else {
        "<span class=\"chip fails\"><span aria-hidden=\"true\">✗</span> does not hold</span>"
    }
}

fn claims(out: &mut String, record: &Record) {
    out.push_str(
        "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"Claims\"><table class=\"claims\"><caption>Claims, each predicted before the run</caption><thead><tr>\
         <th scope=\"col\">claim</th><th scope=\"col\" class=\"n\">predicted</th>\
         <th scope=\"col\" class=\"n\">measured</th><th scope=\"col\">tolerance</th>\
         <th scope=\"col\" class=\"n\">verdict</th></tr></thead><tbody>",
    );
    for claim in &record.claims {
        let unit = claim.stated.unit;
        let _ = write!(
            out,
            "<tr{}><th scope=\"row\">{}<span class=\"model\">{}</span></th><td class=\"n\" data-label=\"predicted\">{}</td>\
             <td class=\"n\" data-label=\"measured\">{}</td><td data-label=\"tolerance\">{}</td><td>{}</td></tr>",
            if claim.holds { "" } else { " class=\"fails\"" },
            prose(&claim.stated.name),
            prose(&claim.stated.model),
            escape(&unit.show(claim.stated.predicted)),
            escape(&unit.show(claim.measured)),
            escape(&claim.stated.tolerance.show()),
            chip(claim.holds),
        );
    }
    out.push_str("</tbody></table></div>");
}

fn table(out: &mut String, table: &Table) {
    let _ = write!(
        out,
        "<div class=\"wide\" tabindex=\"0\"><table><caption>{}</caption><thead><tr>",
        prose(&table.caption)
    );
    let class = |column| if column > 0 && table.is_of_figures(column) { " class=\"n\"" } else { "" };
    for (index, name) in table.columns.iter().enumerate() {
        let _ = write!(out, "<th scope=\"col\"{}>{}</th>", class(index), escape(name));
    }
    out.push_str("</tr></thead><tbody>");
    for row in &table.rows {
        out.push_str("<tr>");
        for (index, cell) in row.iter().enumerate() {
            if index == 0 {
                let _ = write!(out, "<th scope=\"row\">{}</th>", prose(cell));
            } else {
                let _ = write!(out, "<td{}>{}</td>", class(index), prose(cell));
            }
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
}

/// What the less obvious marks of a plot stand for, as markup; empty when there are none.
fn key(plot: &Plot) -> String {
    let mut marks = Vec::new();
    if let Shape::Bars { bars, .. } = &plot.shape {
        if bars.iter().any(|bar| bar.samples.len() > 1) {
            marks.push("ticks: single runs");
        }
        if bars.iter().any(|bar| bar.source == Source::Predicted) {
            marks.push("dashed: predicted");
        }
        if bars.iter().any(|bar| bar.source == Source::Reference) {
            marks.push("hollow: measured elsewhere");
        }
    }
    if marks.is_empty() {
        String::new()
    } else {
        format!(" <span class=\"key\">({})</span>", marks.join(", "))
    }
}

fn plots(out: &mut String, record: &Record) {
    if record.plots.is_empty() {
        return;
    }
    out.push_str("<div class=\"plots\">");
    for (index, plot) in record.plots.iter().enumerate() {
        let _ = write!(
            out,
            "<figure><figcaption><strong>{}</strong> {}{}</figcaption>{}",
            prose(&plot.title),
            prose(&plot.reading),
            key(plot),
            svg(plot, &format!("{}-p{index}", record.id)),
        );
        let numbers = plot.numbers();
        if !numbers.rows.is_empty() {
            let _ = write!(
                out,
                "<details class=\"numbers\"><summary>The numbers ({})</summary>",
                numbers.rows.len()
            );
            table(out, &numbers);
            out.push_str("</details>");
        }
        out.push_str("</figure>");
    }
    out.push_str("</div>");
}

fn sentences(out: &mut String, heading: &str, texts: &[String]) {
    if texts.is_empty() {
        return;
    }
    let _ = write!(out, "<h3>{heading}</h3>");
    for text in texts {
        let _ = write!(out, "<p>{}</p>", prose(text));
    }
}

fn figures(out: &mut String, record: &Record) {
    let _ = write!(
        out,
        "<details class=\"figures\"><summary>Raw figures ({})</summary><div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"Raw figures\"><table class=\"raw\">\
         <caption class=\"unseen\">Every figure of {}</caption><tbody>",
        record.figures.len(),
        escape(record.id)
    );
    for (name, value) in &record.figures {
        let _ =
            write!(out, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(name), escape(&raw(value)));
    }
    out.push_str("</tbody></table></div></details>");
}

fn article(out: &mut String, record: &Record) {
    let _ = write!(
        out,
        "<article id=\"{id}\"><header><h2><a href=\"#{id}\" class=\"id\">{id}</a> {}</h2>{}</header>\
         <p class=\"question\">{}</p>",
        escape(record.title),
        chip(record.holds()),
        escape(record.question),
        id = escape(record.id),
    );
    claims(out, record);
    plots(out, record);
    for one in &record.tables {
        table(out, one);
    }
    sentences(out, "What is true", &record.findings);
    sentences(out, "Method", &record.method);
    figures(out, record);
    out.push_str("</article>");
}

fn contents(out: &mut String, report: &Report) {
    out.push_str(
        "<nav aria-label=\"Experiments\"><table><caption class=\"unseen\">Experiments of this run</caption><tbody>",
    );
    for record in &report.records {
        let holding = record.claims.iter().filter(|claim| claim.holds).count();
        let _ = write!(
            out,
            "<tr><th scope=\"row\"><a href=\"#{id}\"><span class=\"id\">{id}</span> {}</a></th>\
             <td class=\"n\">{holding} of {}</td><td>{}</td></tr>",
            escape(record.title),
            record.claims.len(),
            chip(record.holds()),
            id = escape(record.id),
        );
    }
    out.push_str("</tbody></table></nav>");
}

fn machine(out: &mut String, report: &Report) {
    out.push_str("<section id=\"machine\"><h2>The run and its machine</h2><dl>");
    for (name, value) in report.facts() {
        let _ = write!(out, "<dt>{name}</dt><dd>{}</dd>", escape(&value));
    }
    out.push_str("</dl></section>");
}

impl Format for Html {
    fn render(&self, report: &Report) -> String {
        let (holding, all) = report.score();
        let verdict = if report.holds() { "Every claim holds" } else { "Some claims do not hold" };
        let mut out = String::new();
        let _ = write!(
            out,
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\"><title>Heap lab: {holding} of {all} claims hold</title>\
             <style>{STYLE}</style></head><body><a class=\"skip\" href=\"#main\">Skip to the experiments</a>\
             <header class=\"top\"><div class=\"bar\"><p class=\"name\">Tricolor <span>heap lab</span></p>\
             <button type=\"button\" id=\"theme\" hidden>theme: auto</button></div>\
             <h1>{verdict}</h1><p class=\"lead\"><strong>{holding}</strong> of <strong>{all}</strong> claims, \
             each predicted from a model before anything was measured. {}, {} threads, {}.</p>",
            escape(&report.machine.cpu),
            report.machine.cores,
            escape(&report.machine.date),
        );
        for warning in report.warnings() {
            let _ = write!(out, "<p class=\"warning\">{}</p>", escape(&warning));
        }
        contents(&mut out, report);
        out.push_str("<p class=\"tools\"><button type=\"button\" id=\"open\" hidden>open all raw figures</button></p></header><main id=\"main\">");
        for record in &report.records {
            article(&mut out, record);
        }
        out.push_str("</main><footer>");
        machine(&mut out, report);
        let _ = writeln!(
            out,
            "<details><summary>The report as JSON lines</summary>\
             <button type=\"button\" id=\"copy\" hidden>copy</button><pre id=\"json\">{}</pre></details></footer>\
             <script>{SCRIPT}</script></body></html>",
            escape(&Json.render(report))
        );
        out
    }
}
