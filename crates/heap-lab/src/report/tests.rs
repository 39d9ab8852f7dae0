use super::html::Html;
use super::json::Json;
use super::markdown::Markdown;
use super::text::Text;
use super::{Format, Report};
use crate::measure::machine::Machine;
use crate::record::tests::sample;
use std::time::Duration;

fn report(measured: &[f64]) -> Report {
    Report {
        machine: Machine::here(),
        command: String::from("heap-lab run <t00> & more"),
        took: Duration::from_millis(1500),
        records: measured.iter().map(|value| sample(*value)).collect(),
    }
}

/// Fails on a tag that is not closed, closed twice, or closed in the wrong order; `script` and `style` hold no tags.
fn assert_balanced(html: &str) {
    const VOID: [&str; 3] = ["!DOCTYPE", "meta", "br"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        assert!(tag.matches('"').count().is_multiple_of(2), "odd quotes in <{tag}>");
        if let Some(closing) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closing), "</{closing}> closes nothing");
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
            if name == "script" || name == "style" {
                let close = format!("</{name}>");
                rest = &rest[rest.find(&close).expect("raw text ends")..];
            }
        }
    }
    assert_eq!(open, Vec::<&str>::new(), "left open");
}

#[test]
fn the_page_is_well_formed_and_self_contained() {
    let html = Html.render(&report(&[1_602_840.0, 2_400_000.0]));
    assert_balanced(&html);
    for outside in ["src=", "url(", "@import", "<link", "http://", "https://"] {
        let found = html.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        assert!(!found.contains(outside), "the page reaches outside by {outside}");
    }
}

#[test]
fn everything_a_record_says_is_escaped_and_on_the_page() {
    let html = Html.render(&report(&[1_602_840.0]));
    for text in [
        "A sample &lt;record&gt;",
        "Does &quot;everything&quot; &amp; more get escaped?",
        "bytes of 100,000 objects &amp; their &lt;slice&gt;",
        "heap-lab run &lt;t00&gt; &amp; more",
        "1,602,816 B",
        "1,602,840 B",
        "&lt;here&gt;",
        "An object of 8 bytes costs 8 bytes.",
        "Measured once.",
        "sizes &amp; &lt;counts&gt;",
    ] {
        assert!(html.contains(text), "missing {text}");
    }
    assert!(!html.contains("<record>") && !html.contains("<here>"));
}

#[test]
fn every_drawing_is_named_and_described() {
    let html = Html.render(&report(&[1_602_840.0]));
    let drawings = html.matches("<svg").count();
    assert_eq!(drawings, 2);
    assert_eq!(html.matches("role=\"img\" aria-labelledby=").count(), drawings);
    assert_eq!(html.matches("<desc ").count(), drawings);
}

#[test]
fn every_table_has_a_caption() {
    let html = Html.render(&report(&[1_602_840.0]));
    assert_eq!(html.matches("<table").count(), html.matches("<caption").count());
}

#[test]
fn verdicts_are_words_in_every_format() {
    let report = report(&[1_602_840.0, 2_400_000.0]);
    for text in [Html.render(&report), Markdown.render(&report), Text { colour: false }.render(&report)] {
        assert!(text.contains("1 of 2 claims"), "{text}");
        assert!(text.contains("does not hold"), "{text}");
    }
}

#[test]
fn json_is_one_object_a_line() {
    let text = Json.render(&report(&[1_602_840.0, 2_400_000.0]));
    let holds: Vec<bool> = text
        .lines()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).expect("one object a line");
            value["holds"].as_bool().expect("a verdict")
        })
        .collect();
    assert_eq!(holds, vec![true, false]);
}

#[test]
fn markdown_rows_have_as_many_cells_as_their_heading() {
    let text = Markdown.render(&report(&[1_602_840.0]));
    let mut width = None;
    for line in text.lines() {
        if line.starts_with('|') {
            let cells = line.matches('|').count() - line.matches("\\|").count();
            assert_eq!(*width.get_or_insert(cells), cells, "{line}");
        } else {
            width = None;
        }
    }
}

#[test]
fn text_without_colour_has_no_escapes() {
    let report = report(&[2_400_000.0]);
    assert!(!Text { colour: false }.render(&report).contains('\u{1b}'));
    assert!(Text { colour: true }.render(&report).contains('\u{1b}'));
}
