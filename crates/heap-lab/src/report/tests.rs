use super::html::Html;
use super::json::Json;
use super::markdown::Markdown;
use super::text::Text;
use super::{Format, Report};
use crate::measure::machine::Machine;
use crate::record::tests::sample;
use crate::record::{Plot, Shape, Ticks};
use std::time::Duration;

fn report(measured: &[f64]) -> Report {
    Report {
        machine: Machine::here(),
        command: String::from("heap-lab run <t00> & more"),
        settings: vec![("seed", String::from("7"))],
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

/// The values of an attribute, in order.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!(" {name}=\"");
    html.split(begin.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_reference_on_the_page_leads_somewhere_and_no_name_is_given_twice() {
    let html = Html.render(&report(&[1_602_840.0]));
    let ids = attributes(&html, "id");
    for (index, id) in ids.iter().enumerate() {
        assert!(!ids[..index].contains(id), "{id} twice");
    }
    let links =
        attributes(&html, "href").into_iter().map(|link| link.strip_prefix('#').expect("on this page"));
    let labels = attributes(&html, "aria-labelledby").into_iter().flat_map(|names| names.split(' '));
    let mut found = 0;
    for name in links.chain(labels) {
        assert!(ids.contains(&name), "{name} is nowhere");
        found += 1;
    }
    assert!(found >= 6, "{found}");
}

/// A record in which every text that comes from outside tries to be markup.
fn hostile() -> Report {
    const EVIL: &str = "</script></style></title><img src=x onerror=alert(1)>\"'`&amp;|\n# <b>";
    let mut report = report(&[1_602_840.0]);
    report.command = EVIL.to_owned();
    report.settings.push(("input", EVIL.to_owned()));
    report.machine.cpu = EVIL.to_owned();
    let record = &mut report.records[0];
    (record.title, record.question) = (EVIL, EVIL);
    record.method.push(EVIL.to_owned());
    record.findings.push(EVIL.to_owned());
    record.claims[0].stated.name = EVIL.to_owned();
    record.claims[0].stated.model = EVIL.to_owned();
    record.figures.insert(EVIL.to_owned(), serde_json::json!({ EVIL: [EVIL] }));
    record.tables[0].caption = EVIL.to_owned();
    record.tables[0].columns[1] = EVIL.to_owned();
    record.tables[0].rows[0] = vec![EVIL.to_owned(), EVIL.to_owned()];
    for plot in &mut record.plots {
        (plot.title, plot.reading) = (EVIL.to_owned(), EVIL.to_owned());
        match &mut plot.shape {
            Shape::Bars { bars, .. } => bars[0].label = EVIL.to_owned(),
            Shape::Lines { x, y, series } | Shape::Points { x, y, series } => {
                (x.label, y.label) = (EVIL.to_owned(), EVIL.to_owned());
                series[0].label = EVIL.to_owned();
                x.ticks = Ticks::Named(vec![(0.0, EVIL.to_owned())]);
            }
        }
    }
    report
}

#[test]
fn no_text_of_a_record_becomes_markup() {
    let report = hostile();
    let html = Html.render(&report);
    assert_balanced(&html);
    assert!(!html.contains("<img") && !html.contains("<b>"), "an element of the text's");
    assert_eq!(html.matches("</script>").count(), 1);
    assert_eq!(html.matches("</style>").count(), 1);
    let markdown = Markdown.render(&report);
    let code_free =
        markdown.replace("<details><summary>", "").replace("</summary>", "").replace("</details>", "");
    assert!(!code_free.contains('<'), "{code_free}");
    for line in Json.render(&report).lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    }
}

#[test]
fn the_formats_for_reading_and_for_programs_say_the_same() {
    let report = report(&[2_400_000.0]);
    let (html, markdown, json) = (Html.render(&report), Markdown.render(&report), Json.render(&report));
    let record = &report.records[0];
    let mut texts: Vec<String> = report.facts().into_iter().map(|(_, value)| value).collect();
    texts.extend([record.title.to_owned(), record.question.to_owned()]);
    texts.extend(record.method.iter().chain(&record.findings).cloned());
    for claim in &record.claims {
        let unit = claim.stated.unit;
        texts.extend([
            claim.stated.name.clone(),
            claim.stated.model.clone(),
            unit.show(claim.stated.predicted),
            unit.show(claim.measured),
            claim.stated.tolerance.show(),
        ]);
    }
    for table in record.tables.iter().cloned().chain(record.plots.iter().map(Plot::numbers)) {
        texts.push(table.caption.clone());
        texts.extend(table.columns.into_iter().chain(table.rows.into_iter().flatten()));
    }
    texts.extend(record.plots.iter().map(|plot| plot.reading.clone()));
    for (name, value) in &record.figures {
        texts.extend([name.clone(), super::markup::raw(value)]);
    }
    assert!(texts.len() > 40, "{texts:?}");
    for text in &texts {
        assert!(html.contains(&super::markup::escape(text)), "the page is without {text}");
        let plain = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        assert!(markdown.contains(&plain), "the Markdown is without {text}");
    }
    let value: serde_json::Value = serde_json::from_str(json.trim()).expect("one object");
    assert_eq!(value["question"], record.question);
    assert_eq!(value["method"][0], record.method[0]);
    assert_eq!(value["findings"][0], record.findings[0]);
    assert_eq!(value["claims"][0]["model"], record.claims[0].stated.model);
    assert_eq!(value["tables"][0]["caption"], record.tables[0].caption);
    assert_eq!(value["plots"].as_array().map(Vec::len), Some(record.plots.len()));
    assert_eq!(value["figures"], serde_json::Value::Object(record.figures.clone()));
    assert_eq!(value["run"]["settings"]["seed"], "7");
    assert_eq!(value["run"]["command"], report.command);
    assert_eq!(value["run"]["machine"]["rustc"], report.machine.rustc);
}

#[test]
fn a_busy_machine_is_said_to_have_been_busy() {
    let mut report = report(&[1_602_840.0]);
    (report.machine.optimised, report.machine.cores) = (true, 2);
    for (load, is_busy) in [(None, false), (Some(1.9), false), (Some(2.0), true)] {
        report.machine.load = load;
        for text in [Html.render(&report), Markdown.render(&report), Text { colour: false }.render(&report)] {
            assert_eq!(text.contains("The machine was busy"), is_busy, "{load:?}");
        }
    }
    report.machine.optimised = false;
    assert!(Html.render(&report).contains("unoptimised build"));
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
