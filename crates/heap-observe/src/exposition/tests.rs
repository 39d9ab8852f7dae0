use super::*;

#[test]
fn a_text_is_as_the_format_has_it() {
    let mut text = Exposition::default();
    text.family("a_bytes", Type::Gauge, "bytes", "One \"a\".");
    text.sample("a_bytes", Type::Gauge, &[("heap", "x\"y\\z\n")], 5_u64.into());
    text.sample("a_bytes", Type::Gauge, &[], Number::Real(f64::INFINITY));
    text.family("b", Type::Counter, "", "Back\\slash\nand line.");
    text.sample("b", Type::Counter, &[("one", "1"), ("two", "2")], Number::Real(0.25));
    let expected = "# TYPE a_bytes gauge\n# UNIT a_bytes bytes\n# HELP a_bytes One \\\"a\\\".\na_bytes{heap=\"x\\\"y\\\\z\\n\"} 5\n\
         a_bytes +Inf\n# TYPE b counter\n# HELP b Back\\\\slash\\nand line.\nb_total{one=\"1\",two=\"2\"} 0.25\n# EOF\n";
    assert_eq!(text.finish(), expected);
}
