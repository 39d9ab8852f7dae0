use super::*;
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../../docs/metrics.md");

/// Name, type, unit and help of every family.
fn all() -> Vec<(&'static str, Type, &'static str, &'static str)> {
    HEAP.iter().map(|family| (family.name, family.kind, family.unit, family.help)).chain(OTHERS).collect()
}

#[test]
fn names_are_unique_and_say_their_unit() {
    let all = all();
    let names: BTreeSet<_> = all.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names.len(), all.len());
    for (name, kind, unit, help) in all {
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert!(unit.is_empty() || name.ends_with(&format!("_{unit}")), "{name} is in {unit}");
        assert!(!name.ends_with("_total"), "{name}: that is what samples end in");
        assert!(
            ["bytes", "seconds", "ratio"]
                .iter()
                .all(|unit_name| !name.ends_with(unit_name) || unit == *unit_name),
            "{name}"
        );
        assert!(help.ends_with('.') && (kind != Type::Summary || name.ends_with("_seconds")), "{name}");
    }
}

#[test]
fn the_page_for_readers_has_each_family_as_it_is() {
    let rows: Vec<&str> = PAGE.lines().filter(|line| line.starts_with("| `")).collect();
    let expected: Vec<String> = all()
        .into_iter()
        .map(|(name, kind, unit, help)| {
            let sample = if kind == Type::Counter { format!("{name}_total") } else { name.to_owned() };
            let unit = if unit.is_empty() { "" } else { unit };
            format!("| `{sample}` | {} | {unit} | {help} |", kind.word())
        })
        .collect();
    assert_eq!(rows, expected, "docs/metrics.md should have these rows:\n{}", expected.join("\n"));
}
