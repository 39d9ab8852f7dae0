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
        assert!(tag.matches('"').count() % 2 == 0, "odd quotes in <{tag}>");
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

#[test]
fn temp_dump() {
    use crate::record::*; use crate::unit::Unit;
    let mut r = report(&[1_602_840.0, 2_400_000.0]);
    let one = &mut r.records[0];
    one.id="t09"; one.title="Pointers against values"; one.question="What does a pointer cost the collector, compared with a value of the same size?";
    one.findings = vec!["A stop is not the mark phase. Scanning three pointers costs mark CPU, not pause: in Go 1.27.3 ten collections of a million such objects take 279 ms of CPU against 125 ms for three integers (2.2 ×), and the pauses are the same.".into(), "The object without pointers is never read at all.".into()];
    one.method = vec!["A slice of a million pointers keeps the objects alive; eleven forced collections, the first is not counted.".into()];
    one.plots[0].shape = Shape::Bars{unit: Unit::NanosPerObject, bars: vec![
        Bar{label:"three pointers, 10 M objects".into(), value: 6.3, samples: vec![6.1,6.2,6.3,6.5,7.1], source: Source::Measured},
        Bar{label:"three nulls".into(), value: 4.1, samples: vec![4.0,4.1,4.4], source: Source::Measured},
        Bar{label:"three integers".into(), value: 2.2, samples: vec![2.1,2.2,2.25], source: Source::Measured},
        Bar{label:"three integers, predicted".into(), value: 2.5, samples: vec![], source: Source::Predicted},
        Bar{label:"three pointers, Go 1.27.3".into(), value: 18.4, samples: vec![], source: Source::Reference},
    ]};
    one.plots[1].shape = Shape::Lines{ x: Axis{label:"percentile".into(), scale: Scale::Linear, ticks: Ticks::Named(vec![(0.0,"0".into()),(1.0,"90".into()),(2.0,"99".into()),(3.0,"99.9".into()),(4.0,"99.99".into()),(5.0,"99.999".into())])}, y: Axis{label:"latency of one operation".into(), scale: Scale::Log, ticks: Ticks::Unit(Unit::Nanos)}, series: vec![
        Series{label:"stop the world".into(), points: (0..=40).map(|i| { let x=i as f64/8.0; (x, 300.0*(1.0+x)* if x>3.0 {10f64.powf((x-3.0)*2.0)} else {1.0})}).collect(), source: Source::Measured},
        Series{label:"no collection".into(), points: (0..=40).map(|i| { let x=i as f64/8.0; (x, 290.0*(1.0+x*x))}).collect(), source: Source::Measured},
        Series{label:"two workers".into(), points: (0..=40).map(|i| { let x=i as f64/8.0; (x, 280.0*(1.0+x*x)*if x>3.5 {10f64.powf((x-3.5)*1.5)} else {1.0})}).collect(), source: Source::Measured},
    ]};
    let extra = Plot{ title:"Finding a run of pages".into(), reading:"Flat from 1 GiB to 16 TiB".into(), shape: Shape::Lines{ x: Axis{label:"simulated heap".into(), scale: Scale::Log, ticks: Ticks::Unit(Unit::Bytes)}, y: Axis{label:"ns per find".into(), scale: Scale::Linear, ticks: Ticks::Unit(Unit::NanosPerOp)}, series: vec![Series{label:"one page".into(), points:(30..=44).map(|e| ((1u64<<e) as f64, 30.0+(e%3) as f64)).collect(), source: Source::Measured}, Series{label:"flat bitmap, reference".into(), points:(30..=44).map(|e| ((1u64<<e) as f64, 30.0+(e-30) as f64 *6.0)).collect(), source: Source::Reference}]}};
    one.plots.push(extra);
    std::fs::write("/tmp/tri/lab-demo.html", Html.render(&r)).unwrap();
    std::fs::write("/tmp/tri/lab-demo.txt", Text{colour:false}.render(&r)).unwrap();
    std::fs::write("/tmp/tri/lab-demo.md", Markdown.render(&r)).unwrap();
}
