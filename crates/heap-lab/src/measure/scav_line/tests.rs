use super::*;
use crate::measure::trace_line::tests::{PAGE, parsed};

fn round(goal: Option<usize>) -> Fields {
    Fields {
        by: By::Background,
        released: 300 << 20,
        assisted: 1 << 19,
        calls: 600,
        refused: 1,
        wall: Duration::from_millis(1500),
        cpu: Duration::from_micros(22_500),
        retained: 40 << 20,
        in_spans: 10 << 20,
        goal,
    }
}

#[test]
fn a_full_line_has_every_documented_field_in_its_unit() {
    let fields = parsed("scav", &line(3, Duration::from_millis(1250), &round(Some(44 << 20))));
    let names: Vec<&str> = fields.keys().map(String::as_str).collect();
    let documented = crate::measure::trace_line::tests::documented("scav");
    assert_eq!(names, documented.into_keys().collect::<Vec<_>>());
    for (name, expected) in [
        ("NUMBER", 3.0),
        ("@SECONDS", 1.25),
        ("released", 300.0),
        ("assisted", 0.5),
        ("calls", 600.0),
        ("wall", 1500.0),
        ("cpu", 22.5),
        ("used", 25.0),
        ("goal", 44.0),
    ] {
        assert_eq!(fields[name], expected, "{name}");
    }
}

#[test]
fn a_heap_without_a_goal_says_none() {
    assert!(!parsed("scav", &line(1, Duration::ZERO, &round(None))).contains_key("goal"));
    let empty = Fields { retained: 0, in_spans: 0, ..round(None) };
    assert_eq!(parsed("scav", &line(1, Duration::ZERO, &empty))["used"], 100.0);
}

#[test]
fn the_example_of_the_page_is_a_line() {
    let example = PAGE.lines().map(str::trim).find(|line| line.starts_with("scav 1 @")).expect("an example");
    assert!(parsed("scav", example).len() > 10);
}
