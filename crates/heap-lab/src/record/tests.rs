use super::*;
use crate::claim::{Claims, Tolerance};

/// A record with one claim that holds or not, for the tests of every format.
pub(crate) fn sample(measured: f64) -> Record {
    let mut claims = Claims::new();
    let bytes = claims.predict(
        "bytes of 100,000 objects & their <slice>",
        "100,000 × 8 B + 98 pages",
        1_602_816.0,
        Unit::Bytes,
        Tolerance::Relative(0.01),
    );
    let mut sealed = claims.seal();
    sealed.judge(bytes, measured);
    let mut table = Table::new("sizes & <counts>", ["size", "objects"]);
    table.row([String::from("8 B"), String::from("1,024")]);
    table.row([String::from("24 B")]);
    Record {
        id: "t00",
        title: "A sample <record>",
        question: "Does \"everything\" & more get escaped?",
        method: vec![String::from("Measured once.")],
        findings: vec![String::from("An object of 8 bytes costs 8 bytes.")],
        claims: sealed.judged().expect("judged"),
        figures: Map::from_iter([
            (String::from("delta"), number(measured)),
            (String::from("samples"), json!([1.5, 2.0])),
        ]),
        tables: vec![table],
        plots: vec![
            Plot {
                title: String::from("bytes an object costs"),
                reading: String::from("eight, not sixteen"),
                shape: Shape::Bars {
                    unit: Unit::BytesPerObject,
                    bars: vec![
                        Bar {
                            label: String::from("<here>"),
                            value: 8.0,
                            samples: vec![7.9, 8.0, 8.1],
                            source: Source::Measured,
                        },
                        Bar {
                            label: String::from("Go 1.27"),
                            value: 8.0,
                            samples: vec![],
                            source: Source::Reference,
                        },
                    ],
                },
            },
            Plot {
                title: String::from("pause by percentile"),
                reading: String::from("flat until the last nine"),
                shape: Shape::Lines {
                    x: Axis {
                        label: String::from("percentile"),
                        scale: Scale::Linear,
                        ticks: Ticks::Named(vec![(0.0, String::from("p0")), (2.0, String::from("p99"))]),
                    },
                    y: Axis {
                        label: String::from("pause"),
                        scale: Scale::Log,
                        ticks: Ticks::Unit(Unit::Nanos),
                    },
                    series: vec![Series {
                        label: String::from("stop"),
                        points: vec![(0.0, 1e3), (1.0, 2e3), (2.0, 9e5)],
                        source: Source::Measured,
                    }],
                },
            },
        ],
    }
}

#[test]
fn the_json_of_a_record_has_exactly_the_promised_keys() {
    let value = sample(1_602_840.0).json();
    let keys = |value: &Value| -> Vec<String> {
        let mut keys: Vec<String> = value.as_object().expect("an object").keys().cloned().collect();
        keys.sort();
        keys
    };
    assert_eq!(
        keys(&value),
        ["claims", "figures", "findings", "holds", "id", "method", "plots", "question", "tables", "title"]
    );
    assert_eq!(
        keys(&value["claims"][0]),
        ["extension", "holds", "measured", "model", "name", "predicted", "timed", "tolerance", "unit"]
    );
    assert_eq!(keys(&value["plots"][0]), ["reading", "series", "shape", "title", "x", "y"]);
    assert_eq!(value["plots"][0]["series"][0]["samples"], json!([7.9, 8, 8.1]));
    assert_eq!(value["plots"][1]["series"][0]["points"][2], json!([2, 900_000]));
    assert_eq!(value["plots"][1]["y"], json!({ "label": "pause", "unit": "ns" }));
    assert_eq!(value["tables"][0]["rows"], json!([["8 B", "1,024"], ["24 B", ""]]));
    assert_eq!(value["holds"], Value::Bool(true));
    assert_eq!(value["claims"][0]["predicted"], json!(1_602_816));
    assert_eq!(value["claims"][0]["unit"], json!("bytes"));
    assert_eq!(value["figures"]["samples"], json!([1.5, 2.0]));
}

#[test]
fn a_plot_is_also_a_table_of_all_its_numbers() {
    let record = sample(1_602_840.0);
    let bars = record.plots[0].numbers();
    assert_eq!(bars.rows[0], ["<here>", "8", "measured", "7.9 · 8 · 8.1"]);
    assert_eq!(bars.rows[1], ["Go 1.27", "8", "reference", ""]);
    let lines = record.plots[1].numbers();
    assert_eq!(lines.columns, ["of", "percentile", "pause", "whose"]);
    assert_eq!(lines.rows[2], ["stop", "p99", "900 µs", "measured"]);
    assert_eq!(lines.rows.len(), 3);
}

#[test]
fn one_failed_claim_fails_the_record() {
    let record = sample(2_400_000.0);
    assert!(!record.holds());
    assert_eq!(record.json()["holds"], Value::Bool(false));
    assert_eq!(record.json()["claims"][0]["holds"], Value::Bool(false));
}

#[test]
fn a_record_without_claims_does_not_hold() {
    let mut record = sample(1_602_816.0);
    record.claims.clear();
    assert!(!record.holds());
}

#[test]
fn numbers_are_whole_where_they_are_whole_and_null_where_they_are_none() {
    assert_eq!(number(1e6).to_string(), "1000000");
    assert_eq!(number(-2.5).to_string(), "-2.5");
    assert_eq!(number(f64::NAN), Value::Null);
    assert_eq!(number(1e300), json!(1e300));
}

#[test]
fn a_short_row_is_filled_and_a_long_one_cut_to_the_columns() {
    let mut table = Table::new("t", ["a", "b"]);
    table.row([String::from("1")]);
    table.row(["1", "2", "3"].map(String::from));
    assert_eq!(table.rows, vec![vec!["1", ""], vec!["1", "2"]]);
}
